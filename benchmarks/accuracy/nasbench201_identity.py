"""Whether NAS-Bench-201's tables mean the networks that we build of their cells.

    python -m benchmarks.accuracy.nasbench201_identity

For each column of HELP, HW-NAS-Bench, BRP-NAS, OneProxy and NNLQP (raw tables below ``$LEDG_DATA``): the spread of log
latency among cells of three groupings, and Spearman's correlation of our multiply-adds in convolutions with the column.

- ``same``: one network even where every edge of the cell is run, dead ones and ``none`` included. Such cells are
  repeats of one measurement, so that their spread is the noise of the source.
- ``lean``: one network once dead edges are left out, as graphs without ``+eager`` are built.
- ``computes``: the same function by the benchmark's own list of isomorphisms.

Where nothing dead was run, ``lean`` is as narrow as ``same``; where it is wider, the lean graph is not all that was
run: HELP executed dead edges, and its graphs are built so. A spread is the root of the pooled variance within classes
of two or more, in percent; ``median`` is the median distance from the class's median, in percent. Writes
``benchmarks/results/nasbench201_identity.json``.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledg_export import zoo
from ledg_export.corpora import brp_nas, help, hw_nas_bench, nnlqp, oneproxy
from ledg_export.corpora.nasbench201 import FAMILY, Cells
from ledg_export.zoo.nasbench201 import convolutions, network_key
from ledg_rt.costs import node_cost, op_family
from ledg_rt.metrics import spearman
from ledg_rt.reading import read_graph

RESULTS = Path(__file__).parents[1] / "results" / "nasbench201_identity.json"
GROUPINGS = ("same", "lean", "computes")


@dataclass(frozen=True)
class Column:
    """Latencies in ms by architecture index; ``eager``: the corpus builds its graphs with every edge run."""

    source: str
    name: str
    latency_ms: Mapping[str, float]
    eager: bool


@dataclass(frozen=True)
class Spread:
    """Within classes of two or more ``cells``; None where there are none. Both in percent."""

    cells: int
    percent: float | None
    median_percent: float | None


@dataclass(frozen=True)
class Identity:
    """A row of the table. ``spearman_*``: with multiply-adds of what is alive, and of every edge."""

    source: str
    column: str
    eager: bool
    cells: int
    same: Spread
    lean: Spread
    computes: Spread
    spearman_lean: float | None
    spearman_eager: float | None


def columns(data: Path) -> Iterator[Column]:
    """Every column once, without failed compilations and networks without a path."""
    table = data / "help" / "nb201_latency_ms.csv.gz"
    names = [
        name for name in _header(table) if help.platform(name) and name != "pixel3"
    ]  # as in HW-NAS-Bench
    for name in names:
        yield _column("help", name, _rows(table), "arch_idx", name, True)
    table = data / hw_nas_bench.SOURCE / "hw_nas_bench_nb201.csv.gz"
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        here = [row for row in _rows(table) if row["dataset"] == dataset]
        for name in hw_nas_bench.PLATFORMS:
            yield _column("hw_nas_bench", f"{name.split('_')[0]} {dataset}", here, "arch_idx", name)
    table = data / brp_nas.SOURCE / "nb201_desktop_cpu_core_i7_7820x_fp32.csv.gz"
    yield _column("brp_nas", "core_i7_7820x", _rows(table), "arch_idx", "core_i7_7820x_fp32_ms")
    table = data / oneproxy.SOURCE / "oneproxy_nb201_1999_latency_ms.csv"
    for name in oneproxy.PLATFORMS:
        yield _column("oneproxy", name, _rows(table), "arch_idx", name)
    table = data / nnlqp.SOURCE / "nnlqp_unseen_structure.csv.gz"
    here = [row for row in _rows(table) if row["family"] == FAMILY]
    yield _column("nnlqp", "gtx1660 (edges inferred)", here, "nb201_arch_idx_inferred", "latency_ms")


def _column(
    source: str, name: str, rows: Sequence[Mapping[str, str]], index: str, value: str, eager: bool = False
) -> Column:
    least = help.LEAST_PHONE_MS if value in help.PHONES or value.startswith("pixel3") else 0.0
    measured = {row[index]: float(row[value] or "nan") for row in rows}
    return Column(source, name, {cell: ms for cell, ms in measured.items() if ms > least}, eager)


def _header(path: Path) -> list[str]:
    return list(_rows(path)[0])


@cache
def _rows(path: Path) -> list[dict[str, str]]:
    opened: Callable[..., object] = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as stream:  # type: ignore[attr-defined]
        return list(csv.DictReader(stream))


class Networks:
    """What is known of the cells without any measurement: which are one network, and their multiply-adds."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.key = cache(lambda index, eager: network_key(cells.strings[index], eager))
        self.conv_macs = cache(self._conv_macs)
        self._macs: dict[tuple[tuple[int, int], bool], int] = {}

    def class_of(self, index: str, grouping: str) -> object:
        """The class of a cell in one of ``GROUPINGS``."""
        if grouping == "computes":
            return self.cells.representatives[index]
        return self.key(index, grouping == "same")

    def _conv_macs(self, index: str, eager: bool) -> int:
        """Multiply-adds of the convolutions; cells with as many of each kernel have the same."""
        text = self.cells.strings[index]
        key = (convolutions(text, eager), eager)
        if key not in self._macs:
            graph_id = self.cells.eager(index) if eager else f"{FAMILY}/{text}"
            graph = read_graph(zoo.build(graph_id).SerializeToString())
            self._macs[key] = sum(node_cost(node).macs for node in graph.nodes if op_family(node) == "conv")
        return self._macs[key]


def spread(latency_ms: Mapping[str, float], class_of: Callable[[str], object]) -> Spread:
    """Of log latency within classes."""
    classes: dict[object, list[float]] = defaultdict(list)
    for index, value in latency_ms.items():
        classes[class_of(index)].append(value)
    several = [np.log(values) for values in classes.values() if len(values) > 1]
    cells = sum(map(len, several))
    if not several:
        return Spread(0, None, None)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in several)
    distances: NDArray[np.float64] = np.concatenate(
        [np.abs(values - np.median(values)) for values in several]
    )
    return Spread(
        cells, 100 * float(np.sqrt(squares / (cells - len(several)))), 100 * float(np.median(distances))
    )


def identity(column: Column, networks: Networks) -> Identity:
    """The row of one column."""
    same, lean, computes = (
        spread(column.latency_ms, lambda index, grouping=grouping: networks.class_of(index, grouping))
        for grouping in GROUPINGS
    )
    values = list(column.latency_ms.values())
    ranked = [
        spearman([networks.conv_macs(index, eager) for index in column.latency_ms], values)
        for eager in (False, True)
    ]
    return Identity(
        column.source, column.name, column.eager, len(values), same, lean, computes, ranked[0], ranked[1]
    )


def line(row: Identity) -> str:
    """A row as markdown."""
    spreads = [
        "-" if item.percent is None else f"{item.percent:.1f} ({item.median_percent:.1f}, {item.cells})"
        for item in (row.same, row.lean, row.computes)
    ]
    ranks = ["-" if rho is None else f"{rho:.3f}" for rho in (row.spearman_lean, row.spearman_eager)]
    built = "every edge" if row.eager else "lean"
    return "| " + " | ".join((row.source, row.column, built, str(row.cells), *spreads, *ranks)) + " |"


def main() -> None:
    """Go through every column, print, write."""
    data = Path(os.environ["LEDG_DATA"])
    networks = Networks(Cells.of(data))
    print(
        "| source | column | built | cells | same: spread % (median %, cells) | lean | computes"
        " | Spearman, lean MACs | every edge |\n|---|---|---|---|---|---|---|---|---|"
    )
    found = []
    for column in columns(data):
        found.append(identity(column, networks))
        print(line(found[-1]), flush=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
