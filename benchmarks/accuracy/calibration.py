"""What a few measurements of a new chip are worth: errors of the rest after 0 to 50 of them.

Every platform of a new chip is calibrated with n of its measurements, drawn by fixed seeds, by the very
``ledg_rt.calibration`` that ships, and the rest is predicted. A chip's error is the median APE over its rest; the
table has the median over (source, chip) pairs and the share of the rest in the 80 % interval. The predictions are those of
``benchmarks.accuracy.folds``; ``benchmarks.accuracy.unseen`` prints the table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.accuracy.splits import chip_of
from ledg_rt.calibration import fit

COUNTS = (0, 1, 5, 10, 20, 50)
SEEDS = 3
LEAST_REST = 10
"""Measurements that have to be left to judge by."""


@dataclass(frozen=True)
class Result:
    """Figures in percent after ``count`` measurements, over ``chips`` pairs of source and chip."""

    count: int
    chips: int
    median_ape: float
    coverage: float


@dataclass(frozen=True)
class Predicted:
    """A measurement of a new chip and what was predicted: natural logs of ms, half width of the interval, log FLOPs a byte."""

    source: str
    platform: str
    log_ms: float
    half_width: float
    log_intensity: float
    log_measured: float


def measure(rows: Sequence[Predicted], counts: Sequence[int] = COUNTS) -> list[Result]:
    """Calibrate every platform of ``rows`` with each of ``counts`` measurements; it needs ``LEAST_REST`` more."""
    platforms: dict[tuple[str, str], list[Predicted]] = defaultdict(list)
    for row in rows:
        platforms[row.source, row.platform].append(row)
    results = []
    for count in counts:
        errors: dict[tuple[str, str], list[float]] = defaultdict(list)
        covered: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for (source, platform), found in platforms.items():
            if len(found) < count + LEAST_REST:
                continue
            chip = (source, chip_of(platform))
            for seed in range(SEEDS):
                order = [found[at] for at in np.random.default_rng(seed).permutation(len(found))]
                for row, middle, width in _calibrated(order[:count], order[count:]):
                    off = middle - row.log_measured
                    errors[chip].append(abs(np.expm1(off)))
                    covered[chip].append(bool(abs(off) <= width))
        if errors:
            results.append(
                Result(
                    count, len(errors), float(100 * np.median([np.median(found) for found in errors.values()])),
                    float(100 * np.mean([np.mean(found) for found in covered.values()])),
                )
            )  # fmt: skip
    return results


def _calibrated(
    chosen: Sequence[Predicted], rest: Sequence[Predicted]
) -> Iterator[tuple[Predicted, float, float]]:
    """Each row of ``rest`` with its middle and half width after the measurements ``chosen``."""
    if not chosen:
        yield from ((row, row.log_ms, row.half_width) for row in rest)
        return
    columns = [[getattr(row, name) for row in chosen] for name in ("log_ms", "log_intensity", "half_width")]
    fitted = fit(*columns, np.exp([row.log_measured for row in chosen]), "")
    for row in rest:
        yield row, *fitted.apply(row.log_ms, row.log_intensity, row.half_width)


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown."""
    lines = ["| measurements | chips | median APE % | in the 80 % interval % |", "|---|---|---|---|"]
    lines += [
        f"| {row['count']} | {row['chips']} | {row['median_ape']:.1f} | {row['coverage']:.1f} |"
        for row in results
    ]
    return "\n".join(lines)
