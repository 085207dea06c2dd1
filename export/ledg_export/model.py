"""LeDG-Former: language embeddings of nodes and platforms, a transformer over a dynamic graph.

Training uses the edge form (pairs of nodes of many graphs in one list), the exported model the table form
(neighbours [N, R, K]); both are linear in nodes, run the same layers and are proven equal to the dense
formula. The encoder never sees the platform; hardware enters through its vector alone, so there is one head
for all hardware.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from ledg_export.config import LedgConfig
from ledg_export.platform_encoder import PlatformEncoder
from ledg_rt.encoding import NODE_FEATURES, PLATFORM_FEATURES, PLATFORM_NUMBERS, RELATIONS

LN10 = math.log(10.0)
KNOWN_PEAK, KNOWN_BANDWIDTH = (len(PLATFORM_NUMBERS) + PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs"))  # fmt: skip
BITS_COLUMN = PLATFORM_FEATURES - 3
LOG_SPREAD = (-4.0, 1.5)
"""Bounds of the logarithm of the scale of an error in log space: from 2 % to a factor of 90."""
ORDER_MARGIN = 0.002
"""Training wants this distance in log latency between two twins, so that rounding can not turn them."""
TOTALS = ("gflops", "gigabytes", "nodes", "roofline_ms", "sum_ms")
"""Logarithms that the correction of the whole graph reads beside the pooled states."""


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


class Head(nn.Module):
    """Platform-conditioned cost of each node, seeded with its roofline, summed with a per-run overhead.

    cost_i = exp(logsumexp(compute_i, memory_i, dispatch) + u(state_i) . v(platform)), in ms;
    latency = sum_i cost_i + overhead, times a correction that sees the pooled graph, its totals and that
    sum. All in log space. The pooled graph has learned totals too: each node adds positive amounts that its
    state gives, and the logarithms of the sums count.
    """

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        width, hidden = config.platform_width, config.correction_width
        self.physics = nn.Linear(width, 4)
        self.node = nn.Sequential(
            nn.Linear(config.width, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, config.factors)
        )
        self.platform = nn.Linear(width, config.factors)
        self.count = nn.Linear(config.width, config.totals_width)
        pooled = config.width + config.totals_width + len(TOTALS) + width
        self.whole = nn.Sequential(
            nn.Linear(pooled, 4 * hidden), nn.Sequential(nn.GELU(), nn.Dropout(config.whole_dropout)),
            nn.Linear(4 * hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, 1),
        )  # fmt: skip
        self.spread = nn.Sequential(nn.Linear(pooled, hidden), nn.GELU(), nn.Linear(hidden, 1))
        for last in (self.platform, self.whole[-1]):
            for parameter in last.parameters():
                nn.init.zeros_(parameter)
        nn.init.zeros_(self.physics.weight)
        with torch.no_grad():
            self.physics.bias.copy_(torch.tensor([1.0, 1.0, -5.0, -3.0]))

    def forward(self, states: Tensor, work: Tensor, present: Tensor, vector: Tensor, numeric: Tensor, pair_graph: Tensor, pairs: Tensor, slot: Tensor) -> dict[str, Tensor]:  # fmt: skip
        """Q pairs of one of B graphs and a platform.

        Args:
            states: [B, N, width].
            work: [B, N, 3], GFLOPs, float GB at 32 bits, fixed GB.
            present: [B, N], 1 for nodes, 0 for padding.
            vector: [Q, platform_width].
            numeric: [Q, PLATFORM_FEATURES] as the encoder saw them.
            pair_graph: int64 [Q], which of the B graphs.
            pairs: int64 [B, K], see ``pairs_by_graph``.
            slot: int64 [Q], as well.
        """
        count = present.sum(-1, keepdim=True)
        mean = (states * present.unsqueeze(-1)).sum(1) / count
        counts = torch.log((F.softplus(self.count(states)) * present.unsqueeze(-1)).sum(1))
        graph = torch.cat([mean, counts / 4], -1)[pair_graph]
        # One product a graph with all of its platforms, so that no node is copied for each of them.
        products = self.platform(vector)[pairs] @ self.node(states).transpose(1, 2)
        correction = products[pair_graph, slot]
        work, present, count = work[pair_graph], present[pair_graph], count[pair_graph]
        peak = numeric[:, PLATFORM_NUMBERS.index("peak_gops")] * LN10
        bandwidth = numeric[:, PLATFORM_NUMBERS.index("bandwidth_gbs")] * LN10
        # An unknown figure starts from that of a typical phone; the platform's vector corrects it.
        peak = torch.where(numeric[:, KNOWN_PEAK] > 0, peak, torch.full_like(peak, 4.0))
        bandwidth = torch.where(numeric[:, KNOWN_BANDWIDTH] > 0, bandwidth, torch.full_like(bandwidth, 3.0))
        share = torch.exp((numeric[:, BITS_COLUMN] + 4 - 5) * math.log(2))
        slow_compute, slow_memory, dispatch, overhead = self.physics(vector).unbind(-1)
        gigabytes = work[..., 1] * share[:, None] + work[..., 2]
        compute = torch.log(work[..., 0] + 1e-12) + (math.log(1e3) - peak + slow_compute)[:, None]
        memory = torch.log(gigabytes + 1e-12) + (math.log(1e3) - bandwidth + slow_memory)[:, None]
        base = torch.stack([compute, memory, dispatch[:, None].expand_as(compute)], -1).logsumexp(-1)
        cost = (base + correction).masked_fill(present == 0, -60.0)
        total = torch.stack([cost.logsumexp(-1), overhead], -1).logsumexp(-1)
        totals = torch.stack(
            [
                torch.log(work[..., 0].sum(-1) + 1e-6), torch.log(gigabytes.sum(-1) + 1e-6), torch.log(count[:, 0]),
                base.masked_fill(present == 0, -60.0).logsumexp(-1), total,
            ], -1,
        )  # fmt: skip
        pooled = torch.cat([graph, totals / 4, vector], -1)
        log_ms = total + self.whole(pooled).squeeze(-1)
        return {
            "log_ms": log_ms,
            # Far from training a linear layer would promise anything.
            "log_spread": (self.spread(pooled.detach()).squeeze(-1) - 2).clamp(*LOG_SPREAD),
            "log_cost": cost,
        }


def pairs_by_graph(pair_graph: Tensor, graphs: int) -> tuple[Tensor, Tensor]:
    """Pairs of each graph, int64 [graphs, K] (0 where there are fewer), and the place of each pair there, int64 [Q]."""
    slot = (pair_graph[:, None] == pair_graph).tril(-1).sum(-1)
    table = pair_graph.new_zeros(graphs, int(slot.max()) + 1)
    table[pair_graph, slot] = torch.arange(len(pair_graph))
    return table, slot


class LedgFormer(PreTrainedModel):
    """The whole model, edge form. ``forward`` takes what ``batches.Collator`` makes."""

    config_class = LedgConfig
    config: LedgConfig

    def __init__(self, config: LedgConfig) -> None:
        super().__init__(config)
        self.encoder = GraphEncoder(config)
        self.platform_encoder = PlatformEncoder(config)
        self.head = Head(config)

    def forward(
        self, work: Tensor, present: Tensor,
        platform_text: Tensor, platform_numeric: Tensor, platform_keys: Tensor, platform_names: Tensor,
        pair_graph: Tensor, pair_platform: Tensor, plain_platforms: Tensor | None = None, order: Tensor | None = None,
        labels: Tensor | None = None, states: Tensor | None = None,
        sentence_vectors: Tensor | None = None, text: Tensor | None = None, numeric: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Latencies of Q (graph, platform) pairs of a padded batch of graphs.

        Args:
            work: [B, N, 3], see ``Head``.
            present: [B, N], 1 for nodes, 0 for padding.
            platform_text: [P, 2, text_width].
            platform_numeric: [P, PLATFORM_FEATURES].
            platform_keys: int64 [P, KEY_LEVELS], see ``PlatformEncoder.memory``.
            platform_names: int64 [P, KEY_LEVELS], see ``PlatformEncoder.forward``.
            pair_graph: int64 [Q], which of the B graphs.
            pair_platform: int64 [Q], which of the P platforms.
            plain_platforms: bool [P], those that dropout spares; they come last.
            order: int64 [2, M], positions among Q: the first of two must not be slower than the second.
            labels: natural log of milliseconds of the first pairs, up to Q of them.
            states: [B, N, width], of nodes that were encoded before.
            sentence_vectors: otherwise [S, text_width]; see ``LedgFormer.states``.
            text: int64 [T], as there.
            numeric: [T, NODE_FEATURES], as there.
            edges: int64 [3, E], as there.
        """
        if states is None:
            flat = self.states(sentence_vectors, text, numeric, edges)
            states = flat.new_zeros(*present.shape, flat.shape[-1])
            states[present > 0] = flat
        vectors, seen = self._platforms(
            platform_text, platform_numeric, platform_keys, platform_names, plain_platforms
        )
        by_graph = pairs_by_graph(pair_graph, len(states))
        out = self.head(
            states, work, present, vectors[pair_platform], seen[pair_platform], pair_graph, *by_graph
        )
        if labels is not None:
            measured = len(labels)
            out["loss"] = latency_loss(out["log_ms"][:measured], out["log_spread"][:measured], labels)
            if order is not None and order.shape[1]:
                fast, slow = out["log_ms"][order]
                out["loss"] = (
                    out["loss"] + self.config.order_weight * F.relu(fast - slow + ORDER_MARGIN).mean()
                )
        return out

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

    def _platforms(
        self, text: Tensor, numeric: Tensor, keys: Tensor, names: Tensor, plain: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Vectors [P, platform_width] and the figures that they saw; dropout for all but the ``plain`` ones at the end."""
        encoder = self.platform_encoder
        varied = len(text) if plain is None else int((~plain).sum())
        seen = torch.cat([encoder.mask_numbers(numeric[:varied]), numeric[varied:]])
        vectors = encoder(text[:varied], seen[:varied], keys[:varied], names[:varied])
        if varied < len(text):
            rest = encoder.plain(text[varied:], numeric[varied:], keys[varied:], names[varied:])
            vectors = torch.cat([vectors, rest])
        return vectors, seen


def latency_loss(log_ms: Tensor, log_spread: Tensor, labels: Tensor) -> Tensor:
    """Smooth L1 on log latency, plus the Laplace likelihood of the residual under the predicted spread.

    The spread learns from residuals but does not move them (they are detached).
    """
    error = log_ms - labels
    spread = error.detach().abs() * torch.exp(-log_spread) + log_spread
    each = F.smooth_l1_loss(error, torch.zeros_like(error), beta=0.02, reduction="none") + 0.1 * spread
    return each.mean()
