"""NNLQP's unseen structures: the NAS-Bench-201 family on a GTX 1660 with TensorRT 7.1, fp32, batch 1.

Source: Liu et al., NNLQP, ICPP 2022 (ModelTC/NNLQP, Apache-2.0; a copy of its labels in yuny220/NAR-Former-V2, MIT). The
table names ONNX files, not networks: those of the other nine families cannot be rebuilt from it. A NAS-Bench-201 file name is
a code of the six operations; which digit is which edge was inferred, up to a reversal of the cell that changes latency
little. Of the two orientations the one with the better fit of operation counts is taken (R2 0.974 against 0.970). What
computes the same under it shares ``isomorphism``, so that it is not split, but not its graph: latencies of such networks
differ by a median of 7 %, so the orientation is no more than likely.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ledg_export.corpora.nasbench201 import FAMILY, Cells
from ledg_export.corpora.sample import Sample

SOURCE = "nnlqp"
PLATFORM = "nvidia-gtx-1660/tensorrt-7.1/fp32"


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        ValueError: a row was measured on another platform than the one of this table.
    """
    cells = Cells.of(data)
    path = data / SOURCE / "nnlqp_unseen_structure.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["platform"] != "gpu-gtx1660-trt7.1-fp32":
                raise ValueError(f"{path}: unknown platform {row['platform']!r}")
            if row["family"] != FAMILY:
                dropped[f"no graph: {row['family']}"] += 1
                continue
            yield Sample(
                graph_id=f"{FAMILY}/{row['nb201_arch_str_inferred']}", platform=PLATFORM, batch=int(row["batch"]),
                latency_ms=float(row["latency_ms"]), statistic="mean", source=SOURCE, family=FAMILY,
                isomorphism=cells.isomorphism(row["nb201_arch_idx_inferred"]),
            )  # fmt: skip
