"""BRP-NAS (Dudziak et al., NeurIPS 2020), from its description: four graph convolutions on the cell with a global node."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.peers.graphs import Graphs, masked_mean, normalised


class BrpNas(nn.Module):
    """A number for each graph [B], read off a global node that hears of every other; published with width 600."""

    def __init__(
        self, features: int, totals: int, width: int = 600, layers: int = 4, dropout: float = 0.2
    ) -> None:
        super().__init__()
        sizes = [features, *[width] * layers]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.global_layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, 1)

    def forward(self, graphs: Graphs) -> Tensor:
        """See ``Graphs``."""
        heard = normalised(graphs.adjacency.transpose(-1, -2) + graphs.loops)
        x = graphs.features
        whole = torch.zeros_like(x[:, 0])
        for layer, global_layer in zip(self.layers, self.global_layers, strict=True):
            whole = self.dropout(F.relu(global_layer((whole + masked_mean(x, graphs.present)) / 2)))
            x = self.dropout(F.relu(layer(heard @ x)))
        return self.head(whole).squeeze(-1)
