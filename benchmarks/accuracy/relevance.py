"""A Gaussian process that learns how much each feature counts and how noisy each level of its targets is.

Kernel: a scale times a Matern 5/2 of distances in which every feature has its own weight (automatic relevance determination:
Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 5.1). The logs of the weights share a
normal prior around their own mean, which holds them together where targets are few. Noise: the mean of c labels has
the variance exp(a + b m + d m^2) / c + exp(e + f m) at level m, the second part being what targets of the same input
share; m is what a process of constant noise predicts of a target without having seen it. All of it maximises the
posterior of the parameters, whose gradient is in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

Array = NDArray[np.float64]

FIRST_LENGTH = 5.0
"""Of all features, before any is learned."""
JITTER = 1e-6
LEVELS = 2.5
"""Levels of normal scores are cut to this, so that no noise is extrapolated."""
_NOISE = 5
"""Parameters of the noise: a, b, d, e, f."""
_START = (-3.0, 0.0, 0.0, -3.0, 0.0)
_BOUNDS = ((-9.0, 2.0), (-3.0, 3.0), (-1.0, 1.0), (-9.0, 2.0), (-3.0, 3.0))
"""Of a, b, d, e, f."""
_NOISE_PRIOR = 0.1
"""Inverse variance of each of them around ``_START``."""


@dataclass(frozen=True)
class RelevanceRecipe:
    """``spread``: deviation of the logs of the features' weights, 0 for equal ones; ``steps``: of L-BFGS in a pass;
    ``levels``: whether the noise depends on the level, which takes a second pass.
    """

    spread: float = 1.0
    steps: int = 30
    levels: bool = True


PLAIN = RelevanceRecipe(spread=0.0, levels=False)
"""One length for all features, one noise at all levels."""


@dataclass(frozen=True)
class Process:
    """What was learned at ``known`` [n, F]: ``weights`` [F] of the features, ``scale`` of the kernel, ``noise`` [5] as in
    ``_START``, ``shares`` [n] of the points in a prediction, added to ``mean``; ``unseen`` [n]: each target as all others predict it.
    """

    known: Array
    weights: Array
    scale: float
    noise: Array
    shares: Array
    mean: float
    unseen: Array

    def predict(self, wanted: Array) -> Array:
        """Posterior means at ``wanted`` [m, F]."""
        distances = _squares(wanted * self.weights, self.known * self.weights)
        return self.mean + self.scale * _matern(distances)[0] @ self.shares


def fitted(known: Array, targets: Array, counts: Array, recipe: RelevanceRecipe) -> Process:
    """Process of ``targets`` [n] (normal scores) at ``known`` [n, F], each the mean of ``counts`` [n] labels."""
    first = np.concatenate([[0.0], np.full(known.shape[1], -np.log(FIRST_LENGTH)), _START])
    found = _learned(known, targets, counts, np.zeros(len(targets)), first, recipe, constant=True)
    if not recipe.levels:
        return found
    begin = np.concatenate([[np.log(found.scale)], np.log(found.weights), found.noise])
    return _learned(
        known, targets, counts, np.clip(found.unseen, -LEVELS, LEVELS), begin, recipe, constant=False
    )


def _learned(known: Array, targets: Array, counts: Array, levels: Array, begin: Array, recipe: RelevanceRecipe, constant: bool) -> Process:  # fmt: skip
    mean = float(targets.mean())
    noise_bounds = [(0.0, 0.0) if constant and at in (1, 2, 4) else bound for at, bound in enumerate(_BOUNDS)]
    bounds = [(-4.0, 4.0), *[(-9.0, 3.0)] * known.shape[1], *noise_bounds]
    objective = _objective(known, targets - mean, counts, levels, recipe.spread)
    options = {"maxiter": recipe.steps}
    best = minimize(objective, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return _posterior(
        known, targets, counts, levels, np.exp(best[1:-_NOISE]), np.exp(best[0]), best[-_NOISE:]
    )


def given(process: Process, known: Array, targets: Array, counts: Array) -> Process:
    """``process`` with other targets than it was learned from: its weights, scale and noise at what it says of their levels."""
    levels = np.clip(process.predict(known), -LEVELS, LEVELS)
    return _posterior(known, targets, counts, levels, process.weights, process.scale, process.noise)


def _posterior(
    known: Array, targets: Array, counts: Array, levels: Array, weights: Array, scale: float, noise: Array
) -> Process:
    mean = float(targets.mean())
    kernel = scale * _matern(_squares(known * weights, known * weights))[0]
    inverse = _inverse(kernel, _variance(noise, counts, levels)[0])[0]
    shares = inverse @ (targets - mean)
    return Process(known, weights, float(scale), noise, shares, mean, targets - shares / inverse.diagonal())


def _objective(known: Array, centred: Array, counts: Array, levels: Array, spread: float) -> Callable[[Array], tuple[float, Array]]:  # fmt: skip
    """Negative log posterior of parameters and its gradient.

    With a ``spread`` of 0 the logs share their mean gradient, so that they stay equal where they begin equal.
    """
    prior = 0.5 / spread**2 if spread else 0.0

    def value(parameters: Array) -> tuple[float, Array]:
        scale, logs, noise = np.exp(parameters[0]), parameters[1:-_NOISE], parameters[-_NOISE:]
        scaled = known * np.exp(logs)
        kernel, slope = _matern(_squares(scaled, scaled))
        variance, by_noise = _variance(noise, counts, levels)
        inverse, log_determinant = _inverse(scale * kernel, variance)
        shares = inverse @ centred
        pull = 0.5 * (inverse - np.outer(shares, shares))
        slope *= scale
        slope *= pull
        off, away = logs - logs.mean(), noise - np.array(_START)
        # sum_ij S_ij (x_i - x_j)^2 = 2 sum_i (sum_j S_ij) x_i^2 - 2 sum_ij x_i S_ij x_j, and d/dlog w adds a 2.
        by_logs = 4 * (slope.sum(1) @ scaled**2 - (scaled * (slope @ scaled)).sum(0))
        if not spread:
            by_logs = np.full_like(by_logs, by_logs.mean())
        gradient = np.concatenate(
            [
                [scale * (pull * kernel).sum()],
                by_logs + 2 * prior * off,
                by_noise @ pull.diagonal() + _NOISE_PRIOR * away,
            ]
        )
        loss = (
            0.5 * centred @ shares
            + 0.5 * log_determinant
            + prior * off @ off
            + 0.5 * _NOISE_PRIOR * away @ away
        )
        return float(loss), gradient

    return value


def _variance(noise: Array, counts: Array, levels: Array) -> tuple[Array, Array]:
    """Of each target, and its derivatives by the five parameters [5, n]."""
    powers = np.stack([np.ones_like(levels), levels, levels**2])
    own = np.exp(noise[:3] @ powers) / counts
    shared = np.exp(noise[3:] @ powers[:2])
    return own + shared + JITTER, np.concatenate([own * powers, shared * powers[:2]])


def _inverse(kernel: Array, variance: Array) -> tuple[Array, float]:
    """Of ``kernel`` with ``variance`` on its diagonal, and the log of the determinant."""
    kernel[np.diag_indices_from(kernel)] += variance
    factor, _ = cho_factor(kernel, lower=True)
    inverse = dpotri(factor, lower=1)[0]
    lower = np.tril(inverse, -1)
    return lower + lower.T + np.diag(inverse.diagonal()), float(2 * np.log(factor.diagonal()).sum())


def _squares(a: Array, b: Array) -> Array:
    """Squared distances [n, m] of ``a`` [n, F] and ``b`` [m, F]."""
    found = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.asarray(np.maximum(found, 0.0))


def _matern(squares: Array) -> tuple[Array, Array]:
    """Matern 5/2 at squared distances, and its derivative by them."""
    far = np.sqrt(5 * squares)
    fall = np.exp(-far)
    return (1 + far + far**2 / 3) * fall, -5 / 6 * (1 + far) * fall
