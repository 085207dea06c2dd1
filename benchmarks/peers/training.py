"""One training loop for every network that scores small graphs, so that they differ in nothing but the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from ledg_export.accuracy_model import ranking_loss

PREDICTED_AT_ONCE = 1024
STEPS_FOR = 450
WARM_UP = 0.15
LARGEST_GRADIENT = 1.0


class Batchable(Protocol):
    """Many graphs: their number, and some of them by position."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: Tensor, /) -> Batchable: ...


Items = TypeVar("Items", bound=Batchable)


@dataclass(frozen=True)
class Recipe:
    """How to train.

    ``steps``: for up to ``STEPS_FOR`` targets, in proportion for more. ``hinge``: weight of the pairwise hinge beside the
    squared error, with ``margin`` (targets have deviation 1). ``views``: weight of the squared difference of two
    dropout views.
    """

    width: int = 48
    layers: int = 2
    dropout: float = 0.1
    steps: int = 150
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    hinge: float = 1.0
    margin: float = 0.1
    views: float = 0.0


def fit(
    model: nn.Module, graphs: Batchable, targets: Tensor, recipe: Recipe, generator: torch.Generator,
    encodings: list[Tensor] | None = None,
) -> None:  # fmt: skip
    """Train ``model``, graphs to scores [B], with AdamW under a one-cycle rate.

    ``targets``: [n]. ``encodings``: for each target the positions in ``graphs`` that it stands for, one of which
    is drawn at each step; without, the target at position i is that of graph i.
    """
    steps = recipe.steps * max(len(targets), STEPS_FOR) // STEPS_FOR
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=WARM_UP
    )
    model.train()
    for rows in batches(len(targets), recipe.batch, steps, generator):
        taken = rows if encodings is None else drawn([encodings[row] for row in rows.tolist()], generator)
        some = graphs[taken]
        scores = model(some)
        loss = ranking_loss(scores, targets[rows], recipe.margin, recipe.hinge)
        if recipe.views:
            loss = loss + recipe.views * (scores - model(some)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
    model.eval()


def batches(count: int, size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``steps`` times up to ``size`` positions, each of ``count`` once before any comes again."""
    left = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(left) == 0:
            left = torch.randperm(count, generator=generator)
        yield left[:size]
        left = left[size:]


def drawn(choices: list[Tensor], generator: torch.Generator) -> Tensor:
    """One of each of ``choices``."""
    parts = torch.rand(len(choices), generator=generator).tolist()
    return torch.stack([some[int(part * len(some))] for some, part in zip(choices, parts, strict=True)])


@torch.no_grad()
def outputs(model: nn.Module, graphs: Batchable, rows: Tensor) -> Tensor:
    """What ``model`` gives for the graphs at ``rows``."""
    return torch.cat([model(graphs[part]) for part in rows.split(PREDICTED_AT_ONCE)])
