"""Whether NAS-Bench-201's tables mean the networks that we build of their cells.

    python -m benchmarks.accuracy.nasbench201_identity

For each column of HELP, HW-NAS-Bench, BRP-NAS, OneProxy and NNLQP (raw tables below ``$LEDG_DATA``): the spread of log
latency among cells of four groupings, and Spearman's correlation of our multiply-adds in convolutions with the column.

- ``same``: one network even where every edge of the cell is run, dead ones and ``none`` included. Such cells are
  repeats of one measurement, so that their spread is the noise of the source.
- ``built``: one network as the corpus builds it for the column, with the dead edges that were run
  (``ledg_export.zoo.nasbench201_runs``). Where every edge was (``eager``) this is ``same``, and nothing is tested.
- ``lean``: one network once all dead edges are left out.
- ``computes``: the same function by the benchmark's own list of isomorphisms.

``built`` holds where it cannot be told from ``same``: where the lower bound of the ratio of both spreads, by
resampling classes, is not above 1. Many columns are tested at once, so the bounds are simultaneous: if every column
held, the chance that any is rejected would be ``LEVEL`` (Bonferroni). The ways of the Pixel 3, the TX2 and the Adreno GPUs were found on the tables of CIFAR-10;
those of the two other data sets are tests of them. A spread is the root of the pooled variance within classes of two
or more, in percent; ``median`` is the median distance from the class's median, in percent. Writes
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
from functools import cache, partial
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
GROUPINGS = ("same", "built", "lean", "computes")
RESAMPLES, AT_ONCE = 20_000, 1_000
LEVEL = 0.05
"""Chance of rejecting any of the columns if all hold."""


@dataclass(frozen=True)
class Column:
    """Latencies in ms by architecture index; ``way``: in which the corpus builds its graphs, empty for ``lean``."""

    source: str
    name: str
    latency_ms: Mapping[str, float]
    way: str


@dataclass(frozen=True)
class Spread:
    """Within classes of two or more ``cells``; None where there are none. Both in percent."""

    cells: int
    percent: float | None
    median_percent: float | None


@dataclass(frozen=True)
class Identity:
    """A row of the table. ``spearman_*``: with multiply-adds of what is built, of what is alive, and of every edge.

    ``ratio``: spread of ``built`` over that of ``same``; ``least_ratio``: its lower bound.
    """

    source: str
    column: str
    way: str
    cells: int
    same: Spread
    built: Spread
    lean: Spread
    computes: Spread
    ratio: float | None
    least_ratio: float | None
    holds: bool
    spearman_built: float | None
    spearman_lean: float | None
    spearman_eager: float | None


def columns(data: Path) -> Iterator[Column]:
    """Every column once, without failed compilations and networks without a path."""
    table = data / "help" / "nb201_latency_ms.csv.gz"
    names = [
        name for name in _header(table) if help.platform(name) and name != "pixel3"
    ]  # as in HW-NAS-Bench
    for name in names:
        yield _column("help", name, _rows(table), "arch_idx", name, "eager")
    table = data / hw_nas_bench.SOURCE / "hw_nas_bench_nb201.csv.gz"
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        here = [row for row in _rows(table) if row["dataset"] == dataset]
        for name in hw_nas_bench.PLATFORMS:
            label = f"{name.split('_')[0]} {dataset}"
            yield _column("hw_nas_bench", label, here, "arch_idx", name, hw_nas_bench.WAYS[name])
    table = data / brp_nas.SOURCE / "nb201_desktop_cpu_core_i7_7820x_fp32.csv.gz"
    yield _column("brp_nas", "core_i7_7820x", _rows(table), "arch_idx", "core_i7_7820x_fp32_ms")
    table = data / oneproxy.SOURCE / "oneproxy_nb201_1999_latency_ms.csv"
    for name in oneproxy.PLATFORMS:
        yield _column("oneproxy", name, _rows(table), "arch_idx", name, oneproxy.WAYS.get(name, ""))
    table = data / nnlqp.SOURCE / "nnlqp_unseen_structure.csv.gz"
    here = [row for row in _rows(table) if row["family"] == FAMILY]
    yield _column("nnlqp", "gtx1660 (edges inferred)", here, "nb201_arch_idx_inferred", "latency_ms")


def _column(
    source: str, name: str, rows: Sequence[Mapping[str, str]], index: str, value: str, way: str = ""
) -> Column:
    least = help.LEAST_PHONE_MS if value in help.PHONES or value.startswith("pixel3") else 0.0
    measured = {row[index]: float(row[value] or "nan") for row in rows}
    return Column(source, name, {cell: ms for cell, ms in measured.items() if ms > least}, way)


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
        self.key = cache(lambda index, way: network_key(cells.strings[index], way))
        self.conv_macs = cache(self._conv_macs)
        self._macs: dict[tuple[int, int], int] = {}

    def class_of(self, index: str, grouping: str, way: str = "") -> object:
        """The class of a cell in one of ``GROUPINGS``; ``way``: that of ``built``."""
        if grouping == "computes":
            return self.cells.representatives[index]
        return self.key(index, {"same": "eager", "built": way, "lean": ""}[grouping])

    def _conv_macs(self, index: str, way: str) -> int:
        """Multiply-adds of the convolutions; cells with as many of each kernel have the same."""
        text = self.cells.strings[index]
        key = convolutions(text, way)
        if key not in self._macs:
            graph_id = f"{FAMILY}/{text}@cifar10" + (way and f"+{way}")
            graph = read_graph(zoo.build(graph_id).SerializeToString())
            self._macs[key] = sum(node_cost(node).macs for node in graph.nodes if op_family(node) == "conv")
        return self._macs[key]


def classes(latency_ms: Mapping[str, float], class_of: Callable[[str], object]) -> list[NDArray[np.float64]]:
    """Log latencies of each class of two or more."""
    found: dict[object, list[float]] = defaultdict(list)
    for index, value in latency_ms.items():
        found[class_of(index)].append(value)
    return [np.log(values) for values in found.values() if len(values) > 1]


def spread(several: Sequence[NDArray[np.float64]]) -> Spread:
    """Of log latency within classes."""
    if not several:
        return Spread(0, None, None)
    squares, free = _sums(several)
    distances = np.concatenate([np.abs(values - np.median(values)) for values in several])
    percent = 100 * float(np.sqrt(squares.sum() / free.sum()))
    return Spread(sum(map(len, several)), percent, 100 * float(np.median(distances)))


def least_ratio(
    built: Sequence[NDArray[np.float64]], same: Sequence[NDArray[np.float64]], level: float
) -> float:
    """Lower bound of the ratio of two spreads, by resampling the classes of each: below it with a chance of ``level``."""
    random = np.random.default_rng(0)
    sides = []
    for several in (built, same):
        squares, free = _sums(several)
        found = []
        for _ in range(RESAMPLES // AT_ONCE):
            drawn = random.integers(len(several), size=(AT_ONCE, len(several)))
            found.append(np.sqrt(squares[drawn].sum(1) / free[drawn].sum(1)))
        sides.append(np.concatenate(found))
    return float(np.quantile(sides[0] / sides[1], level))


def _sums(several: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared distances from the mean and degrees of freedom of each class."""
    squares = np.array([((values - values.mean()) ** 2).sum() for values in several])
    return squares, np.array([len(values) - 1.0 for values in several])


def identity(column: Column, networks: Networks, level: float) -> Identity:
    """The row of one column, whose lower bound is wrong with a chance of ``level``."""
    within = {
        grouping: classes(column.latency_ms, partial(networks.class_of, grouping=grouping, way=column.way))
        for grouping in GROUPINGS
    }
    spreads = {grouping: spread(several) for grouping, several in within.items()}
    noise, own = spreads["same"].percent, spreads["built"].percent
    ratio = own / noise if own is not None and noise else None
    least = least_ratio(within["built"], within["same"], level) if ratio is not None else None
    values = list(column.latency_ms.values())
    built, lean, eager = (
        spearman([networks.conv_macs(index, way) for index in column.latency_ms], values)
        for way in (column.way, "", "eager")
    )
    return Identity(
        column.source, column.name, column.way, len(values), **spreads, ratio=ratio, least_ratio=least,
        holds=least is None or least <= 1, spearman_built=built, spearman_lean=lean, spearman_eager=eager,
    )  # fmt: skip


def line(row: Identity) -> str:
    """A row as markdown."""
    spreads = [
        "-" if item.percent is None else f"{item.percent:.1f} ({item.median_percent:.1f}, {item.cells})"
        for item in (row.same, row.built, row.lean, row.computes)
    ]
    ratio = "-" if row.ratio is None else f"{row.ratio:.2f} (from {row.least_ratio:.2f})"
    ranks = [
        "-" if rho is None else f"{rho:.3f}"
        for rho in (row.spearman_built, row.spearman_lean, row.spearman_eager)
    ]
    held = "yes" if row.holds else "no"
    cells = (row.source, row.column, row.way or "lean", str(row.cells), *spreads, ratio, held, *ranks)
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Go through every column, print, write."""
    data = Path(os.environ["LEDG_DATA"])
    networks = Networks(Cells.of(data))
    head = ("source", "column", "graphs", "cells", "same: spread % (median %, cells)", "built", "lean", "computes",
            "built / same", "holds", "Spearman, MACs as built", "lean", "every edge")  # fmt: skip
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    found = []
    every = list(columns(data))
    level = LEVEL / sum(column.way != "eager" for column in every)
    for column in every:
        found.append(identity(column, networks, level))
        print(line(found[-1]), flush=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")
    held = sum(row.holds for row in found)
    print(f"\ncells of one graph agree within the noise of the source: {held} of {len(found)} columns")


if __name__ == "__main__":
    main()
