"""A platform made one's own: the predictions of a bundle corrected by 1 to 50 measurements.

The correction is a linear map in log space,

    log measured = x + offset + slope (x - x0) + balance (i - i0) + error,
    x = log predicted,  i = log of the network's FLOPs a byte at the platform's precision,

fitted as a Bayesian linear regression: how far the whole platform is off, how that changes with the size of networks,
and whether its arithmetic or its memory is better than described. The prior speaks in units of the bundle's own 80 %
interval: how far a platform may be off (wide), how much of the interval is scatter between networks, which no
correction removes; both trends are tight around none. The error is Student's t, so that one bad measurement does not
bend the rest; weights and scale follow from expectation maximisation (Lange, Little and Taylor 1989), with the
variance of the fit kept in the scale, so that a single measurement claims nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ledg_rt.errors import LedgError

OFFSET_SCALE = 1.5
"""Prior standard deviation of the offset, in half widths of the bundle's interval."""

SLOPE_SCALE = 0.1
"""Prior standard deviation of the slope, without a unit."""

BALANCE_SCALE = 0.2
"""Prior standard deviation of the balance, without a unit."""

RESIDUAL_SCALE = 0.2
"""Prior scale of the scatter between networks, in half widths of the bundle's interval."""

RESIDUAL_COUNT = 5.0
"""How many measurements the prior of the scatter is worth."""

FREEDOM = 4.0
"""Degrees of freedom of the error: the fewer, the less a far measurement counts."""

QUANTILE_90 = 1.5332062740589438
"""The 90 % quantile of Student's t with ``FREEDOM`` degrees of freedom."""

ROUNDING = 1e-9
"""How far below zero a covariance may be by rounding alone."""

ROUNDS = 100
"""Rounds of expectation maximisation; it has converged long before."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The fitted correction of one platform, for the predictions of one bundle.

    ``centre``: x0 and i0, log ms and log FLOPs a byte, where ``offset`` is the log of measured over predicted;
    ``slope`` and ``balance``: how that changes with each; ``covariance``: of offset, slope and balance;
    ``residual``: scale of the scatter in half widths of the bundle's interval; ``count``: measurements;
    ``bundle``: sha256 of its manifest.

    Raises:
        ValueError: figures that no fit gives.
    """

    bundle: str
    count: int
    centre: tuple[float, float]
    offset: float
    slope: float
    balance: float
    residual: float
    covariance: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        covariance = np.array(self.covariance)
        figures = (*self.centre, self.offset, self.slope, self.balance, self.residual, *covariance.ravel())
        if not all(map(math.isfinite, figures)):
            raise ValueError("a figure is not finite")
        if not np.array_equal(covariance, covariance.T) or np.linalg.eigvalsh(covariance)[0] < -ROUNDING:
            raise ValueError("the covariance is none")
        if self.count < 1 or self.residual <= 0:
            raise ValueError("count or residual is not positive")
        if self.slope <= -1:
            raise ValueError("slope is -1 or less: larger networks would be faster")

    def apply(self, log_ms: float, log_intensity: float, half_width: float) -> tuple[float, float]:
        """Correct one prediction.

        Args:
            log_ms: natural log of the predicted median in ms.
            log_intensity: natural log of the network's FLOPs a byte.
            half_width: of the bundle's 80 % interval, in log space.

        Returns:
            Log of the median in ms and half width after the measurements; the interval is that of the posterior
            predictive distribution.
        """
        away = np.array([1.0, log_ms - self.centre[0], log_intensity - self.centre[1]])
        moved = float(away @ np.array([self.offset, self.slope, self.balance]))
        variance = max(0.0, float(away @ np.array(self.covariance) @ away))
        return log_ms + moved, QUANTILE_90 * math.sqrt(variance + (self.residual * half_width) ** 2)


def fit(
    log_ms: ArrayLike, log_intensity: ArrayLike, half_width: ArrayLike, measured_ms: ArrayLike, bundle: str
) -> Calibration:
    """Fit the correction of one platform; the same input gives the same result, in any order.

    Args:
        log_ms: predicted medians, natural log of ms, one a measurement.
        log_intensity: natural log of each network's FLOPs a byte.
        half_width: of the bundle's 80 % intervals, in log space.
        measured_ms: medians as measured.
        bundle: sha256 of the manifest of the bundle that predicted.

    Raises:
        LedgError: no measurement.
    """
    rows = np.column_stack([log_ms, log_intensity, half_width, np.log(measured_ms)]).astype(float)
    if not len(rows):
        raise LedgError("usage", "there is no measurement to calibrate with", "give at least one")
    x, intensity, width, measured = rows[np.lexsort(rows.T)].T  # sums of floats depend on their order
    error = measured - x
    centre = (float(x.mean()), float(intensity.mean()))
    design = np.column_stack([np.ones_like(x), x - centre[0], intensity - centre[1]])
    prior = np.diag([OFFSET_SCALE * float(np.median(width)), SLOPE_SCALE, BALANCE_SCALE]) ** 2
    precision = np.linalg.inv(prior)
    residual = RESIDUAL_SCALE
    misfit = (error - np.median(error)) ** 2
    for _ in range(ROUNDS):
        weight = (FREEDOM + 1) / (FREEDOM + misfit / (residual * width) ** 2) / width**2
        covariance = np.linalg.inv(design.T @ (design * (weight / residual**2)[:, None]) + precision)
        fitted = covariance @ (design.T @ (error * weight / residual**2))
        # Expected squares: what is left over and what the fit itself is unsure of.
        misfit = (error - design @ fitted) ** 2 + ((design @ covariance) * design).sum(1)
        residual = math.sqrt(
            (RESIDUAL_COUNT * RESIDUAL_SCALE**2 + float((weight * misfit).sum())) / (RESIDUAL_COUNT + len(x))
        )
    offset, slope, balance = map(float, fitted)
    symmetric = (covariance + covariance.T) / 2
    return Calibration(
        bundle=bundle, count=len(x), centre=centre, offset=offset, slope=slope, balance=balance, residual=residual,
        covariance=tuple(tuple(map(float, row)) for row in symmetric),
    )  # fmt: skip


def calibration_from(table: Any) -> Calibration:
    """The calibration of its form in a platform file: the fields by name.

    Raises:
        ValueError: a field is missing, unknown, of another type or out of range.
    """
    names = [field.name for field in fields(Calibration)]
    if not isinstance(table, Mapping) or sorted(table) != sorted(names):
        raise ValueError(f"its keys are {', '.join(names)}")
    for name, value in table.items():
        if not _KINDS.get(name, _is_number)(value):
            raise ValueError(f"{name} = {value!r} is none")
    covariance = tuple(map(tuple, table["covariance"]))
    return Calibration(**{**table, "centre": tuple(table["centre"]), "covariance": covariance})


def _is_number(value: Any) -> bool:
    return isinstance(value, float)


def _is_list(value: Any, size: int) -> bool:
    return isinstance(value, list) and len(value) == size


_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "bundle": lambda value: isinstance(value, str),
    "count": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "centre": lambda value: _is_list(value, 2) and all(map(_is_number, value)),
    "covariance": lambda value: (
        _is_list(value, 3) and all(_is_list(row, 3) and all(map(_is_number, row)) for row in value)
    ),
}
"""What each field of a file has to be, where it is not a number."""
