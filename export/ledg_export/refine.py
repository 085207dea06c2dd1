"""Memories of platforms in closed form: the last thing that training does.

Stochastic steps meet a platform now and then and leave its memory short of what its measurements say. With all else
fixed, the logarithm of a latency is nearly linear in the platform's vector, so Gauss-Newton steps on the memory of its
most exact name find the vector that fits its rows best; a ridge keeps a platform of few rows where training left it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from ledg_export.batches import PREDICTED_AT_ONCE, Collator, LatencyData, Visit
from ledg_export.head import pairs_by_graph
from ledg_export.model import LedgFormer, Member
from ledg_export.packing import StoredGraphs, Vocabulary
from ledg_export.platform_encoder import MEMORY_SCALE

STEPS = 3
RIDGE = 1.0
"""Weight of the squared length of a change beside the sum of absolute errors in log latency."""
ROWS = 1_500
"""Rows of one platform that its memory is fitted to."""
DAMPING = 0.05
"""Ridge that grows with the rows, as a share of the mean curvature: a longer step would leave what is nearly linear."""
SURE = 0.01
"""Errors below this weigh as if they were this large."""


def refine(
    model: LedgFormer, vocabulary: Vocabulary, data: LatencyData, graphs: StoredGraphs, rng: Generator,
    *, ridge: float = RIDGE, steps: int = STEPS,
) -> None:  # fmt: skip
    """Fit the memories of the platforms of ``data``, in place, one member after another."""
    model.eval()
    collate = Collator(data, vocabulary, model.config, training=False, graphs=graphs)
    chosen = batches(data, drawn(data, rng, ROWS))
    for _ in range(steps):
        sums = [_Normal(model.config.platform_width) for _ in model.members]
        for batch in chosen:
            tensors = collate(batch)
            for member, normal in zip(model.members, sums, strict=True):
                normal.add(member, tensors)
        for member, normal in zip(model.members, sums, strict=True):
            normal.solve(member, ridge)


class _Normal:
    """Normal equations of weighted least squares, for each name [width, width] and [width]."""

    def __init__(self, width: int) -> None:
        self.square: dict[int, Tensor] = defaultdict(lambda: torch.zeros(width, width))
        self.right: dict[int, Tensor] = defaultdict(lambda: torch.zeros(width))

    def add(self, member: Member, batch: dict[str, Tensor]) -> None:
        """Rows of a batch of ``Collator``."""
        slopes, error = _slopes(member, batch)
        # Weighted so that squares stand for absolute values.
        weight = 1 / error.abs().clamp(min=SURE)
        names = batch["platform_keys"][batch["pair_platform"], -1]
        for name in names.unique().tolist():
            here = names == name
            weighted = slopes[here] * weight[here, None]
            self.square[name] += weighted.T @ slopes[here]
            self.right[name] += weighted.T @ error[here]

    @torch.no_grad()
    def solve(self, member: Member, ridge: float) -> None:
        """Move the memories of the most exact names."""
        known = member.platform_encoder.known.weight
        for name, square in self.square.items():
            if name:
                held = ridge + DAMPING * square.diagonal().mean()
                step = torch.linalg.solve(square + held * torch.eye(len(square)), self.right[name])
                known[name] += step / MEMORY_SCALE


def _slopes(member: Member, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Derivatives of log latency by the platform's vector [Q, platform_width], and measured minus predicted [Q]."""
    pair_graph, pair_platform = batch["pair_graph"], batch["pair_platform"]
    numeric = batch["platform_numeric"]
    with torch.no_grad():
        vectors = member.platform_encoder(batch["platform_text"], numeric, batch["platform_keys"])
    each = vectors[pair_platform].requires_grad_()
    by_graph = pairs_by_graph(pair_graph, len(batch["states"]))
    out = member.head(
        batch["states"], batch["work"], batch["present"], each, numeric[pair_platform], pair_graph, *by_graph
    )
    log_ms = out["log_ms"]
    (slopes,) = torch.autograd.grad(log_ms.sum(), each)
    return slopes, batch["labels"] - log_ms.detach()


def drawn(data: LatencyData, rng: Generator, rows: int) -> list[Visit]:
    """Visits in which no platform has many more than ``rows``: one that only adds to full ones is left out."""
    count = np.zeros(len(data.platform_ids), dtype=np.int64)
    found = []
    for at in rng.permutation(len(data)):
        visit = data.visits[at]
        if (count[visit.platforms] < rows).any():
            count[visit.platforms] += 1
            found.append(visit)
    return found


def batches(data: LatencyData, visits: Sequence[Visit]) -> list[list[Visit]]:
    """Visits of like size together."""
    by_size = sorted(visits, key=lambda visit: data.graphs.size(visit.graph_id))
    found: list[list[Visit]] = [[]]
    for visit in by_size:
        if data.graphs.size(visit.graph_id) * (len(found[-1]) + 1) > PREDICTED_AT_ONCE:
            found.append([])
        found[-1].append(visit)
    return found
