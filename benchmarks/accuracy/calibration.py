"""What a few measurements of a new chip are worth: errors of the rest after 0 to 50 of them.

    python -m benchmarks.accuracy.calibration --cache .cache/corpus --run checkpoints/latency

Predicts with the finished run of ``benchmarks.accuracy.latency``.

Every platform of a held-out chip is calibrated with n of its measurements, drawn by fixed seeds, by the very
``ledg_rt.calibration`` that ships, and the rest is predicted. A chip's error is the median APE over its rest; the
table has the median over (source, chip) pairs and the share of the rest in the 80 % interval. ``--part validation``
is for choosing the widths of the priors; test rows write ``benchmarks/results/calibration.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.latency import RESULTS, Predict, draw, predictor_of
from benchmarks.accuracy.splits import chip_of
from ledg_export.corpora.sample import Sample
from ledg_rt.calibration import fit
from ledg_rt.encoding import GraphEncoding, rebatch
from ledg_rt.platforms import resolve
from ledg_rt.roofline import log_intensity

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


def measure(
    samples: Sequence[Sample],
    predictor: Predict,
    graphs: Mapping[str, GraphEncoding],
    factor: float,
    counts: Sequence[int] = COUNTS,
) -> list[Result]:
    """Calibrate every platform of ``samples``.

    Args:
        samples: of held-out chips.
        predictor: gives log milliseconds and log spread of samples, [rows, 2].
        graphs: encodings that the samples name.
        factor: of the bundle, from the spread to the half width of its interval on unknown hardware.
        counts: measurements to calibrate with; a platform needs ``LEAST_REST`` more.
    """
    predicted = predictor(samples)
    log_ms, half_width = predicted[:, 0], factor * np.exp(predicted[:, 1])
    intensity = intensities(samples, graphs)
    measured_ms = np.array([sample.latency_ms for sample in samples])
    platforms: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, sample in enumerate(samples):
        platforms[sample.source, sample.platform].append(at)
    results = []
    for count in counts:
        errors: dict[tuple[str, str], list[float]] = defaultdict(list)
        covered: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for (source, platform), rows in platforms.items():
            if len(rows) < count + LEAST_REST:
                continue
            chip = (source, chip_of(platform))
            for seed in range(SEEDS):
                order = np.random.default_rng(seed).permutation(rows)
                chosen, rest = order[:count], order[count:]
                fitted = (
                    fit(log_ms[chosen], intensity[chosen], half_width[chosen], measured_ms[chosen], "")
                    if count
                    else None
                )
                for row in rest:
                    middle, width = log_ms[row], half_width[row]
                    if fitted is not None:
                        middle, width = fitted.apply(middle, intensity[row], width)
                    off = middle - np.log(measured_ms[row])
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


def intensities(samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> NDArray[np.float64]:
    """Log FLOPs a byte of each sample, as the runtime sees it."""
    precisions = {sample.platform: resolve(sample.platform).precision for sample in samples}
    return np.array(
        [
            log_intensity(rebatch(graphs[sample.graph_id], sample.batch), precisions[sample.platform])
            for sample in samples
        ]
    )


def table(results: Sequence[Result]) -> str:
    """Markdown."""
    lines = ["| measurements | chips | median APE % | in the 80 % interval % |", "|---|---|---|---|"]
    lines += [f"| {row.count} | {row.chips} | {row.median_ape:.1f} | {row.coverage:.1f} |" for row in results]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, load the run, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--run", type=Path, default=Path("checkpoints/latency"))
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    options = parser.parse_args()
    parts, graphs, predictor = predictor_of(options.cache, options.run)
    held_out = parts.new_device if options.part == "test" else parts.validation_device
    samples = [
        sample
        for source in sorted({sample.source for sample in held_out})
        for sample in draw([sample for sample in held_out if sample.source == source])
    ]
    factor = json.loads((RESULTS / "intervals.json").read_text())["unknown"]["factor"]
    results = measure(samples, predictor, graphs, factor)
    print(table(results))
    if options.part == "test":
        (RESULTS / "calibration.json").write_text(
            json.dumps([asdict(row) for row in results], indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
