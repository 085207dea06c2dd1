"""Our own measurements in ONNX Runtime on a server processor: networks of the other sources, transformers for text, variants of ten families.

Source: ``zoo_onnxruntime.csv`` beside this module (networks of the other sources that training reads, also in 8 bits) and ``ten_families.csv`` (variants of
NNLQP's ten families), which is that of ``benchmarks/data``; both written by ``benchmarks.measure`` on machines of the same kind. Public tables have ONNX Runtime
on processors for a handful of networks alone, though that is where many a network runs.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from statistics import geometric_mean, median

from ledg_export.corpora.nasbench201 import FAMILY, FOLDER, Cells
from ledg_export.corpora.sample import Sample
from ledg_export.zoo.nnlqp_families import cell_of

SOURCE = "zoo_onnxruntime"
TABLES = ("zoo_onnxruntime.csv", "ten_families.csv")
DEVICE = "xeon-emerald-rapids-vm"
REFERENCE = "reference"
"""Family of the rows of ResNet18, which is measured again and again."""
UNSTEADY = 0.25
"""Interquartile range over median of runs that say too little."""
SPACES = ("fbnet", "ofa_mbv3")
"""Families of which classes are left out of training, not networks; the table does not say which class a network is of. For cells the table of NAS-Bench-201 does."""

_MACHINE = re.compile(
    r"onnxruntime (?P<version>\d+\.\d+)\.\d+, (?P<precision>\w+), (?P<threads>\d+) threads?$"
)


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of both tables; counts rows left out in ``dropped``, by reason. From the data root ``data`` come the classes of cells, which are left out without.

    Raises:
        ValueError: the words of a machine are not those of ``benchmarks.measure``.
    """
    classes = _classes(data) if (data / FOLDER).is_dir() else {}
    tables = [rows_of(name) for name in TABLES]
    for rows, factor in zip(tables, levels(tables), strict=True):
        for row in rows:
            isomorphism = (
                classes.get(_cell(row["graph_id"]), "") if row["family"] == FAMILY else row["graph_id"]
            )
            if reason := _fault(row, isomorphism):
                dropped[reason] += 1
                continue
            yield Sample(
                graph_id=row["graph_id"], platform=platform_id(row["machine"]), batch=1, latency_ms=float(row["latency_ms"]) * factor,
                statistic="p50", source=SOURCE, family=row["family"], isomorphism=isomorphism,
            )  # fmt: skip


def rows_of(table: str) -> list[dict[str, str]]:
    """Rows of a table beside this module.

    Raises:
        ValueError: it is no such table; where links are not kept, a link is a file with a path in it.
    """
    file = files("ledg_export.corpora") / table
    text = file.read_text(encoding="utf-8")
    if not text.startswith("family,"):
        raise ValueError(f"{file}: no table of measurements; put a copy of benchmarks/data/{table} there")
    return list(csv.DictReader(text.splitlines()))


def levels(tables: Sequence[Sequence[Mapping[str, str]]]) -> list[float]:
    """What brings latencies of each table, of any number of threads, to the geometric middle of their machines.

    Which of such machines one gets is chance; on one thread ResNet18 tells how far they are apart.
    """
    speeds = [
        median(
            float(row["raw_ms"]) for row in rows
            if row["family"] == REFERENCE and row["machine"].endswith("fp32, 1 thread")
        ) for rows in tables
    ]  # fmt: skip
    return [geometric_mean(speeds) / speed for speed in speeds]


def platform_id(machine: str) -> str:
    """``<device>/onnxruntime-<version>/<precision>/<threads>t`` of a machine in words.

    Raises:
        ValueError: they are not those of ``benchmarks.measure``.
    """
    match = _MACHINE.search(machine)
    if match is None:
        raise ValueError(f"unknown machine {machine!r}")
    return f"{DEVICE}/onnxruntime-{match['version']}/{match['precision']}/{match['threads']}t"


def _classes(data: Path) -> Mapping[str, str]:
    """Class of each cell of NAS-Bench-201, by its string."""
    cells = Cells.of(data)
    return {text: cells.isomorphism(index) for index, text in cells.strings.items()}


def _cell(graph_id: str) -> str:
    """The string of the cell that a network repeats."""
    family, _, name = graph_id.partition("/")
    return name.partition("@")[0] if family == FAMILY else cell_of(name)


def _fault(row: Mapping[str, str], isomorphism: str) -> str | None:
    """Why a row is left out; None for a good one."""
    if row["family"] == REFERENCE:
        return "reference, measured again and again"
    if row["family"] in SPACES or not isomorphism:
        return "of a space of cells or blocks, class unknown"
    return "unsteady" if float(row["spread"]) > UNSTEADY else None
