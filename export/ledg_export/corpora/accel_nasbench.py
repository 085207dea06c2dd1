"""Accel-NASBench: 5,138 networks of a MnasNet-like space on GPUs, TPUs and FPGAs.

Source: afzalxo/Accel-NASBench, anb_dataset (Apache-2.0). FPGA latencies are of one image. Throughputs (images a second)
come without the batch that reached them, so their samples are the time of one image at that rate, on a platform with the
tag ``throughput``. Runtimes and precisions of GPUs and TPUs are not stated: the model's fp32 is taken on GPUs, bf16, which
the matrix units compute in, on TPUs. Which A100 it was is not stated either; the 40 GB PCIe card is taken.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.sample import Sample

SOURCE = "accel_nasbench"

LATENCIES: Mapping[str, str] = {
    "latency_zcu102": "zcu102-dpu/vitis-ai/int8",
    "latency_vck190": "vck190-dpu/vitis-ai/int8",
}
"""Column in ms -> platform."""

THROUGHPUTS: Mapping[str, str] = {
    "throughput_a100": "nvidia-a100-pcie-40gb/unknown/fp32+throughput",
    "throughput_3090": "nvidia-rtx-3090/unknown/fp32+throughput",
    "throughput_tpuv2": "google-tpu-v2/unknown/bf16+throughput",
    "throughput_tpuv3": "google-tpu-v3/unknown/bf16+throughput",
    "throughput_zcu102": "zcu102-dpu/vitis-ai/int8+throughput",
    "throughput_vck190": "vck190-dpu/vitis-ai/int8+throughput",
}
"""Column in images a second -> platform."""

HOST_BOUND = 1_500.0
"""TPU throughputs from here on (images a second) are the host's: networks 1.3 to 2.5 times faster on the A100 are not
faster on TPU v3, whose medians stay at 1,600."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts values left out in ``dropped``, by reason."""
    with (data / SOURCE / "accel_nasbench.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            graph_id = "/".join(("accel_nasbench", row["e"], row["k"], row["l"], row["se"]))
            for column, platform in {**LATENCIES, **THROUGHPUTS}.items():
                value = float(row[column] or "nan")
                if reason := _fault(column, value):
                    dropped[reason] += 1
                    continue
                throughput = column in THROUGHPUTS
                yield Sample(
                    graph_id=graph_id, platform=platform, batch=1, latency_ms=1000 / value if throughput else value,
                    statistic="throughput" if throughput else "mean", source=SOURCE, family="mnasnet",
                    isomorphism=graph_id,
                )  # fmt: skip


def _fault(column: str, value: float) -> str | None:
    """Why a value is left out; None for a good one."""
    if not value > 0:
        return "no time measured"
    return "input bound on a TPU" if "tpu" in column and value >= HOST_BOUND else None
