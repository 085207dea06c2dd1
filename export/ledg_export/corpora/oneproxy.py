"""OneProxy's collection: 1,999 NAS-Bench-201 networks on 13 devices, of which eight are in no other table.

Source: Lu et al., One Proxy Device Is Enough, SIGMETRICS 2022 (Ren-Research/OneProxy, MIT), batch 1. ``eagle_*`` are
BRP-NAS's measurements (runtimes not stated), ``true_*`` nn-Meter's (TFLite 2.1 on GPUs, OpenVINO 2019 R2 on the Neural
Compute Stick 2). BRP-NAS's ran nothing that is dead in a cell, nn-Meter's one thing (``WAYS``).
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.nasbench201 import Cells
from ledg_export.corpora.sample import Sample

SOURCE = "oneproxy"

PLATFORMS: Mapping[str, str] = {
    "eagle_cpu_855": "snapdragon-855-cpu/unknown/int8",
    "eagle_dsp_855": "snapdragon-855-hexagon-690/unknown/int8",
    "eagle_gpu_855": "snapdragon-855-adreno-640/unknown/int8",
    "eagle_jetson": "jetson-nano-gpu/unknown/fp32",
    "eagle_tpu": "coral-usb-edge-tpu/tflite-edgetpu/int8",
    "true_630": "snapdragon-845-adreno-630/tflite-2.1-gpu/fp16",
    "true_640": "snapdragon-855-adreno-640/tflite-2.1-gpu/fp16",
    "true_vpu": "intel-ncs2/openvino-2019.2/fp16",
}
"""Column -> platform."""

WAYS: Mapping[str, str] = {"true_630": "kept", "true_640": "kept", "true_vpu": "kept"}
"""Column -> which edges ran, as ``zoo.nasbench201_runs`` names it; of the others none that is dead."""

LEFT_OUT: Mapping[str, str] = {
    "eagle_gtx": "another run of brp_nas's Core i7", "eagle_i7": "the same as brp_nas", "rice_edgegpu": "the same as hw_nas_bench",
    "rice_edgetpu": "the same as hw_nas_bench", "rice_pixel3": "the same as hw_nas_bench",
}  # fmt: skip
"""Column -> why. ``eagle_gtx`` is said to be a GTX 1080 Ti, but has the ranks of ``eagle_i7`` (Spearman .999) and its mean (6.16 and 6.14 ms)."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts values left out in ``dropped``, by reason."""
    cells = Cells.of(data)
    path = data / SOURCE / "oneproxy_nb201_1999_latency_ms.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            dropped.update(LEFT_OUT.values())
            for column, platform in PLATFORMS.items():
                yield cells.sample(
                    row["arch_idx"], platform, float(row[column]), SOURCE, way=WAYS.get(column, "")
                )
