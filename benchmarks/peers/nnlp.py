"""NNLP (Liu et al., NNLQP, ICPP 2022), from its description: GraphSAGE on the undirected graph, sum pool, static features."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers.graphs import Graphs, normalised


class Nnlp(nn.Module):
    """A number for each graph [B]; two SAGE convolutions, published with width 512."""

    def __init__(
        self, features: int, totals: int, width: int = 512, layers: int = 2, dropout: float = 0.05
    ) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.own = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.near = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(sizes))
        self.head = nn.Sequential(
            nn.Linear(width + totals, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, 1)
        )

    def forward(self, graphs: Graphs) -> Tensor:
        """See ``Graphs``."""
        near = normalised((graphs.adjacency + graphs.adjacency.transpose(-1, -2)).clamp(max=1))
        x = graphs.features
        for own, other in zip(self.own, self.near, strict=True):
            x = F.relu(F.normalize(own(x) + other(near @ x), dim=-1))
        pooled = (x * graphs.present).sum(1)
        return self.head(torch.cat([pooled, graphs.totals], -1)).squeeze(-1)
