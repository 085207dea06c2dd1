"""LeDG-Former of ``ten_former`` with one part of it changed: what an ablation compares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.accuracy.ten_former import FlatGraph, FlatGraphs, TenFormer, TenRecipe, config_of, trained
from ledg_export.config import LedgConfig
from ledg_export.embedder import pretrained_folder, reference_vectors
from ledg_export.graph_encoder import DynamicGraphAttention, Layer
from ledg_rt.encoding import RELATIONS, GraphEncoding

SONS, FATHERS = RELATIONS.index("sons"), RELATIONS.index("fathers")


@dataclass(frozen=True)
class Variant:
    """What is changed; the defaults are LeDG-Former as it is.

    ``relations``, ``layers``: of the encoder. ``mixing``: weights of the relations by each "node", by each node and
    "head", or "constant" ones. ``token``: every node also reads the mean of its graph. ``depth``: a node knows how far from the
    input it is. ``convolution``: the feed-forward adds means over sons and over fathers, as NN-Former's does.
    ``template``: of the sentences. ``words``: vectors "int8" of the shipped embedder, "float32" of the pretrained one, or
    "operators" as one-hot vectors, or "none". ``numbers``: whether nodes have them. ``head``: costs of nodes that begin at
    the "roofline", that begin "equal", or the "pool" of states and totals of a graph.
    """

    relations: tuple[str, ...] = RELATIONS
    layers: int = 1
    mixing: str = "node"
    token: bool = False
    depth: bool = False
    convolution: bool = False
    template: str = "rich"
    words: str = "int8"
    numbers: bool = True
    head: str = "roofline"


class ConstantMix(nn.Module):
    """Weights of relations that all nodes share."""

    def __init__(self, relations: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(relations))

    def forward(self, x: Tensor) -> Tensor:
        """[len(x), relations], before the softmax."""
        return self.weights.expand(len(x), -1)


class HeadMixedAttention(DynamicGraphAttention):
    """Every head of a node mixes the relations by weights of its own."""

    def __init__(self, config: LedgConfig) -> None:
        super().__init__(config)
        self.mix = nn.Linear(config.width, len(self.relations) * config.heads)

    def edges(self, x: Tensor, edges: Tensor) -> Tensor:
        """As ``DynamicGraphAttention.edges``."""
        node, other, relation = edges
        q, k, v = self.qkv(x).unflatten(1, (3, self.heads, self.size)).unbind(1)
        scores = (F.embedding(node, q.flatten(1)) * F.embedding(other, k.flatten(1))).unflatten(
            1, (self.heads, -1)
        ).sum(-1) / math.sqrt(self.size)
        group = (node * len(RELATIONS) + relation)[:, None].expand_as(scores)
        empty = scores.new_zeros(len(x) * len(RELATIONS), self.heads)
        largest = (empty - 1e9).scatter_reduce(0, group, scores.detach(), "amax")
        powers = torch.exp(scores - largest.gather(0, group))
        shares = powers / empty.scatter_add(0, group, powers).gather(0, group)
        mix = self.mix(x).unflatten(1, (len(self.relations), self.heads)).softmax(1)
        weights = mix[node, self._column(relation)] * shares
        values = weights[..., None] * F.embedding(other, v.flatten(1)).unflatten(1, (self.heads, -1))
        return self.out(torch.zeros_like(x).index_add(0, node, values.flatten(1)))


class VariedLayer(Layer):
    """A layer with what a variant changes in it."""

    def __init__(self, config: LedgConfig, variant: Variant) -> None:
        super().__init__(config)
        width = config.width
        if variant.mixing == "head":
            self.attention = HeadMixedAttention(config)
        elif variant.mixing == "constant":
            self.attention.mix = ConstantMix(len(config.relations))
        self.read = nn.Linear(width, width) if variant.token else None
        self.forth, self.back = (
            (nn.Linear(width, 2 * width, bias=False), nn.Linear(width, 2 * width, bias=False))
            if variant.convolution
            else (None, None)
        )

    def varied(self, x: Tensor, edges: Tensor, owner: Tensor, count: int) -> Tensor:
        """``x`` [T, width] after the layer; ``edges`` as attention takes them; ``owner`` [T]: which of ``count`` graphs."""
        normed = self.before_attention(x)
        told = self.attention.edges(normed, edges)
        if self.read is not None:
            told = told + self.read(means(normed, owner, owner, torch.arange(len(x)), count))[owner]
        x = x + told
        normed = self.before_feed(x)
        widen, active, narrow = self.feed
        hidden = widen(normed)
        if self.forth is not None and self.back is not None:
            for linear, relation in ((self.forth, SONS), (self.back, FATHERS)):
                node, other, _ = edges[:, (edges[2] == relation) & (edges[0] != edges[1])]
                hidden = hidden + linear(means(normed, node, node, other, len(x)))
        return x + narrow(active(hidden))


def means(x: Tensor, into: Tensor, counted: Tensor, rows: Tensor, count: int) -> Tensor:
    """Means of ``x[rows]`` [E, D] over equal ``into`` [E], zero where there are none: [count, D]."""
    total = x.new_zeros(count, x.shape[1]).index_add(0, into, x[rows])
    return total / torch.bincount(counted, minlength=count).clamp(min=1)[:, None]


class VariedFormer(TenFormer):
    """``TenFormer`` with the parts of a variant."""

    def __init__(
        self, config: LedgConfig, words: Tensor, prices: Sequence[float], variant: Variant, features: int
    ) -> None:
        """``features``: columns of the numbers of a node."""
        super().__init__(config, words, prices)
        self.variant = variant
        width = config.width
        self.encoder.layers = nn.ModuleList(VariedLayer(config, variant) for _ in range(config.layers))
        self.encoder.numbers[0] = nn.Linear(features, width)
        self.encoder.register_buffer("mean", torch.zeros(features))
        self.encoder.register_buffer("std", torch.ones(features))
        self.pool = nn.Sequential(nn.Linear(width + 4, 2 * width), nn.GELU(), nn.Linear(2 * width, 1))

    def states(self, graphs: FlatGraph, owner: Tensor, count: int) -> Tensor:
        """As ``TenFormer.states``."""
        encoder = self.encoder
        x = F.embedding(graphs.text, encoder.text(self.words))
        if self.variant.numbers:
            x = x + encoder.numbers((graphs.numeric - encoder.mean) / encoder.std)
        edges = graphs.edges[:, torch.isin(graphs.edges[2], torch.tensor(encoder.relations))]
        for layer in encoder.layers:
            assert isinstance(layer, VariedLayer)
            x = layer.varied(x, edges, owner, count)
        found: Tensor = encoder.norm(x)
        return found

    def forward(self, graphs: FlatGraph, owner: Tensor, count: int) -> Tensor:
        """As ``TenFormer.forward``."""
        if self.variant.head == "equal":
            graphs = replace(graphs, work=torch.zeros_like(graphs.work))
        if self.variant.head != "pool":
            return super().forward(graphs, owner, count)
        states = self.states(graphs, owner, count)
        pooled = means(states, owner, owner, torch.arange(len(states)), count)
        totals = graphs.work.new_zeros(count, 4).index_add(0, owner, graphs.work.exp()).log()
        found: Tensor = self.pool(torch.cat([pooled, totals], -1)).squeeze(-1) + self.prices[4]
        return found


def graphs_of(variant: Variant, encodings: Sequence[GraphEncoding]) -> FlatGraphs:
    """Graphs as a variant reads them."""
    found = FlatGraphs.of(
        encodings, {"float32": float32, "operators": operators, "none": none}.get(variant.words)
    )
    if not variant.depth:
        return found
    widened = [
        replace(graph, numeric=torch.cat([graph.numeric, torch.from_numpy(depths(encoding))], 1))
        for graph, encoding in zip(found.graphs, encodings, strict=True)
    ]
    return FlatGraphs(widened, found.vocabulary)


def float32(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Vectors of the pretrained embedder before its weights were quantized."""
    return reference_vectors(pretrained_folder(), sentences)


def operators(sentences: Sequence[str]) -> NDArray[np.float32]:
    """One-hot vectors of the first words of sentences: their operators."""
    first = [sentence.split()[0] for sentence in sentences]
    return np.eye(LedgConfig().text_width, dtype=np.float32)[np.unique(first, return_inverse=True)[1]]


def none(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Zeros."""
    return np.zeros((len(sentences), LedgConfig().text_width), dtype=np.float32)


def depths(encoding: GraphEncoding) -> NDArray[np.float32]:
    """How far from its inputs a node is, as the logarithm of steps and as a share of the deepest: float32 [N, 2].

    Nodes are in topological order.
    """
    fathers = encoding.neighbours[:, FATHERS]
    found = np.zeros(len(fathers))
    for node, near in enumerate(fathers):
        before = near[(near >= 0) & (near < node)]
        found[node] = found[before].max() + 1 if len(before) else 0
    return np.column_stack([np.log1p(found), found / max(found.max(), 1)]).astype(np.float32)


def fit(
    variant: Variant, recipe: TenRecipe, graphs: FlatGraphs, rows: Tensor, log_ms: Tensor, seed: int
) -> TenFormer:
    """Train a variant; see ``ten_former.fit``."""
    torch.manual_seed(seed)
    recipe = replace(recipe, relations=variant.relations, layers=variant.layers)
    features = graphs.graphs[0].numeric.shape[1]
    model = VariedFormer(config_of(recipe), graphs.vocabulary.vectors, recipe.prices, variant, features)
    if variant.head == "equal":
        nn.init.constant_(model.factor[-1].bias, math.log(1e-2))
    if variant.head == "pool":
        nn.init.constant_(model.prices[4:], float(log_ms.mean()))
    return trained(model, recipe, graphs, rows, log_ms, seed)
