"""NAR-Former V2 (Yi et al., NeurIPS 2023), from its description: sinusoidal encodings, adjacency-masked sigmoid attention."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from benchmarks.peers.graphs import Graphs

FREQUENCIES = 4
GROUPS = 4


class GroupedLinear(nn.Module):
    """A linear map of each of ``GROUPS`` equal parts of the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.map = nn.Conv1d(inputs, outputs, 1, groups=GROUPS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N, inputs] to [B, N, outputs]."""
        return self.map(x.transpose(1, 2)).transpose(1, 2)


class Block(nn.Module):
    """Attention with a sigmoid in place of the softmax, between neighbours alone, and a grouped feed-forward."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.feed = nn.Sequential(GroupedLinear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        """``x`` [B, N, width], ``near`` [B, N, N]."""
        y = self.before(x)
        scores = self.query(y) @ self.key(y).transpose(-1, -2) / math.sqrt(x.shape[-1])
        x = x + self.dropout((torch.sigmoid(scores) * near) @ self.value(y))
        return x + self.dropout(self.feed(self.after(x)))


class NarFormerV2(nn.Module):
    """A number for each graph [B]; published with two blocks of width 512."""

    def __init__(
        self, features: int, totals: int, width: int = 512, layers: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(2 * FREQUENCIES * features, width)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(layers))
        self.head = nn.Sequential(
            nn.Linear(width + totals, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )

    def forward(self, graphs: Graphs) -> Tensor:
        """See ``Graphs``."""
        near = (graphs.adjacency + graphs.adjacency.transpose(-1, -2) + graphs.loops).clamp(max=1)
        angles = graphs.features.unsqueeze(-1) * 2.0 ** torch.arange(FREQUENCIES)
        x = self.embed(torch.cat([angles.sin(), angles.cos()], -1).flatten(2))
        for block in self.blocks:
            x = block(x, near)
        pooled = (x * graphs.present).sum(1)
        return self.head(torch.cat([pooled, graphs.totals], -1)).squeeze(-1)
