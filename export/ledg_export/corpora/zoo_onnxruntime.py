"""Our own measurements: networks of the other sources that training reads, and transformers for text, in ONNX Runtime on a server processor.

Source: ``zoo_onnxruntime.csv`` beside this module, written by ``benchmarks.measure --corpus``. Public tables have ONNX Runtime
on processors for a handful of networks alone, though that is where many a network runs. The variants of NNLQP's ten families
(``benchmarks/data/ten_families.csv``, a machine of the same kind) are not among them, so that these can be predicted.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from math import sqrt
from pathlib import Path
from statistics import median

from ledg_export.corpora.sample import Sample

SOURCE = "zoo_onnxruntime"
DEVICE = "xeon-emerald-rapids-vm"
REFERENCE = "reference"
"""Family of the rows of ResNet18, which is measured again and again."""
ELSEWHERE_MS = 19.4
"""What ResNet18 took on one thread in the hours of ``ten_families.csv`` (the median of its references), on a machine of the same kind."""
UNSTEADY = 0.25
"""Interquartile range over median of runs that say too little."""
SPACES = ("nasbench201", "fbnet", "ofa_mbv3")
"""Families of which classes are left out of training, not networks; the table does not say which class a network is of."""

_MACHINE = re.compile(
    r"onnxruntime (?P<version>\d+\.\d+)\.\d+, (?P<precision>\w+), (?P<threads>\d+) threads?$"
)


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table; counts rows left out in ``dropped``, by reason. Nothing is read from the data root ``data``.

    Raises:
        ValueError: the words of a machine are not those of ``benchmarks.measure``.
    """
    text = (files("ledg_export.corpora") / f"{SOURCE}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    middle = level(rows)
    for row in rows:
        if reason := _fault(row):
            dropped[reason] += 1
            continue
        yield Sample(
            graph_id=row["graph_id"], platform=platform_id(row["machine"]), batch=1, latency_ms=float(row["latency_ms"]) * middle,
            statistic="p50", source=SOURCE, family=row["family"], isomorphism=row["graph_id"],
        )  # fmt: skip


def level(rows: Sequence[Mapping[str, str]]) -> float:
    """What brings latencies, of any number of threads, to the geometric middle of this machine and the one of ``ten_families.csv``.

    Which of such machines one gets is chance; on one thread ResNet18 tells how far they are apart.
    """
    here = median(
        float(row["raw_ms"])
        for row in rows
        if row["family"] == REFERENCE and row["machine"].endswith(" 1 thread")
    )
    return sqrt(ELSEWHERE_MS / here)


def platform_id(machine: str) -> str:
    """``<device>/onnxruntime-<version>/<precision>/<threads>t`` of a machine in words.

    Raises:
        ValueError: they are not those of ``benchmarks.measure``.
    """
    match = _MACHINE.search(machine)
    if match is None:
        raise ValueError(f"unknown machine {machine!r}")
    return f"{DEVICE}/onnxruntime-{match['version']}/{match['precision']}/{match['threads']}t"


def _fault(row: Mapping[str, str]) -> str | None:
    """Why a row is left out; None for a good one."""
    if row["family"] == REFERENCE:
        return "reference, measured again and again"
    if row["family"] in SPACES:
        return "of a space of cells or blocks, class unknown"
    return "unsteady" if float(row["spread"]) > UNSTEADY else None
