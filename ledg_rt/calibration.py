"""A platform made one's own: the predictions of a bundle corrected by 1 to 50 measurements.

The correction is an affine map in log space,

    log measured = x + offset + slope (x - centre) + error,    x = log predicted,

fitted as a Bayesian linear regression. The prior speaks in units of the bundle's own 80 % interval: how far a
whole platform may be off (wide), how far the slope may be from one (tight), and how much of the interval
is scatter between networks, which no correction removes. The error is Student's t, so that one bad
measurement does not bend the rest; weights and scale follow from expectation maximisation (Lange, Little and
Taylor 1989), with the variance of the fit kept in the scale, so that a single measurement claims nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ledg_rt.errors import LedgError

OFFSET_SCALE = 1.5
"""Prior standard deviation of the offset, in half widths of the bundle's interval."""

SLOPE_SCALE = 0.1
"""Prior standard deviation of the slope, without a unit."""

RESIDUAL_SCALE = 0.3
"""Prior scale of the scatter between networks, in half widths of the bundle's interval."""

RESIDUAL_COUNT = 5.0
"""How many measurements the prior of the scatter is worth."""

FREEDOM = 4.0
"""Degrees of freedom of the error: the fewer, the less a far measurement counts."""

QUANTILE_90 = 1.5332062740589438
"""The 90 % quantile of Student's t with ``FREEDOM`` degrees of freedom."""

ROUNDS = 100
"""Rounds of expectation maximisation; it has converged long before."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted correction of one platform, for the predictions of one bundle.

    ``offset``: log of measured over predicted at ``centre`` (log ms); ``slope``: how that changes with each
    unit of log predicted; ``covariance``: of both (offset, both, slope); ``residual``: scale of the scatter
    in half widths of the bundle's interval; ``count``: measurements; ``bundle``: sha256 of its manifest.

    Raises:
        ValueError: figures that no fit gives.
    """

    bundle: str
    count: int
    centre: float
    offset: float
    slope: float
    covariance: tuple[float, float, float]
    residual: float

    def __post_init__(self) -> None:
        offset, both, slope = self.covariance
        if not all(
            map(math.isfinite, (self.centre, self.offset, self.slope, *self.covariance, self.residual))
        ):
            raise ValueError("a figure is not finite")
        if self.count < 1 or self.residual <= 0 or min(offset, slope) < 0 or both**2 > offset * slope:
            raise ValueError("count, residual or covariance is out of range")
        if self.slope <= -1:
            raise ValueError("slope is -1 or less: larger networks would be faster")

    def apply(self, log_ms: float, half_width: float) -> tuple[float, float]:
        """Correct one prediction.

        Args:
            log_ms: natural log of the predicted median in ms.
            half_width: of the bundle's 80 % interval, in log space.

        Returns:
            Both after the measurements; the interval is that of the posterior predictive distribution.
        """
        away = log_ms - self.centre
        offset, both, slope = self.covariance
        variance = offset + 2 * both * away + slope * away**2
        width = QUANTILE_90 * math.sqrt(max(0.0, variance) + (self.residual * half_width) ** 2)
        return log_ms + self.offset + self.slope * away, width


def fit(log_ms: ArrayLike, half_width: ArrayLike, measured_ms: ArrayLike, bundle: str) -> Calibration:
    """Fit the correction of one platform; the same input gives the same result, in any order.

    Args:
        log_ms: predicted medians, natural log of ms, one a measurement.
        half_width: of the bundle's 80 % intervals, in log space.
        measured_ms: medians as measured.
        bundle: sha256 of the manifest of the bundle that predicted.

    Raises:
        LedgError: no measurement.
    """
    x, width = np.asarray(log_ms, dtype=float), np.asarray(half_width, dtype=float)
    if not len(x):
        raise LedgError("usage", "there is no measurement to calibrate with", "give at least one")
    error = np.log(np.asarray(measured_ms, dtype=float)) - x
    order = np.lexsort((error, width, x))  # sums of floats depend on their order
    x, width, error = x[order], width[order], error[order]
    centre = float(x.mean())
    design = np.column_stack([np.ones_like(x), x - centre])
    prior = np.diag([(OFFSET_SCALE * float(np.median(width))) ** -2, SLOPE_SCALE**-2])
    residual = RESIDUAL_SCALE
    misfit = (error - np.median(error)) ** 2
    for _ in range(ROUNDS):
        weight = (FREEDOM + 1) / (FREEDOM + misfit / (residual * width) ** 2) / width**2
        covariance = np.linalg.inv(design.T @ (design * (weight / residual**2)[:, None]) + prior)
        fitted = covariance @ (design.T @ (error * weight / residual**2))
        # Expected squares: what is left over and what the fit itself is unsure of.
        misfit = (error - design @ fitted) ** 2 + ((design @ covariance) * design).sum(1)
        residual = math.sqrt(
            (RESIDUAL_COUNT * RESIDUAL_SCALE**2 + float((weight * misfit).sum())) / (RESIDUAL_COUNT + len(x))
        )
    return Calibration(
        bundle=bundle, count=len(x), centre=centre, offset=float(fitted[0]), slope=float(fitted[1]),
        covariance=(float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])),
        residual=residual,
    )  # fmt: skip


def calibration_from(table: Any) -> Calibration:
    """The calibration of its form in a platform file: the fields by name.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of range.
    """
    kinds = {"bundle": str, "count": int, "covariance": list}
    names = [field.name for field in fields(Calibration)]
    if not isinstance(table, Mapping) or sorted(table) != sorted(names):
        raise ValueError(f"its keys are {', '.join(names)}")
    for name in names:
        values = table[name] if name == "covariance" else [table[name]]
        if not isinstance(table[name], kinds.get(name, float)) or (name == "covariance" and len(values) != 3):
            raise ValueError(f"{name} = {table[name]!r} is none")
        if name not in ("bundle", "count") and not all(isinstance(value, float) for value in values):
            raise ValueError(f"{name} = {table[name]!r} is none")
    return Calibration(**{**table, "covariance": tuple(table["covariance"])})


def fit_intervals(
    p50_ms: Sequence[float], p90_ms: Sequence[float], measured_ms: Sequence[float], bundle: str
) -> Calibration:
    """``fit`` for latencies as rows have them: p50 and p90 in ms."""
    middle = np.log(p50_ms)
    return fit(middle, np.log(p90_ms) - middle, measured_ms, bundle)
