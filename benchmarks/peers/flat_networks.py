"""Peers whose attention sees neighbours alone, over lists of edges: the same weights and numbers as their dense forms.

A whole network has some hundred nodes with two or three neighbours each, so that nearly all of a dense mask is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers.nar_former_v2 import FREQUENCIES, NarFormerV2
from benchmarks.peers.nn_former import RELATIONS, NnFormer
from benchmarks.peers.node_graphs import PaddedNetworks

READERS, READ = 0, 1
"""The first two relations of NN-Former."""


@dataclass(frozen=True)
class FlatBatch:
    """B networks as one of T nodes.

    ``features``: float32 [T, F]; ``edges``: int64 [3, E], node, its neighbour, relation of NN-Former, each node its own
    under all of them; ``owner``: int64 [T], which of the B; ``totals``: float32 [B, S].
    """

    features: Tensor
    edges: Tensor
    owner: Tensor
    totals: Tensor

    def __len__(self) -> int:
        return len(self.totals)

    def summed(self, states: Tensor) -> Tensor:
        """Sums of [T, D] over the nodes of each network, [B, D]."""
        return states.new_zeros(len(self), states.shape[1]).index_add(0, self.owner, states)


@dataclass(frozen=True)
class FlatNetworks:
    """n networks: ``features`` and ``edges`` of each as in ``FlatBatch``; ``totals``: float32 [n, S]."""

    features: Sequence[Tensor]
    edges: Sequence[Tensor]
    totals: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, rows: Tensor) -> FlatBatch:
        at = rows.tolist()
        sizes = torch.tensor([len(self.features[row]) for row in at])
        shift = torch.tensor([1, 1, 0])[:, None]
        edges = [
            self.edges[row] + shift * start for row, start in zip(at, sizes.cumsum(0) - sizes, strict=True)
        ]
        owner = torch.repeat_interleave(torch.arange(len(at)), sizes)
        features = torch.cat([self.features[row] for row in at])
        return FlatBatch(features, torch.cat(edges, 1), owner, self.totals[rows])

    def some(self, rows: Tensor) -> FlatNetworks:
        """The networks of ``rows`` alone."""
        at = rows.tolist()
        return FlatNetworks(
            [self.features[row] for row in at], [self.edges[row] for row in at], self.totals[rows]
        )


def edges_of(networks: PaddedNetworks) -> list[Tensor]:
    """The edges of each network, as in ``FlatBatch``."""
    found = []
    for adjacency, size in zip(networks.adjacency, networks.sizes.tolist(), strict=True):
        forth = adjacency[:size, :size].float()
        relations = torch.stack([forth, forth.T, forth.T @ forth, forth @ forth.T]) + torch.eye(size)
        relation, node, other = relations.nonzero().T
        found.append(torch.stack([node, other, relation]))
    return found


def flat(networks: PaddedNetworks, edges: Sequence[Tensor]) -> FlatNetworks:
    """The same networks without padding, with their ``edges``."""
    sizes = networks.sizes.tolist()
    features = [rows[:size] for rows, size in zip(networks.features, sizes, strict=True)]
    return FlatNetworks(features, edges, networks.totals)


class FlatNnFormer(NnFormer):
    """``NnFormer`` over ``FlatBatch``."""

    def forward(self, batch: FlatBatch) -> Tensor:  # type: ignore[override]
        """[B]."""
        node, other, relation = batch.edges
        group, theirs = node * RELATIONS + relation, other * RELATIONS + relation
        means = [_Mean.of(batch.edges, relation) for relation in (READERS, READ)]
        x = self.embed(batch.features)
        for block in self.blocks:
            q, k, v = block.qkv(block.before(x)).chunk(3, -1)
            q, k, v = (part.reshape(len(x) * RELATIONS, -1) for part in (q, k, v))
            scores = (q[group] * k[theirs]).sum(-1) / math.sqrt(q.shape[1])
            largest = scores.new_full((len(q),), -math.inf).scatter_reduce(0, group, scores.detach(), "amax")
            powers = (scores - largest[group]).exp()
            shares = powers / powers.new_zeros(len(q)).index_add(0, group, powers)[group]
            mixed = torch.zeros_like(v).index_add(0, group, shares[:, None] * v[theirs])
            x = x + block.dropout(block.out(mixed.view(len(x), -1)))
            y = block.after(x)
            there, back = (mean(y) for mean in means)
            hidden = block.own(y) + block.forth(there) + block.back(back)
            x = x + block.dropout(block.narrow(F.gelu(hidden)))
        sizes = torch.bincount(batch.owner, minlength=len(batch))[:, None]
        return self.head(batch.summed(self.norm(x)) / sizes).squeeze(-1)


@dataclass(frozen=True)
class _Mean:
    """Means over neighbours other than a node itself, zero where there are none."""

    node: Tensor
    other: Tensor

    @classmethod
    def of(cls, edges: Tensor, relation: int) -> _Mean:
        node, other, _ = edges[:, (edges[2] == relation) & (edges[0] != edges[1])]
        return cls(node, other)

    def __call__(self, states: Tensor) -> Tensor:
        count = torch.bincount(self.node, minlength=len(states)).clamp(min=1)
        return torch.zeros_like(states).index_add(0, self.node, states[self.other]) / count[:, None]


class FlatNarFormerV2(NarFormerV2):
    """``NarFormerV2`` over ``FlatBatch``."""

    def forward(self, batch: FlatBatch) -> Tensor:  # type: ignore[override]
        """[B]."""
        edges = batch.edges[:, batch.edges[2] <= READ]
        # Its own neighbour once, not under each of the two relations.
        node, other, _ = edges[:, (edges[0] != edges[1]) | (edges[2] == READERS)]
        angles = batch.features.unsqueeze(-1) * 2.0 ** torch.arange(FREQUENCIES)
        x = self.embed(torch.cat([angles.sin(), angles.cos()], -1).flatten(1))
        for block in self.blocks:
            y = block.before(x)
            q, k, v = block.query(y), block.key(y), block.value(y)
            scores = (q[node] * k[other]).sum(-1) / math.sqrt(x.shape[-1])
            mixed = torch.zeros_like(v).index_add(0, node, scores.sigmoid()[:, None] * v[other])
            x = x + block.dropout(mixed)
            x = x + block.dropout(block.feed(block.after(x).unsqueeze(0)).squeeze(0))
        return self.head(torch.cat([batch.summed(x), batch.totals], -1)).squeeze(-1)
