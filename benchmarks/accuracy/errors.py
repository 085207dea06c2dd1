"""Errors of the held-out rows, one by one: the table behind ``MODEL_CARD.md``.

    python -m benchmarks.accuracy.errors --run checkpoints/latency

Scores the test rows of ``splits.toml`` of every source (at most ``ROWS`` a source and setting, drawn once) with the
run of ``benchmarks.accuracy.latency`` and writes ``benchmarks/results/errors.parquet``; see
``benchmarks.accuracy.model_card`` for its columns. The interval factors are those of ``intervals.json``, which
validation rows gave.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.accuracy.latency import RESULTS, Predict, draw, predictor_of
from benchmarks.accuracy.splits import chip_of
from ledg_export.corpora.sample import Sample
from ledg_rt.platforms.catalogue import devices

ROWS = 400


def errors(
    samples: Sequence[Sample], predictor: Predict, factors: Mapping[str, float], trained: Sequence[Sample]
) -> list[dict[str, Any]]:
    """One row a sample, with the columns of ``benchmarks.accuracy.model_card``."""
    known = {sample.platform.split("/")[0] for sample in trained}
    chips = {chip_of(sample.platform) for sample in trained}
    predicted = predictor(samples)
    rows = []
    for sample, (log_ms, log_spread) in zip(samples, predicted, strict=True):
        device = devices()[sample.platform.split("/")[0]]
        evidence = "known" if device.id in known else "chip" if device.chip in chips else "unknown"
        off = float(log_ms) - float(np.log(sample.latency_ms))
        factor = factors["known" if evidence == "known" else "unknown"]
        rows.append(
            {
                "kind": device.kind, "source": sample.source, "family": sample.family, "evidence": evidence,
                "device": device.id, "chip": device.chip, "ape": 100 * abs(float(np.expm1(off))),
                "covered": bool(abs(off) <= factor * np.exp(log_spread)),
            }
        )  # fmt: skip
    return rows


def main() -> None:
    """Parse the command line, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--run", type=Path, default=Path("checkpoints/latency"))
    options = parser.parse_args()
    parts, _, predictor = predictor_of(options.cache, options.run)
    factors = {
        evidence: found["factor"]
        for evidence, found in json.loads((RESULTS / "intervals.json").read_text()).items()
    }
    samples = [
        sample
        for held_out in (parts.new_architecture, parts.new_device)
        for source in sorted({sample.source for sample in held_out})
        for sample in draw([sample for sample in held_out if sample.source == source], ROWS)
    ]
    rows = errors(samples, predictor, factors, parts.train)
    pq.write_table(pa.Table.from_pylist(rows), RESULTS / "errors.parquet", compression="zstd")
    for source in sorted({row["source"] for row in rows}):
        here = [row["ape"] for row in rows if row["source"] == source]
        print(f"{source}: {len(here)} rows, median APE {np.median(here):.1f} %")


if __name__ == "__main__":
    main()
