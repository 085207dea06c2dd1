"""NN-Former (CVPR 2025), from its description: heads under four relations, graph convolution both ways in the feed-forward."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers.graphs import Graphs, masked_mean, normalised

RELATIONS = 4
"""Readers, read nodes, siblings that one node feeds, siblings that feed one node; a head each."""


class Block(nn.Module):
    """A head under each relation; a feed-forward whose hidden units hear of both directions."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.own, self.forth, self.back = (nn.Linear(width, 2 * width) for _ in range(3))
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, masks: Tensor, readers: Tensor, read: Tensor) -> Tensor:
        """``x`` [B, N, width], ``masks`` bool [B, RELATIONS, N, N]; ``readers`` and ``read`` [B, N, N], whose rows are means."""
        batch, nodes, width = x.shape
        shape = (batch, nodes, 3, RELATIONS, width // RELATIONS)
        q, k, v = self.qkv(self.before(x)).view(shape).permute(2, 0, 3, 1, 4)
        scores = (q / math.sqrt(shape[-1]) @ k.transpose(-1, -2)).masked_fill(~masks, float("-inf"))
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, nodes, width)
        x = x + self.dropout(self.out(mixed))
        y = self.after(x)
        hidden = self.own(y) + self.forth(readers @ y) + self.back(read @ y)
        return x + self.dropout(self.narrow(F.gelu(hidden)))


class NnFormer(nn.Module):
    """A number for each graph [B]; published with 12 blocks of width 160 for accuracy, 2 of 512 for latency."""

    def __init__(
        self, features: int, totals: int, width: int = 160, layers: int = 12, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(features, width)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )  # fmt: skip

    def forward(self, graphs: Graphs) -> Tensor:
        """See ``Graphs``."""
        a, b = graphs.adjacency, graphs.adjacency.transpose(-1, -2)
        masks = torch.stack([a, b, b @ a, a @ b], 1) + graphs.loops > 0
        readers, read = normalised(a), normalised(b)
        x = self.embed(graphs.features)
        for block in self.blocks:
            x = block(x, masks, readers, read)
        return self.head(masked_mean(self.norm(x), graphs.present)).squeeze(-1)
