"""LeDG-Former on classes of nodes, for a fixed set of platforms that it knows.

The layers and the form of the project's model: words and numbers of nodes, attention under relations, and a positive
cost of each node on each platform, seeded with its roofline, summed over the network. What differs is what a table
of many networks on few known platforms allows: equal nodes are encoded once (``node_classes``), a platform is a learned
row instead of a description, all platforms of a network are one step, and time is that of one sample of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.accuracy.node_classes import Ints, NodeClasses, Packed, pack
from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import DynamicGraphAttention, Layer
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import RELATIONS
from ledg_rt.platforms.device import PRECISION_BITS, Platform

Float = NDArray[np.float64]
PREDICTED_AT_ONCE = 100
"""Graphs that ``predict`` takes together."""
DISPATCH_MS, LAUNCH_MS = 3e-3, 1e-1
"""Where the constant cost of a node begins for one sample, and for a batch, which shares it."""


@dataclass(frozen=True)
class ClassRecipe:
    """All that decides a fit but its rows and its seed."""

    width: int = 96
    layers: int = 1
    heads: int = 4
    hidden: int = 128
    dropout: float = 0.1
    whole: bool = False
    epochs: int = 16
    batch: int = 24
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    beta: float = 0.05


def seeds_of(platforms: Sequence[Platform], batches: Float) -> Tensor:
    """Logs of ms a GFLOP, ms a gigabyte at 32 bits, ms a node of one sample, from the catalogue: [3, P]."""
    rows = []
    for platform, batch in zip(platforms, batches, strict=True):
        share = PRECISION_BITS[platform.precision] / 32
        compute, memory = 1e3 / (platform.peak_gops or 1e3), 1e3 * share / (platform.bandwidth_gbs or 50)
        rows.append([compute, memory, DISPATCH_MS if batch == 1 else LAUNCH_MS / batch])
    return torch.tensor(rows).float().log().T


def attend(attention: DynamicGraphAttention, x: Tensor, own: Tensor, edges: Tensor) -> Tensor:
    """``DynamicGraphAttention.edges`` of ``x[own]`` over ``x``; ``edges``: node among ``own``, other, relation."""
    node, other, relation = edges
    count, width = len(own), x.shape[1]
    q = F.linear(x[own], attention.qkv.weight[:width], attention.qkv.bias[:width])
    k, v = F.linear(x, attention.qkv.weight[width:], attention.qkv.bias[width:]).split(width, -1)
    heads = (attention.heads, attention.size)
    scores = (F.embedding(node, q) * F.embedding(other, k)).unflatten(1, heads).sum(-1) / math.sqrt(
        attention.size
    )
    group = (node * len(RELATIONS) + relation)[:, None].expand_as(scores)
    empty = scores.new_zeros(count * len(RELATIONS), attention.heads)
    largest = (empty - 1e9).scatter_reduce(0, group, scores.detach(), "amax")
    powers = torch.exp(scores - largest.gather(0, group))
    shares = powers / empty.scatter_add(0, group, powers).gather(0, group)
    weights = attention.mix(x[own]).softmax(-1)[node, relation][:, None] * shares
    values = weights[..., None] * F.embedding(other, v).unflatten(1, heads)
    return attention.out(x.new_zeros(count, width).index_add(0, node, values.flatten(1)))


class ClassFormer(nn.Module):
    """Graphs to log milliseconds of one sample on each of P platforms."""

    sentences: Tensor
    text: Tensor
    numeric: Tensor
    work: Tensor
    weight_share: Tensor

    def __init__(
        self, recipe: ClassRecipe, nodes: NodeClasses, sentences: Tensor, seeds: Tensor, weight_share: Tensor, known: Ints
    ) -> None:  # fmt: skip
        """``sentences``: [S, text_width]; ``seeds``: see ``seeds_of``; ``weight_share``: [P], of the weights' bytes that
        one sample pays; ``known``: the classes before the first layer that set the scale of numbers.
        """
        super().__init__()
        config = LedgConfig(width=recipe.width, layers=recipe.layers, heads=recipe.heads)
        seen = nodes.features[known]
        numeric = (nodes.features - seen.mean(0)) / np.maximum(seen.std(0), 0.1)
        self.register_buffer("sentences", sentences, persistent=False)
        self.register_buffer("text", torch.from_numpy(nodes.text), persistent=False)
        self.register_buffer("numeric", torch.from_numpy(numeric), persistent=False)
        self.register_buffer("work", torch.from_numpy(nodes.work), persistent=False)
        self.register_buffer("weight_share", weight_share, persistent=False)
        width, platforms = recipe.width, seeds.shape[1]
        self.words = nn.Linear(config.text_width, width)
        self.numbers = nn.Sequential(nn.Linear(numeric.shape[1], width), nn.GELU(), nn.Linear(width, width))
        self.layers = nn.ModuleList(Layer(config) for _ in range(recipe.layers))
        self.norm = nn.LayerNorm(width)
        self.node = nn.Sequential(nn.Linear(width, recipe.hidden), nn.GELU(), nn.Dropout(recipe.dropout))
        self.platform = nn.Linear(recipe.hidden, platforms)
        self.physics = nn.Parameter(seeds.clone())
        self.whole = nn.Sequential(
            nn.Linear(width + platforms, 64), nn.GELU(), nn.Dropout(2 * recipe.dropout), nn.Linear(64, platforms)
        ) if recipe.whole else None  # fmt: skip
        for last in [self.platform] + ([self.whole[-1]] if self.whole is not None else []):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def states(self, packed: Packed) -> Tensor:
        """States of the classes after the last layer, [u, width]."""
        x = self.words(self.sentences)[self.text[packed.base]] + self.numbers(self.numeric[packed.base])
        for layer, (own, edges) in zip(self.layers, packed.layers, strict=True):
            assert isinstance(layer, Layer)
            before = x
            x = x[own] + attend(layer.attention, layer.before_attention(before), own, edges)
            x = x + layer.feed(layer.before_feed(x))
        return self.norm(x)

    def forward(self, packed: Packed) -> Tensor:
        """Log ms of one sample [G, P]."""
        states = self.states(packed)
        flops, grows, weights = self.work[packed.first].split(1, -1)
        moved = grows + weights * self.weight_share
        compute, memory = ((amount + 1e-12).log() for amount in (flops.expand_as(moved), moved))
        amounts = torch.stack([compute, memory, torch.zeros_like(memory)], 1)
        costs = torch.exp((amounts + self.physics).logsumexp(1) + self.platform(self.node(states)))
        weighted = costs[packed.classes] * packed.counts[:, None]
        log_ms = costs.new_zeros(packed.size, costs.shape[1]).index_add(0, packed.graphs, weighted).log()
        if self.whole is None:
            return log_ms
        total = states.new_zeros(packed.size, states.shape[1] + 1)
        of_each = F.pad(states, (0, 1), value=1.0)[packed.classes] * packed.counts[:, None]
        total = total.index_add(0, packed.graphs, of_each)
        return log_ms + self.whole(torch.cat([total[:, :-1] / total[:, -1:], log_ms / 4], -1))


def fit(
    recipe: ClassRecipe, nodes: NodeClasses, graphs: Ints, log_ms: Float, platforms: Sequence[Platform], batches: Float,
    embedder: Embedder, seed: int,
) -> ClassFormer:  # fmt: skip
    """Train on some graphs; ``log_ms`` [G, P] of one sample, NaN where nothing was measured; ``batches`` [P], as usual there.

    The rate falls along half a cosine.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sentences = torch.from_numpy(np.asarray(embedder.embed(nodes.sentences)))
    share = torch.from_numpy(1 / batches).float()
    known = pack(nodes, graphs).base.numpy()
    model = ClassFormer(recipe, nodes, sentences, seeds_of(platforms, batches), share, known)
    labels = torch.from_numpy(log_ms).float()
    optimizer = torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, (0.9, 0.98), weight_decay=recipe.weight_decay
    )
    each = math.ceil(len(graphs) / recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, recipe.epochs * each, pct_start=0.05
    )
    for _ in range(recipe.epochs):
        for rows in np.array_split(rng.permutation(graphs), each):
            found, wanted = model(pack(nodes, rows)), labels[rows]
            there = ~wanted.isnan()
            loss = F.smooth_l1_loss(found[there], wanted[there], beta=recipe.beta)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def predict(model: ClassFormer, nodes: NodeClasses, graphs: Ints) -> Float:
    """Log ms of one sample of some graphs on all platforms [len(graphs), P]."""
    parts = np.array_split(graphs, math.ceil(len(graphs) / PREDICTED_AT_ONCE))
    return torch.cat([model(pack(nodes, part)) for part in parts]).double().numpy()
