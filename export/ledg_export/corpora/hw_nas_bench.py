"""HW-NAS-Bench: NAS-Bench-201 for three data sets on a Jetson TX2, an Edge TPU and a Pixel 3.

Source: Li et al., HW-NAS-Bench, ICLR 2021 (arXiv 2103.10584; GATECH-EIC/HW-NAS-Bench, MIT), batch 1. The TX2 ran
TensorRT in a precision that the table does not name (fp32 is assumed), the Edge TPU compiled int8 TFLite models, the
phone TFLite. Each ran its own part of what is dead in a cell (``WAYS``; ``benchmarks.accuracy.nasbench201_identity``
has the evidence).
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.nasbench201 import Cells
from ledg_export.corpora.sample import Sample

SOURCE = "hw_nas_bench"

PLATFORMS: Mapping[str, str] = {
    "edgegpu_latency": "jetson-tx2-gpu/tensorrt/fp32",
    "edgetpu_latency": "coral-dev-board-edge-tpu/tflite-edgetpu/int8",
    "pixel3_latency": "pixel-3-cpu/tflite/fp32",
}
"""Column -> platform."""

WAYS: Mapping[str, str] = {"edgegpu_latency": "summed", "edgetpu_latency": "", "pixel3_latency": "folded"}
"""Column -> which edges ran, as ``zoo.nasbench201_runs`` names it."""

LEAST_PHONE_MS = 0.5
"""Values of the phone below this are networks without a path from input to output."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts values left out in ``dropped``, by reason."""
    cells = Cells.of(data)
    with gzip.open(data / SOURCE / "hw_nas_bench_nb201.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            for column, platform in PLATFORMS.items():
                latency = float(row[column])
                if reason := _fault(column, latency):
                    dropped[reason] += 1
                else:
                    yield cells.sample(
                        row["arch_idx"], platform, latency, SOURCE, row["dataset"], WAYS[column]
                    )


def _fault(column: str, latency_ms: float) -> str | None:
    """Why a value is left out; None for a good one."""
    if latency_ms <= 0:
        return "not compiled"
    if column.startswith("pixel3") and latency_ms < LEAST_PHONE_MS:
        return "degenerate on a phone"
    return None
