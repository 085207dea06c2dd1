"""What nodes of a kind cost on known platforms: a sum over nodes whose rates are log-linear in named traits.

A node asks for four amounts, ``AMOUNTS``. Each is paid at a rate, exp(level of the platform + sum over the node's traits
of a weight), so that a trait speeds up or slows down whatever has it by a factor. A weight is the sum of three: of all
platforms, of those that run alike (``kin_of``), of the platform itself. Ridge penalties shrink them to zero, so that a
trait that training has seen in one family alone moves little.
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

AMOUNTS = ("GFLOPs", "gigabytes", "thousand launches", "gigabytes inside attention")
"""Columns of ``KindTable.amounts``; the last is what one fused kernel of attention never moves."""
BEGIN = {"gpu": (0.02, 0.5, 0.1, 0.2), "cpu": (2.0, 30.0, 10.0, 15.0)}
"""Milliseconds of a sample for one of each of ``AMOUNTS``, before training."""
SLOWEST = 12.0
"""Bound of the logarithm of a rate."""

PASSES = frozenset(
    [
        "Add",
        "Mul",
        "Div",
        "Reshape",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Sub",
        "Neg",
        "Slice",
        "Clip",
        "Max",
    ]
)
"""Operators between a product and its softmax that scale or mask it."""
NOT_ELEMENTWISE = frozenset(
    [
        "LayerNormalization",
        "InstanceNormalization",
        "Softmax",
        "ReduceMean",
        "Resize",
        "AveragePool",
        "MaxPool",
        "GlobalAveragePool",
    ]
)


class Nodes:
    """The nodes of a graph as ``traits_of`` reads them: columns by name, operators, neighbours."""

    def __init__(self, encoding: GraphEncoding) -> None:
        words = [sentence.split(" kernel")[0].split(" stride")[0] for sentence in encoding.sentences]
        self.operator = [words[at] for at in encoding.text]
        columns = dict(zip(QUANTITIES, encoding.quantities.T, strict=True))
        of_traits = dict(zip(TRAITS, encoding.traits.T.astype(np.float64), strict=True))
        self.read, self.written = columns["input_elements"], columns["output_elements"]
        self.gigabytes = (columns["float_bytes"] - columns["weight_bytes"] + columns["fixed_bytes"]) * 1e-9
        self.gflops, self.weights = columns["flops"] * 1e-9, columns["weight_elements"]
        self.depth = columns["macs"] / np.maximum(self.written, 1)
        self.channels_in, self.channels_out = (
            np.expm1(of_traits[name]).round() for name in ("channels_in", "channels_out")
        )
        self.groups = np.exp(of_traits["groups"]).round()
        self.kernel, self.strided = of_traits["kernel"], of_traits["stride"] > 0
        self.depthwise, self.view = of_traits["depthwise"] > 0, of_traits["view"] > 0
        self.fathers, self.sons = (
            [row[row >= 0].tolist() for row in encoding.neighbours[:, RELATIONS.index(name), 1:]]
            for name in ("fathers", "sons")
        )

    def attention(self) -> dict[int, str]:
        """Which nodes are softmax(q k) v, as PyTorch runs it in one kernel, and what each of them does there."""
        found: dict[int, str] = {}
        for node, operator in enumerate(self.operator):
            if operator == "Softmax":
                above, below = self._product_above(node), self._product_below(node)
                if above and below:
                    found |= dict.fromkeys(above[:-1], "mask") | {
                        above[-1]: "scores",
                        node: "softmax",
                        below: "values",
                    }
        return found

    def _product_above(self, node: int) -> list[int]:
        """The way up from a softmax to the product of its scores, which comes last; () where there is none."""
        way: list[int] = []
        while len(way) < 8:
            above = self.fathers[way[-1] if way else node]
            products = [father for father in above if self.operator[father] == "MatMul"]
            if products:
                return [*way, products[0]]
            passed = [
                father
                for father in above
                if self.operator[father].split()[0] in PASSES and self.written[father] == self.written[node]
            ]
            if not passed:
                break
            way.append(passed[0])
        return []

    def _product_below(self, node: int) -> int:
        """The product that alone reads a softmax; 0 where there is none."""
        for _ in range(4):
            if len(self.sons[node]) != 1:
                break
            (node,) = self.sons[node]
            if self.operator[node] == "MatMul":
                return node
            if not self.view[node]:
                break
        return 0


def reached(name: object, value: float, least: float, most: float, step: float = 1) -> Iterator[object]:
    """A trait for each power of two from ``least`` to ``most`` that ``value`` reaches.

    Neighbouring sizes share all traits but one, so that a size that training has not seen costs what the nearest does.
    """
    for power in np.arange(least, most + step / 2, step):
        if value >= 2.0**power:
            yield name, float(power)


def traits_of(nodes: Nodes) -> Iterator[tuple[tuple[object, ...], float]]:
    """The traits of each node, and its gigabytes that attention does not move."""
    attention = nodes.attention()
    for node, operator in enumerate(nodes.operator):
        if node in attention:
            yield _in_attention(nodes, node, attention[node])
        elif nodes.depthwise[node]:
            yield (operator, "depthwise", *_depthwise(nodes, node)), 0.0
        elif "learned" in operator and operator.startswith(("Conv", "MatMul", "Gemm", "Einsum", "LSTM")):
            yield (operator, "dense", *_dense(nodes, node)), 0.0
        elif operator in ("MatMul", "Conv"):
            yield (operator, "product", *reached("product depth", nodes.depth[node], 4, 12)), 0.0
        else:
            yield (operator, *_other(nodes, node)), 0.0


def _in_attention(nodes: Nodes, node: int, role: str) -> tuple[tuple[object, ...], float]:
    matrix = 4e-9 * nodes.written[node]
    if role == "values":
        matrix = 4e-9 * max(nodes.read[node] - nodes.written[node], 0)
    inside = matrix if role in ("scores", "values") else nodes.gigabytes[node]
    traits = ("attention", ("attention", role), *reached(("attention", role), nodes.depth[node], 4, 9))
    return traits, min(inside, nodes.gigabytes[node])


def _depthwise(nodes: Nodes, node: int) -> Iterator[object]:
    yield from reached("depthwise kernel", math.exp(nodes.kernel[node]), 3, 6.5, 0.5)
    yield "depthwise strided", bool(nodes.strided[node])
    yield from reached("depthwise channels", nodes.channels_in[node], 5, 10)
    yield from reached("pixels", nodes.written[node] / max(nodes.channels_out[node], 1), 6, 14)


def _dense(nodes: Nodes, node: int) -> Iterator[object]:
    depth, groups = nodes.depth[node], nodes.groups[node]
    convolution = nodes.operator[node].startswith("Conv")
    kind = "linear"
    if convolution:
        kind = "grouped" if groups > 1 else "pointwise" if nodes.kernel[node] == 0 else "spatial"
    columns = nodes.channels_out[node] / groups if convolution else round(nodes.weights[node] / max(depth, 1))
    yield kind
    for whose in ("dense", kind):
        yield from reached((whose, "depth"), depth, 4, 12)
        yield from reached((whose, "columns"), columns, 4, 11)
    yield from reached("rows", nodes.written[node] / max(columns * (groups if convolution else 1), 1), 2, 14)
    yield from reached("smaller side", min(depth, columns), 4, 11)
    yield kind, "multiples of 8", bool(round(depth) % 8 == 0 and columns % 8 == 0)
    if nodes.strided[node]:
        yield kind, "strided"
    if groups > 1:
        yield from reached("of a group", nodes.channels_in[node] / groups, 2, 7)


def _other(nodes: Nodes, node: int) -> Iterator[object]:
    operator = nodes.operator[node]
    if operator.split()[0] not in NOT_ELEMENTWISE and not nodes.view[node]:
        yield "elementwise"
    for name, near in (("after", nodes.fathers[node]), ("before", nodes.sons[node])):
        yield operator, name, nodes.operator[near[0]].split()[0] if near else "nothing"
    yield from reached((operator, "read"), nodes.read[node] / max(nodes.written[node], 1), -1.5, 4)
    if operator.startswith("LayerNormalization"):
        yield from reached("normalized", nodes.weights[node], 6, 12)


@dataclass(frozen=True)
class KindTable:
    """G graphs as amounts of kinds; a kind is the nodes that have the same traits.

    ``traits``: T, their number. ``has``: int64, the traits of all K kinds in a row, ``starts``: int64 [K], where those of
    each begin. ``graph``, ``kind``: int64 [M]; ``amounts``: float32 [M, 4], what a graph
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
        for node, (found, inside) in enumerate(traits_of(nodes)):
            kind = kinds.setdefault(found, len(kinds))
            asked[kind] += (nodes.gflops[node], nodes.gigabytes[node] - inside, 1e-3, inside)
        rows += [(graph, kind, amounts) for kind, amounts in asked.items()]
    has = [traits.setdefault(trait, len(traits)) for found in kinds for trait in found]
    sizes = np.array([len(found) for found in kinds])
    starts = torch.from_numpy(np.cumsum(sizes) - sizes)
    graph, kind, amounts = map(np.array, zip(*rows, strict=True))
    return KindTable(len(traits), torch.tensor(has), starts, graph, kind, amounts.astype(np.float32))


def kin_of(platforms: Sequence[Platform]) -> Tensor:
    """Platforms that run alike: processor or graphics, compiled, layout; [kin, P], 1 where a platform is of a kin."""
    names = [(platform.kind, "compile" in platform.tags, "nhwc" in platform.tags) for platform in platforms]
    order = sorted(set(names))
    return torch.tensor([[float(name == other) for name in names] for other in order])


@dataclass(frozen=True)
class KindRecipe:
    """All that decides a fit but its rows; the penalties are on weights of all platforms, of kin, of one."""

    shared: float = 0.3
    kin: float = 0.5
    own: float = 1.0
    steps: int = 120
    learning_rate: float = 0.06
    beta: float = 0.05


class KindCosts:
    """Weights of traits on P platforms."""

    def __init__(self, table: KindTable, platforms: Sequence[Platform]) -> None:
        self.table, self.kin = table, kin_of(platforms)
        self.level = torch.tensor([BEGIN["cpu" if platform.kind == "cpu" else "gpu"] for platform in platforms]).log().T.clone()  # fmt: skip
        self.shared = torch.zeros(table.traits, len(AMOUNTS), 1)
        self.of_kin = torch.zeros(table.traits, len(AMOUNTS), len(self.kin))
        self.own = torch.zeros(table.traits, len(AMOUNTS), len(platforms))

    def parameters(self) -> list[Tensor]:
        """All that is learned."""
        return [self.level, self.shared, self.of_kin, self.own]

    def log_ms(self, place: Tensor, kind: Tensor, amounts: Tensor, graphs: int) -> Tensor:
        """Of one sample of each graph, [graphs, P]; see ``KindTable.of``."""
        weights = (self.shared + self.of_kin @ self.kin + self.own).flatten(1)
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
        for penalty, weights in (
            (recipe.shared, model.shared),
            (recipe.kin, model.of_kin),
            (recipe.own, model.own),
        ):
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
