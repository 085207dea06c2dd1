"""Small graphs as every peer reads them: dense, padded, many at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Graphs:
    """B graphs of at most N nodes.

    ``features``: float32 [B, N, F]; ``adjacency``: float32 [B, N, N], 1 from a node to its readers; ``present``: float32
    [B, N, 1], 0 for padding; ``totals``: float32 [B, S], quantities of the whole graph.
    """

    features: Tensor
    adjacency: Tensor
    present: Tensor
    totals: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Tensor) -> Graphs:
        return Graphs(self.features[rows], self.adjacency[rows], self.present[rows], self.totals[rows])

    @property
    def loops(self) -> Tensor:
        """The identity [N, N]."""
        return torch.eye(self.adjacency.shape[-1])


def normalised(adjacency: Tensor) -> Tensor:
    """Rows that sum to one, or to zero where they are empty."""
    return adjacency / adjacency.sum(-1, keepdim=True).clamp(min=1)


def masked_mean(states: Tensor, present: Tensor) -> Tensor:
    """Means of [B, N, D] over the nodes that are there: [B, D]."""
    return (states * present).sum(1) / present.sum(1).clamp(min=1)
