"""LeDG-Former: language embeddings of nodes and platforms, a transformer over a dynamic graph, an ensemble of heads.

The encoder never sees the platform; hardware enters through its vector alone, so there is one model for all
hardware.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import GraphEncoder
from ledg_export.head import Head, pairs_by_graph
from ledg_export.platform_encoder import PlatformEncoder
from ledg_rt.bundles import KIN, RATES
from ledg_rt.kinship import Kin
from ledg_rt.rates import NOTHING, Rates

ORDER_MARGIN = 0.01
"""Training wants this distance in log latency between two twins, so that rounding can not turn them."""


class Platforms(NamedTuple):
    """P platforms of a batch.

    Attributes:
        text: [P, 2, text_width].
        numeric: [P, PLATFORM_FEATURES].
        keys: int64 [P, KEY_LEVELS], see ``PlatformEncoder.forward``.
        plain: bool [P], those that dropout spares; they come last.
    """

    text: Tensor
    numeric: Tensor
    keys: Tensor
    plain: Tensor | None


class Member(nn.Module):
    """A platform encoder and a head. Several of them on one graph encoder are an ensemble."""

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        self.platform_encoder = PlatformEncoder(config)
        self.head = Head(config)

    def vectors(self, platforms: Platforms) -> tuple[Tensor, Tensor]:
        """Vectors [P, platform_width] and the figures that they saw; dropout for all but the ``plain`` ones at the end."""
        encoder, (text, numeric, keys, plain) = self.platform_encoder, platforms
        varied = len(text) if plain is None else int((~plain).sum())
        seen = torch.cat([encoder.mask_numbers(numeric[:varied]), numeric[varied:]])
        vectors = encoder(text[:varied], seen[:varied], keys[:varied])
        if varied < len(text):
            vectors = torch.cat([vectors, encoder.plain(text[varied:], numeric[varied:], keys[varied:])])
        return vectors, seen


def together(outputs: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What an ensemble says: means of logarithms; where its members disagree, that is added to the spread."""
    log_ms, log_spread, log_cost = (
        torch.stack([output[name] for output in outputs]) for name in ("log_ms", "log_spread", "log_cost")
    )
    middle = log_ms.mean(0)
    scale = log_spread.exp().mean(0) + (log_ms - middle).abs().mean(0)
    return {"log_ms": middle, "log_spread": scale.log(), "log_cost": log_cost.mean(0)}


class LedgFormer(PreTrainedModel):
    """The whole model, edge form. ``forward`` takes what ``batches.Collator`` makes.

    ``kin``: the platforms that it was trained on; ``rates``: what was found of names beyond the weights. Both come after
    training.
    """

    config_class = LedgConfig
    config: LedgConfig

    def __init__(self, config: LedgConfig) -> None:
        super().__init__(config)
        self.encoder = GraphEncoder(config)
        self.members = cast("Sequence[Member]", nn.ModuleList(Member(config) for _ in range(config.members)))
        self.kin: Kin | None = None
        self.rates = NOTHING

    def forward(
        self, work: Tensor, present: Tensor,
        platform_text: Tensor, platform_numeric: Tensor, platform_keys: Tensor,
        pair_graph: Tensor, pair_platform: Tensor, plain_platforms: Tensor | None = None, order: Tensor | None = None,
        labels: Tensor | None = None, states: Tensor | None = None, rates: Tensor | None = None,
        vectors: Tensor | None = None,
        sentence_vectors: Tensor | None = None, text: Tensor | None = None, numeric: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Latencies of Q (graph, platform) pairs of a padded batch of graphs.

        Args:
            work: [B, N, 3], see ``Head``.
            present: [B, N], 1 for nodes, 0 for padding.
            platform_text: [P, 2, text_width], as in ``Platforms``.
            platform_numeric: [P, PLATFORM_FEATURES].
            platform_keys: int64 [P, KEY_LEVELS].
            pair_graph: int64 [Q], which of the B graphs.
            pair_platform: int64 [Q], which of the P platforms.
            plain_platforms: bool [P].
            order: int64 [2, M], positions among Q: the first of two must not be slower than the second.
            labels: natural log of milliseconds of the first pairs, up to Q of them.
            states: [B, N, width], of nodes that were encoded before.
            rates: [Q, N], see ``Head``.
            vectors: [P, members, platform_width] instead of what the platform encoders say.
            sentence_vectors: otherwise [S, text_width]; see ``LedgFormer.states``.
            text: int64 [T], as there.
            numeric: [T, NODE_FEATURES], as there.
            edges: int64 [3, E], as there.
        """
        if states is None:
            flat = self.states(sentence_vectors, text, numeric, edges)
            states = flat.new_zeros(*present.shape, flat.shape[-1])
            states[present > 0] = flat
        platforms = Platforms(platform_text, platform_numeric, platform_keys, plain_platforms)
        by_graph = pairs_by_graph(pair_graph, len(states))
        outputs = []
        for at, member in enumerate(self.members):
            if vectors is None:
                own, seen = member.vectors(platforms)
            else:
                own, seen = vectors[:, at], platform_numeric
            outputs.append(
                member.head(
                    states,
                    work,
                    present,
                    own[pair_platform],
                    seen[pair_platform],
                    pair_graph,
                    *by_graph,
                    rates,
                )
            )
        found = together(outputs)
        if labels is not None:
            losses = [self._loss(output, labels, order) for output in outputs]
            found["loss"] = torch.stack(losses).mean()
        return found

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> None:
        """Weights, config, kin and rates."""
        super().save_pretrained(save_directory, *args, **kwargs)
        self.rates.save(Path(save_directory) / RATES)
        if self.kin is not None:
            self.kin.save(Path(save_directory) / KIN)

    @classmethod
    def from_pretrained(cls, folder: Any, *args: Any, **kwargs: Any) -> Any:
        """What ``save_pretrained`` wrote; a checkpoint of a trainer has no kin and no rates."""
        model = super().from_pretrained(folder, *args, **kwargs)
        if (path := Path(folder) / RATES).is_file():
            model.rates = Rates.load(path)
        if (path := Path(folder) / KIN).is_file():
            model.kin = Kin.load(path)
        return model

    def states(
        self,
        sentence_vectors: Tensor | None,
        text: Tensor | None,
        numeric: Tensor | None,
        edges: Tensor | None,
    ) -> Tensor:
        """The nodes of all graphs in a row, [T, width].

        Args:
            sentence_vectors: [S, text_width], the sentences of the batch.
            text: int64 [T], positions in ``sentence_vectors``.
            numeric: [T, NODE_FEATURES].
            edges: int64 [3, E], see ``DynamicGraphAttention.edges``.
        """
        if sentence_vectors is None or text is None or numeric is None:
            raise ValueError("states, or sentence_vectors, text, numeric and edges are needed")
        words = F.embedding(text, self.encoder.text(sentence_vectors))
        return self.encoder(words, numeric, edges=edges)

    def _loss(self, output: Mapping[str, Tensor], labels: Tensor, order: Tensor | None) -> Tensor:
        """Of one member: errors of the first pairs, and a price for pairs in the wrong order."""
        log_ms, measured = output["log_ms"], len(labels)
        loss = latency_loss(log_ms[:measured], output["log_spread"][:measured], labels)
        if order is not None and order.shape[1]:
            fast, slow = log_ms[order]
            loss = loss + self.config.order_weight * F.relu(fast - slow + ORDER_MARGIN).mean()
        return loss


def latency_loss(log_ms: Tensor, log_spread: Tensor, labels: Tensor) -> Tensor:
    """Smooth L1 on log latency, plus the Laplace likelihood of the residual under the predicted spread.

    The spread learns from residuals but does not move them (they are detached).
    """
    error = log_ms - labels
    spread = error.detach().abs() * torch.exp(-log_spread) + log_spread
    each = F.smooth_l1_loss(error, torch.zeros_like(error), beta=0.02, reduction="none") + 0.1 * spread
    return each.mean()
