"""States of nodes and the vector of a platform to a latency: a sum of node costs seeded with their rooflines."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ledg_export.config import LedgConfig
from ledg_rt.encoding import PLATFORM_FEATURES, PLATFORM_NUMBERS, PRESUMED

LN10 = math.log(10.0)
KNOWN_PEAK, KNOWN_BANDWIDTH = (len(PLATFORM_NUMBERS) + PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs"))  # fmt: skip
BITS_COLUMN = PLATFORM_FEATURES - 3
LOG_SPREAD = (-4.0, 1.5)
"""Bounds of the logarithm of the scale of an error in log space: from 2 % to a factor of 90."""
TOTALS = ("gflops", "gigabytes", "nodes", "roofline_ms", "sum_ms")
"""Logarithms that the correction of the whole graph reads beside the pooled states."""


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

    def forward(self, states: Tensor, work: Tensor, present: Tensor, vector: Tensor, numeric: Tensor, pair_graph: Tensor, pairs: Tensor, slot: Tensor, rates: Tensor | None = None) -> dict[str, Tensor]:  # fmt: skip
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
            rates: [Q, N], logarithms of factors on the costs of nodes, see ``ledg_rt.rates``.
        """
        count = present.sum(-1, keepdim=True)
        mean = (states * present.unsqueeze(-1)).sum(1) / count
        counts = torch.log((F.softplus(self.count(states)) * present.unsqueeze(-1)).sum(1))
        graph = torch.cat([mean, counts / 4], -1)[pair_graph]
        # One product a graph with all of its platforms, so that no node is copied for each of them.
        products = self.platform(vector)[pairs] @ self.node(states).transpose(1, 2)
        correction = products[pair_graph, slot]
        if rates is not None:
            correction = correction + rates
        work, present, count = work[pair_graph], present[pair_graph], count[pair_graph]
        peak = numeric[:, PLATFORM_NUMBERS.index("peak_gops")] * LN10
        bandwidth = numeric[:, PLATFORM_NUMBERS.index("bandwidth_gbs")] * LN10
        # The vector of a platform corrects what is presumed of it.
        peak = torch.where(numeric[:, KNOWN_PEAK] > 0, peak, torch.full_like(peak, PRESUMED["peak_gops"]))
        bandwidth = torch.where(
            numeric[:, KNOWN_BANDWIDTH] > 0, bandwidth, torch.full_like(bandwidth, PRESUMED["bandwidth_gbs"])
        )
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
