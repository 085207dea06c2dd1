"""BRP-NAS: NAS-Bench-201 on a desktop CPU, batch 1, fp32; the runtime is not stated.

Source: Dudziak et al., BRP-NAS, NeurIPS 2020 (a copy of its table in zheng-ningxin/brp-nas, Apache-2.0). 341
disconnected cells are absent; latencies do not follow the dead edges of a cell.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ledg_export.corpora.nasbench201 import Cells
from ledg_export.corpora.sample import Sample

SOURCE = "brp_nas"
PLATFORM = "core-i7-7820x/unknown/fp32"


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; none is left out, so ``dropped`` stays as it is."""
    cells = Cells.of(data)
    path = data / SOURCE / "nb201_desktop_cpu_core_i7_7820x_fp32.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield cells.sample(row["arch_idx"], PLATFORM, float(row["core_i7_7820x_fp32_ms"]), SOURCE)
