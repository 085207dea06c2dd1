"""Whole networks as peers read them: a node of the file is a node, with its operator and the logarithms of its sizes.

Published encodings have the operator as one-hot, its attributes, the shape of its output, and FLOPs, parameters and memory
access of the whole network as static features (NNLQP, NAR-Former V2); here the same of ``GraphEncoding``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.peers.graphs import Graphs
from ledg_rt.encoding import RELATIONS, GraphEncoding

PARTS = 8
"""A batch is worked on in so many parts of similar size, since attention pays for padding twice."""


@dataclass(frozen=True)
class PaddedNetworks:
    """n networks of at most N nodes.

    ``features``: float32 [n, N, F], 0 where there is no node; ``adjacency``: uint8 [n, N, N], 1 from a node to its readers;
    ``sizes``: int64 [n]; ``totals``: float32 [n, S].
    """

    features: Tensor
    adjacency: Tensor
    sizes: Tensor
    totals: Tensor

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, rows: Tensor) -> Batch:
        parts = rows[torch.argsort(self.sizes[rows])].tensor_split(min(PARTS, len(rows)))
        return Batch([self._cut(part) for part in parts], torch.argsort(self.sizes[rows]))

    def some(self, rows: Tensor) -> PaddedNetworks:
        """The networks of ``rows`` alone."""
        return PaddedNetworks(self.features[rows], self.adjacency[rows], self.sizes[rows], self.totals[rows])

    def _cut(self, rows: Tensor) -> Graphs:
        """Padded to the largest of them."""
        sizes = self.sizes[rows]
        most = int(sizes.max())
        present = (torch.arange(most) < sizes[:, None]).float().unsqueeze(-1)
        adjacency = self.adjacency[rows, :most, :most].float()
        return Graphs(self.features[rows, :most], adjacency, present, self.totals[rows])

    def standardised(self, known: Tensor) -> PaddedNetworks:
        """Features and totals in standard scores of the ``known`` rows."""
        nodes = torch.arange(self.features.shape[1]) < self.sizes[:, None]
        seen = self.features[known][nodes[known]]
        features = (self.features - seen.mean(0)) / seen.std(0).clamp(min=0.1) * nodes.unsqueeze(-1)
        totals = self.totals[known]
        scores = (self.totals - totals.mean(0)) / totals.std(0).clamp(min=0.1)
        return PaddedNetworks(features, self.adjacency, self.sizes, scores)


@dataclass(frozen=True)
class Batch:
    """Some networks in parts; ``order``: the row that each network of the parts, one after the other, comes from."""

    parts: Sequence[Graphs]
    order: Tensor

    def __len__(self) -> int:
        return len(self.order)


class InParts(nn.Module):
    """A network over ``Batch``."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Tensor:
        """[B], in the order of the rows."""
        found = torch.cat([self.model(part) for part in batch.parts])
        return torch.empty_like(found).index_copy(0, batch.order, found)


def padded(graphs: Sequence[GraphEncoding]) -> PaddedNetworks:
    """``graphs`` for the peers."""
    operators = sorted({_operator(sentence) for graph in graphs for sentence in graph.sentences})
    nodes = [_features(graph, operators) for graph in graphs]
    sizes = torch.tensor([len(rows) for rows in nodes])
    most = int(sizes.max())
    features = torch.zeros(len(graphs), most, nodes[0].shape[1])
    adjacency = torch.zeros(len(graphs), most, most, dtype=torch.uint8)
    for at, (graph, rows) in enumerate(zip(graphs, nodes, strict=True)):
        features[at, : len(rows)] = torch.from_numpy(rows)
        sons = graph.neighbours[:, RELATIONS.index("sons"), 1:]
        node, slot = np.nonzero(sons >= 0)
        adjacency[at, node, sons[node, slot]] = 1
    totals = np.stack([np.log1p(graph.quantities.sum(0)) for graph in graphs])
    return PaddedNetworks(features, adjacency, sizes, torch.from_numpy(totals).float())


def _operator(sentence: str) -> str:
    return sentence.partition(" ")[0]


def _features(graph: GraphEncoding, operators: Sequence[str]) -> NDArray[np.float32]:
    kinds = np.array([operators.index(_operator(sentence)) for sentence in graph.sentences])
    return np.hstack([np.eye(len(operators), dtype=np.float32)[kinds[graph.text]], graph.numeric])
