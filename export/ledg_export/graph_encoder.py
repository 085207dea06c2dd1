"""The dynamic graph transformer: sentences and quantities of nodes to their states. It never sees the platform.

Training uses the edge form (pairs of nodes of many graphs in one list), the exported model the table form
(neighbours [N, R, K]); both are linear in nodes, run the same layers and are proven equal to the dense
formula.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ledg_export.config import LedgConfig
from ledg_rt.encoding import NODE_FEATURES, RELATIONS


class DynamicGraphAttention(nn.Module):
    """Attention under each relation, mixed per node by softmax weights that the node itself gives.

    With scores s_ij = q_i k_j / sqrt(d), node i gets sum_r w_ir sum_j softmax_{j in r(i)}(s_ij) v_j,
    w_i = softmax(x_i W) over relations (our reading of arXiv 2506.07735).
    """

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        self.heads, self.size = config.heads, config.width // config.heads
        self.relations = [RELATIONS.index(name) for name in config.relations]
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.mix = nn.Linear(config.width, len(self.relations))
        self.out = nn.Linear(config.width, config.width)

    def edges(self, x: Tensor, edges: Tensor) -> Tensor:
        """``x`` [T, D], ``edges`` int64 [3, E]: node, other node, relation; sorted by node, itself among its own."""
        nodes, pairs = len(x), edges.shape[1]
        node, other, relation = edges
        heads = torch.arange(self.heads)
        q, k, v = self.qkv(x).split(x.shape[1], dim=-1)
        product = (F.embedding(node, q) * F.embedding(other, k)).view(pairs, self.heads, self.size)
        scores = product.sum(-1) / math.sqrt(self.size)
        group = (node * len(RELATIONS) + relation)[:, None].expand(pairs, self.heads)
        empty = scores.new_zeros(nodes * len(RELATIONS), self.heads)
        largest = (empty - 1e9).scatter_reduce(0, group, scores.detach(), "amax")
        powers = torch.exp(scores - largest.gather(0, group))
        sums = empty.scatter_add(0, group, powers)
        mix = self.mix(x).softmax(-1)[node, self._column(relation)]
        weights = mix[:, None] * powers / sums.gather(0, group)
        # One bag a head and node: its values, weighted by attention and by the mixing of relations.
        starts = torch.searchsorted(node.contiguous(), torch.arange(nodes))
        mixed = F.embedding_bag(
            (other + nodes * heads[:, None]).reshape(-1), v.view(nodes, self.heads, self.size).transpose(0, 1).reshape(-1, self.size),
            (starts + pairs * heads[:, None]).reshape(-1), mode="sum", per_sample_weights=weights.T.reshape(-1),
        )  # fmt: skip
        return self.out(mixed.view(self.heads, nodes, self.size).transpose(0, 1).reshape(nodes, -1))

    def _column(self, relation: Tensor) -> Tensor:
        """Positions of relations among those that are mixed."""
        columns = torch.full((len(RELATIONS),), -1)
        columns[self.relations] = torch.arange(len(self.relations))
        return columns[relation]

    def table(self, x: Tensor, neighbours: Tensor) -> Tensor:
        """``x`` [N, D], ``neighbours`` int64 [N, R, K], -1 where there are fewer."""
        nodes, width = x.shape
        q, k, v = self.qkv(x).split(width, dim=-1)
        weights = self.mix(x).softmax(-1)
        q = q.view(nodes, 1, self.heads, self.size)
        mixed = torch.zeros(nodes, self.heads, self.size, dtype=x.dtype)
        for at, relation in enumerate(self.relations):
            index = neighbours[:, relation]
            absent = (index < 0).unsqueeze(-1)
            near = index.clamp(min=0)
            keys = k[near].view(nodes, -1, self.heads, self.size)
            values = v[near].view(nodes, -1, self.heads, self.size)
            scores = (q * keys).sum(-1) / math.sqrt(self.size)
            attention = scores.masked_fill(absent, float("-inf")).softmax(1)
            mixed = mixed + weights[:, at].view(nodes, 1, 1) * (attention.unsqueeze(-1) * values).sum(1)
        return self.out(mixed.reshape(nodes, width))


class Layer(nn.Module):
    """Pre-norm attention and feed-forward, both residual."""

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(config.width)
        self.attention = DynamicGraphAttention(config)
        self.before_feed = nn.LayerNorm(config.width)
        self.feed = nn.Sequential(
            nn.Linear(config.width, 2 * config.width), nn.GELU(), nn.Linear(2 * config.width, config.width)
        )

    def forward(self, x: Tensor, edges: Tensor | None, neighbours: Tensor | None) -> Tensor:
        """By ``edges`` where they are given, else by ``neighbours``; see ``DynamicGraphAttention``."""
        normed = self.before_attention(x)
        if edges is not None:
            x = x + self.attention.edges(normed, edges)
        elif neighbours is not None:
            x = x + self.attention.table(normed, neighbours)
        return x + self.feed(self.before_feed(x))


class GraphEncoder(nn.Module):
    """Node text and node numbers to node states [N, width]."""

    mean: Tensor
    std: Tensor

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        self.text = nn.Linear(config.text_width, config.width)
        self.numbers = nn.Sequential(
            nn.Linear(NODE_FEATURES, config.width), nn.GELU(), nn.Linear(config.width, config.width)
        )
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.relations = [RELATIONS.index(name) for name in config.relations]
        self.register_buffer("mean", torch.zeros(NODE_FEATURES))
        self.register_buffer("std", torch.ones(NODE_FEATURES))

    def forward(self, text: Tensor, numeric: Tensor, edges: Tensor | None = None, neighbours: Tensor | None = None) -> Tensor:  # fmt: skip
        """``text`` already projected to [N, width]; ``numeric`` [N, NODE_FEATURES]; nodes of any graphs."""
        x = text + self.numbers((numeric - self.mean) / self.std)
        if edges is not None and len(self.relations) < len(RELATIONS):
            edges = edges[:, torch.isin(edges[2], torch.tensor(self.relations))]
        for layer in self.layers:
            x = layer(x, edges, neighbours)
        return self.norm(x)
