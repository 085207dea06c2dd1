"""LeDG-Former's encoder with an accuracy target: many small cells at once, no platform.

A cell is a graph of at most N operations. All cells of a batch are dense [B, N, N] masks, since a cell of eight nodes
is cheaper as a matrix than as a list of edges; the layers are those of ``model`` and both forms are proven equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import DynamicGraphAttention, GraphEncoder, Layer
from ledg_rt.encoding import RELATIONS


@dataclass(frozen=True)
class Cells:
    """B cells of at most N nodes.

    ``kinds``: int64 [B, N], which kind of node, -1 for padding, which comes last. ``masks``: float32 [B, N, R, N], 1 where
    the last node is a neighbour of the first under a relation of ``RELATIONS``; each node is its own neighbour,
    padding too.
    """

    kinds: Tensor
    masks: Tensor

    def __len__(self) -> int:
        return len(self.kinds)

    def __getitem__(self, rows: Tensor) -> Cells:
        return Cells(self.kinds[rows], self.masks[rows])


def relation_masks(adjacency: Tensor) -> Tensor:
    """The masks of ``Cells`` [B, N, R, N] of bool ``adjacency`` [B, N, N], true from a node to its readers."""
    forth = adjacency.float()
    back = forth.transpose(-1, -2)
    found = {"sons": forth, "fathers": back, "grandfathers": back @ back, "siblings": back @ forth}
    return (
        (torch.stack([found[name] for name in RELATIONS], 2) + torch.eye(forth.shape[-1])[:, None]) > 0
    ).float()


def dense_attention(attention: DynamicGraphAttention, x: Tensor, masks: Tensor) -> Tensor:
    """``DynamicGraphAttention`` of ``x`` [B, N, D] under the masks of ``Cells``, without a softmax a relation.

    With p_ij = exp(s_ij) and m_rij the masks, w_ij = p_ij sum_r mix_ir m_rij / sum_k m_rik p_ik is what the
    mixture of softmaxes gives to node j.
    """
    batch, nodes, width = x.shape
    q, k, v = attention.qkv(x).view(batch, nodes, 3, attention.heads, attention.size).unbind(2)
    masks = masks[:, :, attention.relations]
    scores = torch.einsum("bihd,bjhd->bihj", q, k) / math.sqrt(attention.size)
    # The largest of all scores, so that no power overflows; a cell is too small for one to vanish beside it.
    powers = (scores - scores.detach().amax(-1, keepdim=True)).exp()
    shares = attention.mix(x).softmax(-1).unsqueeze(2) / (powers @ masks.transpose(-1, -2)).clamp(min=1e-30)
    weights = powers * (shares @ masks)
    return attention.out(torch.einsum("bihj,bjhd->bihd", weights, v).reshape(batch, nodes, width))


class AccuracyModel(nn.Module):
    """Text and numbers of each kind of node, cells of such nodes, to a state and a score of each cell."""

    text: Tensor
    numeric: Tensor

    def __init__(self, config: LedgConfig, text: Tensor, numeric: Tensor, targets: int = 1) -> None:
        """``text``: [V, text_width], sentence vectors of the V kinds of nodes; ``numeric``: [V, NODE_FEATURES].

        ``targets``: structural quantities that pretraining asks for.
        """
        super().__init__()
        self.encoder = GraphEncoder(config)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.score = nn.Sequential(
            nn.Linear(config.width, config.width), nn.GELU(), nn.Dropout(config.hidden_dropout), nn.Linear(config.width, 1)
        )  # fmt: skip
        self.structure = nn.Linear(config.width, targets)
        self.register_buffer("text", text)
        self.register_buffer("numeric", numeric)
        self.encoder.mean.copy_(numeric.mean(0))
        self.encoder.std.copy_(numeric.std(0).clamp(min=1e-3))

    def states(self, cells: Cells) -> Tensor:
        """Means over the nodes of each cell [B, width]."""
        encoder = self.encoder
        present = (cells.kinds >= 0).unsqueeze(-1)
        kinds = encoder.text(self.text) + encoder.numbers((self.numeric - encoder.mean) / encoder.std)
        x = F.embedding(cells.kinds.clamp(min=0), kinds)
        for layer in cast(Sequence[Layer], encoder.layers):
            x = x + self.dropout(dense_attention(layer.attention, layer.before_attention(x), cells.masks))
            x = x + self.dropout(layer.feed(layer.before_feed(x)))
        return (encoder.norm(x) * present).sum(1) / present.sum(1)

    def forward(self, cells: Cells) -> Tensor:
        """Scores [B]; only their order means something."""
        return self.score(self.states(cells)).squeeze(-1)


def ranking_loss(scores: Tensor, targets: Tensor, margin: float, weight: float) -> Tensor:
    """Squared error, and ``weight`` times a hinge on each pair of cells whose targets differ by more than ``margin``."""
    order = targets[:, None] - targets[None, :]
    pairs = order > margin
    hinge = F.relu(margin - (scores[:, None] - scores[None, :]))[pairs]
    squared = (scores - targets).square().mean()
    return squared + weight * hinge.mean() if pairs.any() else squared
