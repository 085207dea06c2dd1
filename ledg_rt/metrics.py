"""How good predictions are: the figures that benchmarks and model cards quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

MIN_RANKED = 5
"""A platform with fewer graphs than this has no rank correlation worth an average."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """``mape`` and ``median_ape`` in percent, ``acc10``: percent of predictions within 10 %.

    ``spearman``: mean over groups (platforms) of at least ``MIN_RANKED`` members, None where there is none.
    """

    count: int
    mape: float
    median_ape: float
    acc10: float
    spearman: float | None


def accuracy(predicted_ms: ArrayLike, measured_ms: ArrayLike, groups: Sequence[str]) -> Accuracy:
    """Compare predictions with measurements, both in milliseconds; ``groups`` names each one's platform."""
    predicted, measured = np.asarray(predicted_ms, dtype=float), np.asarray(measured_ms, dtype=float)
    error = 100 * np.abs(predicted / measured - 1)
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    ranked = []
    for group in range(len(names)):
        here = member == group
        if here.sum() >= MIN_RANKED:
            rho = spearman(predicted[here], measured[here])
            if rho is not None:
                ranked.append(rho)
    return Accuracy(
        count=len(error), mape=float(error.mean()), median_ape=float(np.median(error)),
        acc10=float(100 * (error <= 10).mean()), spearman=float(np.mean(ranked)) if ranked else None,
    )  # fmt: skip


def spearman(a: ArrayLike, b: ArrayLike) -> float | None:
    """Rank correlation with mean ranks for ties; None where one side is constant."""
    ranks_a, ranks_b = _ranks(np.asarray(a, dtype=float)), _ranks(np.asarray(b, dtype=float))
    ranks_a, ranks_b = ranks_a - ranks_a.mean(), ranks_b - ranks_b.mean()
    scale = float(np.sqrt((ranks_a**2).sum() * (ranks_b**2).sum()))
    return float((ranks_a * ranks_b).sum()) / scale if scale else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]
