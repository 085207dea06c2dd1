"""HELP's tables: NAS-Bench-201, FBNet and OFA-MobileNetV3 networks on desktop cards, Xeons and phones.

Source: Lee et al., HELP, NeurIPS 2021 (HayeonLee/HELP, MIT). Columns are ``<hardware>[_<batch>]``; the suffix of GPU
columns is the batch. Upstream states no batch for CPUs and phones; their values fit one image (a Xeon Gold 6240 needs
3 to 25 ms for networks of 8 to 220 MMACs), so batch 1 is an assumption. Neither threads nor phone runtime are
stated; the table behind the Pixel 3 column (HW-NAS-Bench, the same values) was measured with TensorFlow Lite, which
is assumed for all phones.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from types import MappingProxyType

from ledg_export.corpora.nasbench201 import FAMILY, Cells
from ledg_export.corpora.sample import Sample

FOLDER = "help"

GPUS: Mapping[str, str] = {
    "1080ti": "nvidia-gtx-1080-ti", "2080ti": "nvidia-rtx-2080-ti", "titanx": "nvidia-titan-x-pascal",
    "titanxp": "nvidia-titan-xp", "titan_xp": "nvidia-titan-xp", "titan_rtx": "nvidia-titan-rtx",
}  # fmt: skip
CPUS: Mapping[str, str] = {
    "gold_6240": "xeon-gold-6240", "silver_4114": "xeon-silver-4114", "silver_4210r": "xeon-silver-4210r",
}  # fmt: skip
PHONES: Mapping[str, str] = {
    "essential_ph_1": "essential-ph-1-cpu", "pixel3": "pixel-3-cpu", "samsung_a50": "samsung-galaxy-a50-cpu",
    "samsung_s7": "samsung-galaxy-s7-cpu",
}  # fmt: skip
"""Hardware of a column -> device of the catalogue."""

LEAST_PHONE_MS = 0.5
"""Phone values below this are networks without a path from input to output."""

STAGES = 5
STAGE_BLOCKS = 4
"""OFA-MobileNetV3: stages, and blocks that a stage has at most."""

Identity = Callable[[Mapping[str, str]], tuple[str, str]]


def read_nasbench201(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """NAS-Bench-201, ``nasbench201/<architecture string>@cifar10+eager``; counts values left out in ``dropped``.

    ``isomorphism`` is ``nasbench201/rep-<index>``, the least index of the architectures with the same computation.
    Latencies of isomorphic cells follow their raw operation counts, so every edge was run (``+eager``).
    """
    cells = Cells.of(data)

    def identity(row: Mapping[str, str]) -> tuple[str, str]:
        return cells.eager(row["arch_idx"]), cells.isomorphism(row["arch_idx"])

    path = data / FOLDER / "nb201_latency_ms.csv.gz"
    yield from _read(path, identity, "help", FAMILY, dropped, elsewhere={"pixel3": "hw_nas_bench"})


def read_fbnet(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """FBNet, ``fbnet/<22 operations separated by spaces>``; counts values left out in ``dropped``, by reason."""

    def identity(row: Mapping[str, str]) -> tuple[str, str]:
        name = "fbnet/" + " ".join(row["arch_ops"].split())
        return name, name

    yield from _read(data / FOLDER / "fbnet_latency_ms.csv.gz", identity, "help_fbnet", "fbnet", dropped)


def read_ofa(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """OFA-MobileNetV3, ``ofa_mbv3/<kernels>/<expansions>/<depths>/<resolution>``; counts values left out.

    ``isomorphism`` names only the blocks that exist: kernels and expansions beyond a stage's depth change nothing.
    """

    def identity(row: Mapping[str, str]) -> tuple[str, str]:
        name = "/".join(("ofa_mbv3", row["ks"], row["e"], row["d"], row["r"]))
        return name, f"ofa_mbv3/{'-'.join((row['r'], *ofa_stages(row)))}"

    yield from _read(data / FOLDER / "ofa_mbv3_latency_ms.csv.gz", identity, "help_ofa", "ofa_mbv3", dropped)


def ofa_stages(row: Mapping[str, str]) -> Iterator[str]:
    """The blocks of each stage of a row, ``k7e6.k5e4``."""
    kernels, expansions = row["ks"].split(), row["e"].split()
    for stage, depth in zip(range(STAGES), row["d"].split(), strict=True):
        first = stage * STAGE_BLOCKS
        yield ".".join(
            f"k{kernels[first + block]}e{expansions[first + block]}" for block in range(int(depth))
        )


def platform(column: str) -> tuple[str, int] | None:
    """Platform id and batch of a column; None for a column that is no measurement."""
    if column in CPUS:
        return f"{CPUS[column]}/pytorch/fp32", 1
    if column in PHONES:
        return f"{PHONES[column]}/tflite/fp32", 1
    hardware, _, batch = column.rpartition("_")
    if hardware in GPUS and batch.isdigit():
        return f"{GPUS[hardware]}/pytorch/fp32", int(batch)
    return None


def _read(
    path: Path, identity: Identity, source: str, family: str, dropped: Counter[str],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Sample]:  # fmt: skip
    """Samples of one table; ``elsewhere``: columns that another source has, by column."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        columns = {name: found for name in reader.fieldnames or () if (found := platform(name)) is not None}
        for row in reader:
            graph_id, isomorphism = identity(row)
            for column, (platform_id, batch) in columns.items():
                if column in elsewhere:
                    dropped[f"the same as {elsewhere[column]}"] += 1
                    continue
                latency = float(row[column] or "nan")
                if reason := _fault(column, latency):
                    dropped[reason] += 1
                    continue
                yield Sample(
                    graph_id=graph_id, platform=platform_id, batch=batch, latency_ms=latency, statistic="mean",
                    source=source, family=family, isomorphism=isomorphism,
                )  # fmt: skip


def _fault(column: str, latency_ms: float) -> str | None:
    """Why a value is left out; None for a good one."""
    if not isfinite(latency_ms) or latency_ms <= 0:
        return "no time measured"
    return "degenerate on a phone" if column in PHONES and latency_ms < LEAST_PHONE_MS else None
