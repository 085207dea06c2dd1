"""Nodes that an encoder cannot tell apart, once: what an encoder of few layers needs of many large graphs.

Two nodes get one state from a layer of attention when they had one state before it and their neighbours under each
relation had the same states. So the nodes of all graphs fall into classes, level by level, and a network that repeats
its blocks is a few classes and how often each occurs. This is exact: nothing is averaged. The 1,382 graphs of timm's
benchmark have 687,000 nodes, 43,000 classes before the first layer, 107,000 after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ledg_rt.encoding import RELATIONS, GraphEncoding

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """Classes after a layer, U of them, in terms of those before it.

    ``own``: int64 [U], what each was. ``ends``: int64 [U + 1], where its neighbours begin in ``others`` and ``relations``
    (int64 [E]; itself is among them under each relation).
    """

    own: Ints
    ends: Ints
    others: Ints
    relations: Ints


@dataclass(frozen=True)
class NodeClasses:
    """The nodes of G graphs.

    Before the first layer: ``sentences``, the distinct ones, and of each class ``text``: int64 [K], position in them;
    ``features``: float32 [K, F]; ``work``: float32 [K, 3], GFLOPs, gigabytes at 32 bits that grow with the batch, and
    those that do not. After the last one: ``first``: int64 [U], what each class was at the beginning; ``ends``: int64
    [G + 1], where the classes of a graph begin in ``classes`` and ``counts`` (how often it has each).
    """

    sentences: tuple[str, ...]
    text: Ints
    features: NDArray[np.float32]
    work: NDArray[np.float32]
    levels: tuple[Level, ...]
    first: Ints
    ends: Ints
    classes: Ints
    counts: NDArray[np.float32]


@dataclass(frozen=True)
class Packed:
    """Some graphs as a network reads them; see ``pack``.

    ``base``: int64 [k], positions in the classes before the first layer. A layer: ``own`` int64 [u], and node, other,
    relation of each pair, int64 [3, e]. ``first``: int64 [u], as ``base``, of the classes after the last layer.
    ``classes``, ``counts``, ``graphs``: [m], a class (position in these), how often, and of which graph.
    """

    base: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]
    first: Tensor
    classes: Tensor
    counts: Tensor
    graphs: Tensor
    size: int


def features(encoding: GraphEncoding) -> NDArray[np.float32]:
    """What is known of each node in numbers, [N, F]: those of the encoding, its matrix product, what divides its sizes.

    Tensor cores want multiples of 8 and more; a product is ``depth`` deep, which its totals alone do not tell.
    """
    macs, _, read, written, weights = encoding.quantities.T[:5]
    channels_in, channels_out = np.rint(np.expm1(encoding.traits[:, :2].astype(np.float64))).T
    groups = np.exp(encoding.traits[:, 5].astype(np.float64))
    depth = macs / np.maximum(written, 1)
    sizes = [
        depth, weights / np.maximum(depth, 1) * (depth > 0), written / np.maximum(channels_out, 1),
        channels_in / groups, channels_out / groups,
        *((encoding.neighbours[:, RELATIONS.index(relation)] >= 0).sum(1) - 1 for relation in ("fathers", "sons")),
    ]  # fmt: skip
    aligned = [
        size % 8 == 0 for size in (np.rint(depth), channels_in, channels_out, np.rint(channels_in / groups))
    ]
    aligned += [size % 32 == 0 for size in (np.rint(depth), channels_in, channels_out)]
    aligned += [size % 64 == 0 for size in (channels_in, channels_out)]
    widened = np.log1p(read) - np.log1p(written)
    # The last column of an encoding is its batch, which is one here.
    return np.column_stack([encoding.numeric[:, :-1], *map(np.log1p, sizes), *aligned, widened]).astype(
        np.float32
    )


def node_classes(graphs: Mapping[str, GraphEncoding], names: Sequence[str], layers: int) -> NodeClasses:
    """The classes of the nodes of ``names`` (batch 1) for an encoder of ``layers``."""
    index: dict[str, int] = {}
    text, numbers, work, neighbours, offset = [], [], [], [], [0]
    for name in names:
        encoding = graphs[name]
        rows = np.array([index.setdefault(sentence, len(index)) for sentence in encoding.sentences])
        text.append(rows[encoding.text])
        numbers.append(features(encoding))
        flops, growing, fixed, weights = encoding.quantities[:, [1, 5, 6, 7]].T
        work.append(np.column_stack([flops, growing - weights + fixed, weights]) * 1e-9)
        neighbours.append(np.where(encoding.neighbours >= 0, encoding.neighbours + offset[-1], -1))
        offset.append(offset[-1] + len(rows[encoding.text]))
    table = np.concatenate(neighbours)
    numeric = np.column_stack([*map(np.concatenate, (numbers, work))]).astype(np.float32)
    words = np.concatenate(text)
    start, found = _distinct(np.column_stack([numeric.view(np.int32), words.astype(np.int32)]))
    levels, begun = [], found
    for _ in range(layers):
        level, found = _next(table, found)
        levels.append(level)
    last = int(found.max()) + 1
    owner = np.repeat(np.arange(len(names)), np.diff(offset))
    pairs, counts = np.unique(owner * last + found, return_counts=True)
    example = np.zeros(last, dtype=np.int64)
    example[found] = begun
    return NodeClasses(
        tuple(index), words[start], numeric[start, :-3], numeric[start, -3:], tuple(levels), example,
        np.searchsorted(pairs // last, np.arange(len(names) + 1)), pairs % last, counts.astype(np.float32),
    )  # fmt: skip


def _next(table: NDArray[np.int32], before: Ints) -> tuple[Level, Ints]:
    """The classes [N] after a layer, from those ``before`` it and neighbours [N, R, K]."""
    near = np.sort(np.where(table >= 0, before[table], -1).astype(np.int32), -1)
    start, after = _distinct(np.column_stack([before.astype(np.int32), near.reshape(len(near), -1)]))
    kept = near[start]
    node, relation, slot = np.nonzero(kept >= 0)
    ends = np.searchsorted(node, np.arange(len(start) + 1))
    return Level(before[start], ends, kept[node, relation, slot].astype(np.int64), relation), after


def _distinct(rows: NDArray[np.int32]) -> tuple[Ints, Ints]:
    """Where each distinct row is first, and which of them each row is."""
    index: dict[bytes, int] = {}
    found = np.array([index.setdefault(row.tobytes(), len(index)) for row in np.ascontiguousarray(rows)])
    _, start = np.unique(found, return_index=True)
    return start, found


def pack(nodes: NodeClasses, chosen: Ints) -> Packed:
    """The ``chosen`` graphs, with what their classes are made of."""
    at, graph = _slices(nodes.ends, chosen)
    used, classes = np.unique(nodes.classes[at], return_inverse=True)
    layers: list[tuple[Tensor, Tensor]] = []
    needed = used
    for level in reversed(nodes.levels):
        pairs, node = _slices(level.ends, needed)
        before = np.unique(np.concatenate([level.own[needed], level.others[pairs]]))
        own, other = (np.searchsorted(before, part) for part in (level.own[needed], level.others[pairs]))
        edges = np.stack([node, other, level.relations[pairs]])
        layers.insert(0, (torch.from_numpy(own), torch.from_numpy(edges)))
        needed = before
    arrays = (needed, nodes.first[used], classes, nodes.counts[at], graph)
    base, first, *rest = map(torch.from_numpy, arrays)
    return Packed(base, tuple(layers), first, *rest, len(chosen))


def _slices(ends: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Every position from ``ends[i]`` to ``ends[i + 1]`` of each chosen i, and its place among the chosen."""
    sizes = ends[chosen + 1] - ends[chosen]
    place = np.repeat(np.arange(len(chosen)), sizes)
    begin = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) - begin[place] + ends[chosen][place], place
