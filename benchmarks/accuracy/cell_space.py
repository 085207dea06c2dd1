"""Search spaces of cells with measured accuracies, as every accuracy predictor here sees them.

A cell is a directed graph of operations between an input and an output node. What does not lie between them is left
out, so that two cells that differ in dead edges alone are one graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import GraphEncoding, encode_graph
from ledg_rt.graph import Graph, Input, Node, TensorType

INPUT, OUTPUT, SKIP, CONV1, CONV3, AVERAGE, MAXIMUM = KINDS = range(7)
"""Kinds of nodes; SKIP passes its input on."""

_IMAGE = TensorType("float32", (1, 16, 32, 32))


@dataclass(frozen=True)
class Cell:
    """``kinds`` of nodes in topological order, the input first and the output last, and ``edges`` between positions.

    ``places``: which slot of the search space each node came from.
    """

    kinds: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    places: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class CellSpace:
    """A cells of at most N nodes; a space equals itself alone, so that what is computed of it can be kept.

    ``kinds``: int64 [A, N], -1 for padding. ``adjacency``: bool [A, N, N], from a node to its readers. ``classes``:
    int64 [A], equal for cells that compute the same. ``features``: float64 [A, F], see ``path_features``;
    ``summaries``: float64 [A, M], see ``path_summaries``; both are means over the class.
    ``labels`` and ``truth``: accuracies in percent by data set [A]; a predictor is trained on a part of
    ``labels`` and ranks all cells by ``truth``. ``once``: data sets whose labels are their truth, so that cells
    with a known label are left out of the ranking.
    """

    name: str
    kinds: NDArray[np.int64]
    adjacency: NDArray[np.bool_]
    classes: NDArray[np.int64]
    features: NDArray[np.float64]
    summaries: NDArray[np.float64]
    labels: Mapping[str, NDArray[np.float64]]
    truth: Mapping[str, NDArray[np.float64]]
    once: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.kinds)


def space_of(
    name: str, cells: Sequence[Cell], classes: Sequence[object], labels: Mapping[str, Sequence[float]],
    truth: Mapping[str, Sequence[float]], once: frozenset[str] = frozenset(),
) -> CellSpace:  # fmt: skip
    """Arrays of ``cells``; ``classes`` are any names of who computes the same."""
    size = max(len(cell.kinds) for cell in cells)
    kinds = np.full((len(cells), size), -1, np.int64)
    adjacency = np.zeros((len(cells), size, size), np.bool_)
    for row, cell in enumerate(cells):
        kinds[row, : len(cell.kinds)] = cell.kinds
        for a, b in cell.edges:
            adjacency[row, a, b] = True
    members = np.unique(np.array([str(item) for item in classes]), return_inverse=True)[1].astype(np.int64)
    features, summaries = (
        class_means(found, members)[members] for found in (path_features(cells), path_summaries(cells))
    )
    as_arrays = [{key: np.asarray(values, float) for key, values in part.items()} for part in (labels, truth)]
    return CellSpace(name, kinds, adjacency, members, features, summaries, as_arrays[0], as_arrays[1], once)


def pruned(kinds: Sequence[int], edges: Sequence[tuple[int, int]], places: Sequence[int]) -> Cell:
    """The cell without nodes that the input does not reach or that do not reach the output.

    Nodes are in topological order; without any path only the input and the output are left.
    """
    last = len(kinds) - 1
    below, above = {0}, {last}
    for a, b in sorted(edges):
        below |= {b} if a in below else set()
    for a, b in sorted(edges, key=lambda edge: edge[1], reverse=True):
        above |= {a} if b in above else set()
    kept = sorted((below & above) | {0, last})
    at = {old: new for new, old in enumerate(kept)}
    return Cell(
        tuple(kinds[old] for old in kept),
        tuple((at[a], at[b]) for a, b in edges if a in below & above and b in below & above),
        tuple(places[old] for old in kept),
    )


def path_features(cells: Sequence[Cell]) -> NDArray[np.float64]:
    """Counts of paths by their operations without skips, and which kind is at which place: float64 [A, F]."""
    rows = []
    for cell in cells:
        counts: Counter[tuple[object, ...]] = Counter(("path", *path) for path in paths(cell))
        counts.update(
            ("at", place, kind)
            for place, kind in zip(cell.places, cell.kinds, strict=True)
            if kind not in (INPUT, OUTPUT)
        )
        rows.append(counts)
    names = sorted({name for row in rows for name in row}, key=repr)
    return np.array([[row[name] for name in names] for row in rows], float)


def path_summaries(cells: Sequence[Cell]) -> NDArray[np.float64]:
    """Float64 [A, 11]: number of paths, of empty ones; most, mean and least convolutions, 3x3 ones, poolings on a path."""
    groups = ((CONV1, CONV3), (CONV3,), (AVERAGE, MAXIMUM))
    rows = []
    for cell in cells:
        found = paths(cell)
        row = [float(len(found)), float(found.count(()))]
        for group in groups:
            counts = [sum(kind in group for kind in path) for path in found] or [0]
            row += [max(counts), sum(counts) / len(counts), min(counts)]
        rows.append(row)
    return np.array(rows, float)


def paths(cell: Cell) -> list[tuple[int, ...]]:
    """The kinds on each path from the input to the output, skips left out."""
    sons: list[list[int]] = [[] for _ in cell.kinds]
    for a, b in cell.edges:
        sons[a].append(b)

    def onward(node: int, done: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        kind = cell.kinds[node]
        if kind == OUTPUT:
            yield done
        for son in sons[node]:
            yield from onward(son, done if kind in (INPUT, SKIP) else (*done, kind))

    return list(onward(0, ()))


def class_means(values: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means of ``values`` [A, ...] over the members of each class [classes.max() + 1, ...], 0 for an empty class."""
    total = np.zeros((int(classes.max()) + 1, *values.shape[1:]))
    np.add.at(total, classes, values)
    count = np.maximum(np.bincount(classes), 1)
    return total / count.reshape(-1, *[1] * (values.ndim - 1))


@cache
def structure(space: CellSpace) -> NDArray[np.float64]:
    """What can be known of a cell without training it: float64 [A, S], all of mean 0.

    ``summaries`` and nodes of each kind, which stand for FLOPs and parameters, of deviation 1; ``features`` as they
    are, since most paths are rare and would be loud if they were scaled.
    """
    counts = np.stack([(space.kinds == kind).sum(1) for kind in KINDS], axis=1)
    counts = class_means(counts.astype(float), space.classes)[space.classes]
    broad = np.column_stack([space.summaries, counts])
    spread = broad.std(0)
    found = np.column_stack([broad[:, spread > 0] / spread[spread > 0], space.features])
    return found - found.mean(0)


def kind_encodings() -> list[GraphEncoding]:
    """One node of each of ``KINDS``, encoded as the runtime encodes any graph: its sentence and its numbers."""
    return [encode_graph(Graph((node,), ())) for node in _nodes()]


def _nodes() -> list[Node]:
    data = Input(_IMAGE)

    def conv(kernel: int) -> Node:
        weight = Input(TensorType("float32", (16, 16, kernel, kernel)), constant=True)
        return Node("Conv", (data, weight), (_IMAGE,), {"kernel_shape": (kernel, kernel)})

    pooled = {"kernel_shape": (3, 3)}
    return [
        Node("Input", (), (_IMAGE,)), Node("Output", (data,), (_IMAGE,)), Node("Identity", (data,), (_IMAGE,)), conv(1),
        conv(3), Node("AveragePool", (data,), (_IMAGE,), pooled), Node("MaxPool", (data,), (_IMAGE,), pooled),
    ]  # fmt: skip
