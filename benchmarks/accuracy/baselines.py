"""What LeDG-Former has to beat, on the same rows: roofline, regression on totals, gradient boosting.

Each is tuned with ``TRIALS`` random trials on the validation rows. Known devices help each of them: the
roofline and the regression get an offset per platform, the boosting the platform as a category.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from ledg_rt.encoding import QUANTITIES, TRAITS, GraphEncoding, encode_platform
from ledg_rt.platforms.device import PRECISION_BITS, Platform

TRIALS = 20


@dataclass(frozen=True)
class Rows:
    """Measurements as the baselines see them, one row each."""

    graphs: Sequence[GraphEncoding]
    platforms: Sequence[Platform]
    log_ms: NDArray[np.float64]

    @property
    def names(self) -> NDArray[np.str_]:
        """Platform ids."""
        return np.array([platform.id for platform in self.platforms])


class Totals:
    """Totals of a graph and numbers of a platform, computed once for each."""

    def __init__(self) -> None:
        self._graphs: dict[int, NDArray[np.float64]] = {}
        self._platforms: dict[str, NDArray[np.float64]] = {}

    def graph(self, encoding: GraphEncoding) -> NDArray[np.float64]:
        """Logs of MACs, FLOPs, activations, weights, bytes; nodes, depthwise share, 3x3 share, batch."""
        key = id(encoding)
        if key not in self._graphs:
            total = encoding.quantities.sum(0)
            macs = np.maximum(encoding.quantities[:, QUANTITIES.index("macs")], 0)
            depthwise = encoding.traits[:, TRAITS.index("depthwise")] > 0
            large = encoding.traits[:, TRAITS.index("kernel")] > 0
            shares = [macs[depthwise].sum() / max(macs.sum(), 1), macs[large].sum() / max(macs.sum(), 1)]
            self._graphs[key] = np.array(
                [*np.log1p(total), np.log(len(encoding.text)), *shares, np.log(encoding.batch)]
            )
        return self._graphs[key]

    def platform(self, platform: Platform) -> NDArray[np.float64]:
        """The numbers that LeDG-Former gets of the platform."""
        if platform.id not in self._platforms:
            self._platforms[platform.id] = encode_platform(platform).numeric.astype(np.float64)
        return self._platforms[platform.id]

    def rows(self, rows: Rows) -> NDArray[np.float64]:
        """Both, side by side [rows, features]."""
        graph = np.stack([self.graph(encoding) for encoding in rows.graphs])
        return np.column_stack([graph, np.stack([self.platform(platform) for platform in rows.platforms])])


Fit = Callable[[np.random.Generator, Rows], Callable[[Rows], NDArray[np.float64]]]
"""A random setting and training rows to a function that predicts log milliseconds."""


def tuned(fit: Fit, train: Rows, validation: Rows, seed: int = 0) -> Callable[[Rows], NDArray[np.float64]]:
    """The best of ``TRIALS`` random settings by median absolute log error on the validation rows."""
    return best_trial(fit, train, validation, seed)[1]


def best_trial(
    fit: Fit, train: Rows, validation: Rows, seed: int = 0
) -> tuple[int, Callable[[Rows], NDArray[np.float64]]]:
    """Number and predictor of the best of ``TRIALS``; the generator of a trial is seeded with (seed, number)."""
    best, chosen = np.inf, None
    for trial in range(TRIALS):
        predict = fit(np.random.default_rng((seed, trial)), train)
        error = float(np.median(np.abs(predict(validation) - validation.log_ms)))
        if error < best:
            best, chosen = error, (trial, predict)
    if chosen is None:
        raise ValueError("no trial gave a finite error")
    return chosen


def _offsets(names: NDArray[np.str_], residual: NDArray[np.float64], shrink: float) -> dict[str, float]:
    """Mean residual of each platform, shrunk to zero as if ``shrink`` rows said so."""
    return {
        str(name): float(residual[names == name].sum() / ((names == name).sum() + shrink))
        for name in np.unique(names)
    }


def roofline(rng: np.random.Generator, train: Rows) -> Callable[[Rows], NDArray[np.float64]]:
    """Roofline with efficiencies, a cost per node, and a factor per platform from the training rows."""
    compute_share, memory_share = 10 ** rng.uniform(-1.5, 0, 2)
    per_node_ms, shrink = 10 ** rng.uniform(-4, -1), 10 ** rng.uniform(-1, 1)
    default_peak, default_bandwidth = 10 ** rng.uniform(1, 3), 10 ** rng.uniform(0.5, 2)

    def raw(rows: Rows) -> NDArray[np.float64]:
        found = []
        for encoding, platform in zip(rows.graphs, rows.platforms, strict=True):
            quantities = encoding.quantities
            share = PRECISION_BITS[platform.precision] / 32
            compute = quantities[:, 1] / ((platform.peak_gops or default_peak) * 1e6 * compute_share)
            moved = quantities[:, 5] * share + quantities[:, 6]
            memory = moved / ((platform.bandwidth_gbs or default_bandwidth) * 1e6 * memory_share)
            found.append(np.log(np.maximum(compute, memory).sum() + per_node_ms * len(quantities)))
        return np.array(found)

    residual = train.log_ms - raw(train)
    common = float(np.median(residual))
    offset = _offsets(train.names, residual - common, shrink)
    return lambda rows: raw(rows) + common + np.array([offset.get(str(name), 0.0) for name in rows.names])


def regression(totals: Totals) -> Fit:
    """Ridge regression of log latency on log FLOPs, bytes, nodes and platform numbers, with offsets."""

    def fit(rng: np.random.Generator, train: Rows) -> Callable[[Rows], NDArray[np.float64]]:
        columns = [1, 3, 4, 5, 8, 11] if rng.random() < 0.5 else [0, 5]
        shrink, alpha = 10 ** rng.uniform(-1, 1.5), 10 ** rng.uniform(-3, 2)
        graph_size = len(totals.graph(train.graphs[0]))

        def features(rows: Rows) -> NDArray[np.float64]:
            return totals.rows(rows)[
                :, [*columns, *range(graph_size, graph_size + len(totals.platform(rows.platforms[0])))]
            ]

        model = Ridge(alpha=alpha).fit(features(train), train.log_ms)
        offset = _offsets(train.names, train.log_ms - model.predict(features(train)), shrink)
        return lambda rows: (
            model.predict(features(rows)) + np.array([offset.get(str(name), 0.0) for name in rows.names])
        )

    return fit


def boosting(totals: Totals) -> Fit:
    """Gradient boosting on totals and platform numbers, with the platform's mean residual as a feature."""

    def fit(rng: np.random.Generator, train: Rows) -> Callable[[Rows], NDArray[np.float64]]:
        linear = regression(totals)(np.random.default_rng(0), train)
        start = linear(train)
        from_residual = rng.random() < 0.5
        offset = _offsets(train.names, train.log_ms - start, 2.0)

        def features(rows: Rows) -> NDArray[np.float64]:
            known = np.array([offset.get(str(name), np.nan) for name in rows.names])
            return np.column_stack([totals.rows(rows), known, linear(rows)])

        model = HistGradientBoostingRegressor(
            loss=str(rng.choice(["absolute_error", "squared_error"])), learning_rate=10 ** rng.uniform(-1.7, -0.5),
            max_iter=int(rng.integers(100, 500)), max_leaf_nodes=int(rng.integers(8, 64)),
            min_samples_leaf=int(rng.integers(3, 60)), l2_regularization=10 ** rng.uniform(-3, 1), random_state=0,
        )  # fmt: skip
        model.fit(features(train), train.log_ms - (start if from_residual else 0))
        return lambda rows: model.predict(features(rows)) + (linear(rows) if from_residual else 0)

    return fit
