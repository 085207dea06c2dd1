"""What nodes of a kind cost on known platforms: a sum over nodes whose rates are log-linear in named traits.

A node asks for three amounts, ``AMOUNTS``. Each is paid at a rate, exp(level of the platform + sum over the node's traits
of a weight), so that a trait speeds up or slows down whatever has it by a factor. A weight is the sum of one of all
platforms and one of the platform itself. Ridge penalties shrink both to zero, so that a trait that training has seen in
one family alone moves little.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ledg_rt.encoding import QUANTITIES, RELATIONS, TRAITS, GraphEncoding
from ledg_rt.platforms.device import Platform

Float = NDArray[np.float64]
Ints = NDArray[np.int64]

AMOUNTS = ("GFLOPs", "gigabytes", "thousand launches")
"""Columns of ``KindTable.amounts``."""
BEGIN = {"gpu": (0.02, 0.5, 0.1), "cpu": (2.0, 30.0, 10.0)}
"""Milliseconds of a sample for one of each of ``AMOUNTS``, before training."""
SLOWEST = 12.0
"""Bound of the logarithm of a rate."""

PRODUCTS = ("Conv", "MatMul", "Gemm", "Einsum", "LSTM")
"""Beginnings of operators that multiply matrices."""


class Nodes:
    """The nodes of a graph as ``traits_of`` reads them: columns by name, operators, fathers."""

    def __init__(self, encoding: GraphEncoding) -> None:
        words = [sentence.split(" kernel")[0].split(" stride")[0] for sentence in encoding.sentences]
        self.operator = [words[at] for at in encoding.text]
        columns = dict(zip(QUANTITIES, encoding.quantities.T, strict=True))
        of_traits = dict(zip(TRAITS, encoding.traits.T.astype(np.float64), strict=True))
        self.read, self.written = columns["input_elements"], columns["output_elements"]
        self.gigabytes = (columns["float_bytes"] - columns["weight_bytes"] + columns["fixed_bytes"]) * 1e-9
        self.gflops = columns["flops"] * 1e-9
        self.depth = columns["macs"] / np.maximum(self.written, 1)
        self.channels_in, self.channels_out = (
            np.expm1(of_traits[name]).round() for name in ("channels_in", "channels_out")
        )
        self.groups = np.exp(of_traits["groups"]).round()
        self.kernel, self.pixels = of_traits["kernel"], of_traits["spatial_out"]
        self.strided, self.depthwise = of_traits["stride"] > 0, of_traits["depthwise"] > 0
        self.father = encoding.neighbours[:, RELATIONS.index("fathers"), 1]


def size(value: float, least: int, most: int) -> int:
    """The power of two that ``value`` reaches, between bounds."""
    return int(min(max(math.log2(max(value, 1)), least), most))


def traits_of(nodes: Nodes) -> Iterator[tuple[object, ...]]:
    """The traits of each node."""
    for node, operator in enumerate(nodes.operator):
        found = _product(nodes, node) if operator.startswith(PRODUCTS) else _other(nodes, node)
        yield operator, *((operator, *trait) for trait in found)


def _product(nodes: Nodes, node: int) -> Iterator[tuple[object, ...]]:
    groups, strided = nodes.groups[node], bool(nodes.strided[node])
    into, out = nodes.channels_in[node], nodes.channels_out[node]
    if nodes.depthwise[node]:
        kernel = round(nodes.kernel[node])
        yield ("depthwise",)
        yield "depthwise", "kernel", kernel
        yield "depthwise", "kernel", kernel, "strided", strided
        yield "depthwise", "channels", size(into, 0, 20) // 2
        return
    kind = "grouped" if groups > 1 else "pointwise" if nodes.kernel[node] == 0 else "spatial"
    yield (kind,)
    yield kind, "depth", size(nodes.depth[node], 4, 11)
    yield kind, "columns", size(out / groups, 4, 10)
    yield kind, "multiples of 8", bool(into % 8 == 0 and out % 8 == 0)
    yield kind, "pixels", int(nodes.pixels[node] // math.log(4))
    yield kind, "strided", strided


def _other(nodes: Nodes, node: int) -> Iterator[tuple[object, ...]]:
    father = nodes.father[node]
    yield "after", nodes.operator[father] if father >= 0 else "nothing"
    widened = nodes.read[node] / max(nodes.written[node], 1)
    pair = nodes.operator[node].startswith(("Add", "Mul"))
    yield "of equals" if pair else "narrows", bool(abs(widened - 2) < 0.05 if pair else widened > 1.2)


@dataclass(frozen=True)
class KindTable:
    """G graphs as amounts of kinds; a kind is the nodes that have the same traits.

    ``traits``: T, their number. ``has``: int64, the traits of all K kinds in a row, ``starts``: int64 [K], where those of
    each begin. ``graph``, ``kind``: int64 [M]; ``amounts``: float32 [M, 3], what a graph
    asks for in nodes of a kind for one sample; ordered by graph.
    """

    traits: int
    has: Tensor
    starts: Tensor
    graph: Ints
    kind: Ints
    amounts: NDArray[np.float32]

    def of(self, graphs: Ints) -> tuple[Tensor, Tensor, Tensor]:
        """Place among ``graphs``, kind, amounts of what these ask for."""
        place = np.full(int(self.graph.max()) + 1, -1)
        place[graphs] = np.arange(len(graphs))
        here = place[self.graph] >= 0
        return (
            torch.from_numpy(place[self.graph[here]]), torch.from_numpy(self.kind[here]),
            torch.from_numpy(self.amounts[here]),
        )  # fmt: skip


def kind_table(graphs: Mapping[str, GraphEncoding], names: Sequence[str]) -> KindTable:
    """The kinds of the nodes of ``names`` (batch 1)."""
    kinds: dict[tuple[object, ...], int] = {}
    traits: dict[object, int] = {}
    rows: list[tuple[int, int, Float]] = []
    for graph, name in enumerate(names):
        nodes = Nodes(graphs[name])
        asked: dict[int, Float] = defaultdict(lambda: np.zeros(len(AMOUNTS)))
        for node, found in enumerate(traits_of(nodes)):
            kind = kinds.setdefault(found, len(kinds))
            asked[kind] += (nodes.gflops[node], nodes.gigabytes[node], 1e-3)
        rows += [(graph, kind, amounts) for kind, amounts in asked.items()]
    has = [traits.setdefault(trait, len(traits)) for found in kinds for trait in found]
    sizes = np.array([len(found) for found in kinds])
    starts = torch.from_numpy(np.cumsum(sizes) - sizes)
    graph, kind, amounts = map(np.array, zip(*rows, strict=True))
    return KindTable(len(traits), torch.tensor(has), starts, graph, kind, amounts.astype(np.float32))


@dataclass(frozen=True)
class KindRecipe:
    """All that decides a fit but its rows; the penalties are on weights of all platforms and of one."""

    shared: float = 1.0
    own: float = 0.7
    steps: int = 120
    learning_rate: float = 0.06
    beta: float = 0.05


class KindCosts:
    """Weights of traits on P platforms."""

    def __init__(self, table: KindTable, platforms: Sequence[Platform]) -> None:
        self.table = table
        self.level = torch.tensor([BEGIN["cpu" if platform.kind == "cpu" else "gpu"] for platform in platforms]).log().T.clone()  # fmt: skip
        self.shared = torch.zeros(table.traits, len(AMOUNTS), 1)
        self.own = torch.zeros(table.traits, len(AMOUNTS), len(platforms))

    def parameters(self) -> list[Tensor]:
        """All that is learned."""
        return [self.level, self.shared, self.own]

    def log_ms(self, place: Tensor, kind: Tensor, amounts: Tensor, graphs: int) -> Tensor:
        """Of one sample of each graph, [graphs, P]; see ``KindTable.of``."""
        weights = (self.shared + self.own).flatten(1)
        of_kinds = F.embedding_bag(self.table.has, weights, self.table.starts, mode="sum")
        rates = (of_kinds.view(-1, *self.level.shape) + self.level).clamp(max=SLOWEST).exp()
        asked = F.embedding(kind, rates.flatten(1)).view(-1, *self.level.shape)
        costs = (asked * amounts[:, :, None]).sum(1)
        return costs.new_zeros(graphs, costs.shape[1]).index_add(0, place, costs).clamp(min=1e-9).log()


def fit(
    recipe: KindRecipe, table: KindTable, graphs: Ints, log_ms: Float, platforms: Sequence[Platform]
) -> KindCosts:
    """Learn from some graphs; ``log_ms`` [G, P] of one sample, NaN where nothing was measured. No chance is involved."""
    model = KindCosts(table, platforms)
    for parameter in model.parameters():
        parameter.requires_grad_()
    asked, labels = table.of(graphs), torch.from_numpy(log_ms[graphs]).float()
    there = ~labels.isnan()
    optimizer = torch.optim.Adam(model.parameters(), recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.steps)
    for _ in range(recipe.steps):
        errors = (model.log_ms(*asked, len(graphs)) - labels)[there]
        loss = F.smooth_l1_loss(errors, torch.zeros_like(errors), beta=recipe.beta, reduction="sum")
        for penalty, weights in ((recipe.shared, model.shared), (recipe.own, model.own)):
            loss = loss + penalty * (weights**2).sum()
        optimizer.zero_grad()
        (loss / len(errors)).backward()
        optimizer.step()
        schedule.step()
    return model


@torch.no_grad()
def predict(model: KindCosts, graphs: Ints) -> Float:
    """Log ms of one sample of some graphs, [len(graphs), P]."""
    return model.log_ms(*model.table.of(graphs), len(graphs)).double().numpy()
