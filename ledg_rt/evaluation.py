"""Predictions against one's own measurements: how good they are, and a platform fitted to them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ledg_rt.calibration import Calibration, fit
from ledg_rt.errors import LedgError, PlatformError
from ledg_rt.measurements import LineCode, LineError, Measurement, Table, only_platform
from ledg_rt.metrics import Accuracy, accuracy
from ledg_rt.platforms import Platform, resolve
from ledg_rt.results import BundleInfo, Explained, Failure, Latency

WORST = 10


class RowSource(Protocol):
    """What is needed of a ``Predictor``."""

    bundle: BundleInfo

    def iter_explain(
        self,
        models: Sequence[str],
        platforms: Sequence[Platform],
        *,
        batch: int | None = None,
        top: int | None = 3,
    ) -> Iterator[Explained]:
        """One row a model and platform, models first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A line of the table beside its prediction; ``latency_ms`` is ``None`` where ``error`` says why.
    ``log_intensity``: natural log of FLOPs a byte.
    """

    line: int
    model: str
    platform: str
    batch: int | None
    measured_ms: float | None
    latency_ms: Latency | None
    flags: tuple[str, ...] = ()
    error: Failure | None = None
    log_intensity: float | None = None

    @property
    def error_percent(self) -> float | None:
        """How far p50 is off, in percent of the measurement; positive where it is too long."""
        if self.latency_ms is None or self.measured_ms is None:
            return None
        return 100 * (self.latency_ms.p50 / self.measured_ms - 1)

    @property
    def covered(self) -> bool | None:
        """Whether the measurement lies in the 80 % interval."""
        if self.latency_ms is None or self.measured_ms is None:
            return None
        return self.latency_ms.p10 <= self.measured_ms <= self.latency_ms.p90


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of one platform, or of all (``platform`` is ``None``); ``coverage``: percent in the interval."""

    platform: str | None
    accuracy: Accuracy
    coverage: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``comparisons`` in the order of the table, once for each platform."""

    comparisons: tuple[Comparison, ...]

    @property
    def scored(self) -> tuple[Comparison, ...]:
        """Those with a prediction."""
        return tuple(found for found in self.comparisons if found.error is None)

    @property
    def failed(self) -> tuple[Comparison, ...]:
        """Those without one."""
        return tuple(found for found in self.comparisons if found.error is not None)

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """Figures of each platform in order of appearance, then of all where there are several; empty where
        nothing has a prediction.
        """
        by_platform: dict[str, list[Comparison]] = defaultdict(list)
        for found in self.scored:
            by_platform[found.platform].append(found)
        summaries = [_summary(platform, found) for platform, found in by_platform.items()]
        if len(summaries) > 1:
            summaries.append(_summary(None, self.scored))
        return tuple(summaries)

    @property
    def worst(self) -> tuple[Comparison, ...]:
        """The ``WORST`` comparisons of the largest absolute percentage error, the worst first."""
        return tuple(sorted(self.scored, key=lambda found: -abs(found.error_percent or 0.0))[:WORST])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibrated platform, and how its measurements compare with the predictions before and after."""

    platform: Platform
    before: Evaluation
    after: Evaluation


def evaluate(
    table: Table, predictor: RowSource, platforms: Sequence[str] = (), *, where: str = ""
) -> Evaluation:
    """Predict what was measured.

    Args:
        table: of ``read_measurements``.
        predictor: gives the rows.
        platforms: descriptions that stand in for the platform of the table; each is compared with every line.
        where: name of the table, for messages.

    Raises:
        PlatformError: one of ``platforms`` cannot be understood.
        LedgError: the table names several platforms and ``platforms`` is given, or neither names any.
    """
    wanted = tuple(resolve(platform) for platform in platforms)
    if wanted:
        only_platform(table.measurements, where)
    elif table.measurements and not any(measurement.platform for measurement in table.measurements):
        raise LedgError("usage", f"{where}: names no platform", "give --platform, or a column 'platform'")
    return _compared(table, predictor, wanted)


def calibrate(table: Table, predictor: RowSource, platform: Platform, *, where: str = "") -> Fitted:
    """Fit ``platform`` to what was measured on it; an older calibration of it is left behind.

    Args:
        table: of ``read_measurements``.
        predictor: gives the rows.
        platform: what was measured, as described.
        where: name of the table, for messages.

    Raises:
        LedgError: the table names several platforms, or nothing in it can be predicted.
    """
    only_platform(table.measurements, where)
    plain = replace(platform, calibration=None)
    before = _compared(table, predictor, (plain,))
    if not before.scored:
        first = before.failed[0].error if before.failed else None
        reason = f"; line {before.failed[0].line}: {first.message}" if first else ""
        raise LedgError("usage", f"{where}: no line of it can be used{reason}", "see `ledg evaluate`")
    figures = np.array([(*_figures(found), found.measured_ms) for found in before.scored], dtype=float)
    log_ms, intensity, half_width, measured_ms = figures.T
    fitted = fit(log_ms, intensity, half_width, measured_ms, predictor.bundle.sha256)
    after = tuple(
        replace(found, latency_ms=_applied(fitted, found)) if found.error is None else found
        for found in before.comparisons
    )
    return Fitted(replace(plain, calibration=fitted), before, Evaluation(after))


def _figures(found: Comparison) -> tuple[float, float, float]:
    """What a calibration sees of a comparison with a prediction: log ms, log intensity, half width."""
    if found.latency_ms is None or found.log_intensity is None:
        raise ValueError("a comparison without a prediction")
    middle = math.log(found.latency_ms.p50)
    return middle, found.log_intensity, math.log(found.latency_ms.p90) - middle


def _applied(calibration: Calibration, found: Comparison) -> Latency:
    log_ms, half = calibration.apply(*_figures(found))
    return Latency(*(math.exp(log_ms + shift) for shift in (-half, 0.0, half)))


def _compared(table: Table, predictor: RowSource, platforms: Sequence[Platform]) -> Evaluation:
    """Comparisons in the order of the table. Lines that share batch and platforms are one call of the
    predictor, which reads files in parallel.
    """
    found = [
        Comparison(fault.line, fault.model, "", None, None, None, error=_failure(fault.error))
        for fault in table.faults
    ]
    understood: dict[str | None, Platform | LineError] = {}
    calls: dict[tuple[int | None, tuple[Platform, ...]], list[Measurement]] = defaultdict(list)
    for measurement in table.measurements:
        named = measurement.platform
        if not platforms and named not in understood:
            understood[named] = _understood(named)
        own = tuple(platforms) or understood[named]
        if isinstance(own, LineError):
            found.append(_comparison(measurement, named or "", error=_failure(own)))
        else:
            calls[measurement.batch, own if isinstance(own, tuple) else (own,)].append(measurement)
    for (batch, wanted), together in calls.items():
        models = [measurement.model for measurement in together]
        rows = iter(predictor.iter_explain(models, wanted, batch=batch, top=0))
        for measurement in together:
            found += [_against(measurement, platform.text, next(rows)) for platform in wanted]
    return Evaluation(tuple(sorted(found, key=lambda comparison: comparison.line)))


def _against(measurement: Measurement, platform: str, explained: Explained) -> Comparison:
    row = explained.row
    if row.error is not None:
        return _comparison(measurement, platform, error=row.error)
    if measurement.batch not in (None, row.batch):
        error = LineError(
            LineCode.OTHER_BATCH, f"measured with batch {measurement.batch}, but the file fixes {row.batch}",
            "export the file that was measured",
        )  # fmt: skip
        return _comparison(measurement, platform, error=_failure(error))
    return Comparison(
        measurement.line, measurement.model, platform, row.batch, measurement.latency_ms, row.latency_ms, row.flags,
        log_intensity=explained.log_intensity,
    )  # fmt: skip


def _comparison(measurement: Measurement, platform: str, *, error: Failure) -> Comparison:
    return Comparison(
        measurement.line,
        measurement.model,
        platform,
        measurement.batch,
        measurement.latency_ms,
        None,
        error=error,
    )


def _understood(platform: str | None) -> Platform | LineError:
    if platform is None:
        return LineError(LineCode.BAD_PLATFORM, "no platform is named", "fill in the column 'platform'")
    try:
        return resolve(platform)
    except PlatformError as error:
        return LineError(LineCode.BAD_PLATFORM, error.message, error.hint)


def _failure(error: LedgError) -> Failure:
    return Failure(str(error.code), error.message, error.hint)


def _summary(platform: str | None, found: Sequence[Comparison]) -> Summary:
    predicted = [item.latency_ms.p50 for item in found if item.latency_ms]
    measured = [item.measured_ms for item in found if item.measured_ms]
    figures = accuracy(predicted, measured, [item.platform for item in found])
    return Summary(platform, figures, 100 * sum(bool(item.covered) for item in found) / len(found))
