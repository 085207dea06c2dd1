"""Latencies on a platform that nobody measured, lent by the platforms that are like it in words and figures.

What kinship (``ledg_rt.kinship``) does with vectors, done with the measured latencies of other chips: what is lent is
the measured latencies of the same networks: a platform p gets sum_q w_pq z_q with w_pq in proportion to
exp(-sum_d a_d D_d(p, q)) + floor over the columns q of other chips. D_d are squared distances of descriptions, z_q the
standard scores of a column's log latencies: those of a ridge on the choices of the network and a share of what the
ridge leaves over, since some columns are half noise. The scales a_d, the floor, which gives a platform without any kin
the mean of all, and the share maximise the correlation with each column of the training chips of what the columns of
*other* chips lend to it. That needs the covariances of columns alone, so that a fit takes a second.

Level and spread of a column are lent in the same way, the level after a ridge on batch and peaks. A few measured
networks then move the prediction: see ``few_shots``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from torch import Tensor

from benchmarks.accuracy.hardware_columns import Space, physics

STEPS, RATE = 120, 0.1
PRIOR = 0.02
"""Weight of the squared distance of the logarithms of scales and floor from their start."""
FLOOR_START = -4.0
SHARES = (0.0, 0.3, 1.0)
"""Of what ridges leave over: see ``offers``."""
SMOOTHING = 1.0
OUTLIER = 4.0
"""Standard scores beyond this are cut: a handful of networks must not make a correlation."""

Float = NDArray[np.float64]
Chosen = NDArray[np.int64]


@dataclass(frozen=True)
class Standard:
    """Columns as standard scores [P, N] (NaN where not measured), with ``level`` [P] and ``spread`` [P] of log ms."""

    scores: Float
    level: Float
    spread: Float


def standard(log_ms: Float) -> Standard:
    """Standardise each row."""
    level, spread = np.nanmean(log_ms, 1), np.nanstd(log_ms, 1)
    scores = (log_ms - level[:, None]) / spread[:, None]
    return Standard(np.clip(scores, -OUTLIER, OUTLIER), level, spread)


def smoothed(scores: Float, features: Float, rows: NDArray[np.bool_]) -> Float:
    """Ridges of each of ``scores`` [P, N] on ``features`` [N, F], fitted to the measured ones among ``rows`` [N]: [P, N]."""
    found = np.empty_like(scores)
    there = ~np.isnan(scores) & rows
    # Columns that have the same networks are one problem.
    masks, member = np.unique(there, axis=0, return_inverse=True)
    for at, mask in enumerate(masks):
        columns = np.flatnonzero(member.reshape(-1) == at)
        ridge = Ridge(alpha=SMOOTHING).fit(features[mask], scores[columns][:, mask].T)
        found[columns] = ridge.predict(features).reshape(len(features), -1).T
    return found


def offers(scores: Float, smooth: Float, share: float) -> Float:
    """What lenders offer: ``smooth`` and a ``share`` of what was measured beside it, nothing where nothing was."""
    return smooth + share * np.nan_to_num(scores - smooth)


class Lending:
    """Weights of lenders by description, fitted to columns of known chips; ``share``, see ``offers``."""

    def __init__(self, distances: Float, scores: Float, smooth: Float, chips: Sequence[str]) -> None:
        """Of the T training columns: ``distances`` [D, T, T], ``scores`` and ``smooth`` [T, N], ``chips``."""
        names = np.asarray(chips)
        apart = torch.from_numpy(names[:, None] != names[None])
        fits = [
            (
                *self._fit(
                    torch.from_numpy(distances), *_agreement(offers(scores, smooth, share), scores), apart
                ),
                share,
            )
            for share in SHARES
        ]
        _, self._parameters, self.share = min(fits, key=lambda fit: fit[0])

    def _fit(self, distances: Tensor, cross: Tensor, inner: Tensor, apart: Tensor) -> tuple[float, Tensor]:
        """Loss and parameters."""
        start = torch.zeros(len(distances) + 1, dtype=torch.float64)
        start[-1] = FLOOR_START
        parameters = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([parameters], RATE)
        for _ in range(STEPS):
            weights = _lenders(parameters, distances, apart)
            agreement = (weights * cross).sum(1) / ((weights @ inner) * weights).sum(1).clamp(min=1e-9).sqrt()
            loss = PRIOR * (parameters - start).square().mean()
            loss = loss - torch.atanh(agreement.clamp(-0.999, 0.999)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach()), parameters.detach()

    def weights(self, distances: Float) -> Float:
        """Of lenders for borrowers, [B, T], from their ``distances`` [D, B, T]."""
        lends = torch.ones(distances.shape[1:], dtype=torch.bool)
        return _lenders(self._parameters, torch.from_numpy(distances), lends).numpy()


def _lenders(parameters: Tensor, distances: Tensor, lends: Tensor) -> Tensor:
    near = torch.exp(-(parameters[:-1].exp()[:, None, None] * distances).sum(0))
    near = (near + parameters[-1].exp()) * lends
    return near / near.sum(-1, keepdim=True)


def _agreement(offered: Float, scores: Float) -> tuple[Tensor, Tensor]:
    """Covariances of each column's ``scores`` with what all offer, [T, T], and of the offers, [T, T]."""
    there = ~np.isnan(scores)
    cross = np.nan_to_num(scores) @ (offered - offered.mean(1, keepdims=True)).T / there.sum(1, keepdims=True)
    return torch.from_numpy(cross), torch.from_numpy(np.cov(offered))


def levels(
    space: Space, known: Standard, train: Chosen, scored: Chosen, weights: Float
) -> tuple[Float, Float]:
    """Level and spread of log ms of the ``scored`` columns, [B] each: a ridge on the physics, its residuals lent."""
    inputs = physics(space)
    ridge = Ridge(alpha=1.0).fit(inputs[train], known.level[train])
    residual = known.level[train] - ridge.predict(inputs[train])
    level = ridge.predict(inputs[scored]) + weights @ residual
    return level, np.exp(weights @ np.log(known.spread[train]))


LEVEL_DEVIATION = 0.5
"""Expected of a level, in log ms."""
STRETCH_DEVIATION = 0.3
SCORE_DEVIATIONS, NOISES = (0.0, 0.1, 0.3, 1.0), (0.05, 0.15, 0.5)
"""Expected of a prior's stretch, of what it misses and of the noise, in units of its own deviation over networks."""


def few_shots(prior: Float, features: Float, measured: Chosen, log_ms: Float) -> Float:
    """``prior`` log ms [N] moved by ``log_ms`` [k] of the ``measured`` networks.

    Gaussian processes on what the prior leaves over: a constant, a multiple of the prior's own deviation from its mean, and
    a linear function of ``features`` [N, F]; one for each of the expected deviations, averaged by their evidence.
    """
    deviation = prior.std()
    own = (prior - prior.mean()) / deviation
    common = LEVEL_DEVIATION**2 + (deviation * STRETCH_DEVIATION) ** 2 * np.outer(own, own[measured])
    linear = deviation**2 * features @ features[measured].T / features.shape[1]
    left = log_ms - prior[measured]
    moved, evidence = [], []
    for score, noise in product(SCORE_DEVIATIONS, NOISES):
        covariance = common + score**2 * linear
        inner = covariance[measured] + (deviation * noise) ** 2 * np.eye(len(left))
        weights = np.linalg.solve(inner, left)
        moved.append(prior + covariance @ weights)
        evidence.append(-0.5 * (left @ weights + np.linalg.slogdet(inner)[1]))
    share = np.exp(np.array(evidence) - max(evidence))
    return share @ np.stack(moved) / share.sum()
