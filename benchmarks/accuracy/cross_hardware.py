"""Latency on chips of which nothing was measured: leave out all columns of a chip, predict them from its description.

    python -m benchmarks.accuracy.cross_hardware

Spearman's rho and MAPE of each column, their mean over columns and over chips, for NAS-Bench-201, FBNet and OFA-MobileNetV3 (HELP's
columns), NAS-Bench-201 with the columns of four more sources, and HELP's default task: nine training columns, each column of
another chip to predict. With 0 measured networks of the new device and with 5, 10, 20 random ones (three draws, not scored).

- ``lending``: ours, see ``benchmarks.accuracy.lending``. The networks are known on other chips.
- ``lending, new networks``: the same, for the half of the networks that no chip has measured: what is lent are ridges on
  one-hot choices, fitted to the other half.
- ``mean of other chips``, and as references that know the target: ``best single column`` (chosen in hindsight) and
  ``ridge on the target`` (half of its networks train, half are scored).

All that likeness needs is fitted to training chips alone. How samples are used was chosen on the nine training columns of
HELP's default task, each chip left out in turn. Raw tables are read below ``$LEDG_DATA``. Writes ``benchmarks/results/cross_hardware.json``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import ledg_rt
from benchmarks.accuracy.hardware_columns import DEFAULT_TASK, SPACES, Space, distances, load
from benchmarks.accuracy.lending import (
    Float,
    Lending,
    Standard,
    few_shots,
    levels,
    offers,
    smoothed,
    standard,
)
from benchmarks.accuracy.protocol import Row, timed, write
from ledg_rt.embedding import Embedder
from ledg_rt.metrics import spearman

PROTOCOL = "cross_hardware"
SAMPLES = (5, 10, 20)
SEEDS = (0, 1, 2)
CHOSEN_ON = "training chips, each left out in turn"
Chosen = NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """A space with all that is computed of it once."""

    name: str
    space: Space
    apart: Float

    @classmethod
    def of(cls, name: str, space: Space) -> Table:
        """Distances by the embedder that is shipped."""
        embedder = Embedder(Path(ledg_rt.__file__).parent / "bundle")
        return cls(name, space, np.stack(list(distances(space, embedder).values())))

    @cached_property
    def known(self) -> Standard:
        """Standard scores of all columns."""
        return standard(self.space.log_ms)

    @cached_property
    def half(self) -> NDArray[np.bool_]:
        """A random half of the networks, bool [N]."""
        return np.random.default_rng(0).random(self.space.log_ms.shape[1]) < 0.5

    @cached_property
    def smooth(self) -> Float:
        """See ``lending.smoothed``: by all networks, [P, N]."""
        return smoothed(self.known.scores, self.space.features, np.ones_like(self.half))

    @cached_property
    def half_smooth(self) -> Float:
        """By those of ``half``, [P, N]."""
        return smoothed(self.known.scores, self.space.features, self.half)

    def between(self, borrowers: Chosen, lenders: Chosen) -> Float:
        """Distances [D, B, T]."""
        return self.apart[:, borrowers][:, :, lenders]


@dataclass(frozen=True)
class Score:
    """Of one column."""

    method: str
    samples: int
    column: str
    chip: str
    seed: int
    spearman: float
    mape: float | None


def figures(log_ms: Float, truth: Float, among: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """Spearman's rho and MAPE in percent over the networks that were measured (and are ``among`` those to score)."""
    there = ~np.isnan(truth) & ~np.isnan(log_ms)
    if among is not None:
        there &= among
    rho = spearman(log_ms[there], truth[there])
    return rho or 0.0, float(100 * np.abs(np.expm1(log_ms[there] - truth[there])).mean())


def held_out(table: Table, train: Chosen, scored: Chosen) -> Iterator[Score]:
    """Scores of the ``scored`` columns by what the ``train`` columns tell; no chip has both."""
    space, known = table.space, table.known
    scores = known.scores[train]
    lending = Lending(table.between(train, train), scores, table.smooth[train], space.chips[train])
    weights = lending.weights(table.between(scored, train))
    even = np.full_like(weights, 1 / len(train))
    priors = {}
    offered = offers(scores, table.smooth[train], lending.share)
    mean = np.tile(np.nanmean(scores, 0), (len(scored), 1))
    for name, given, lent in (
        ("mean of other chips", even, mean), ("lending", weights, weights @ offered),
        ("lending, new networks", weights, weights @ table.half_smooth[train]),
    ):  # fmt: skip
        level, spread = levels(space, known, train, scored, given)
        priors[name] = level[:, None] + spread[:, None] * lent
    for row, column in enumerate(scored):
        truth, named = space.log_ms[column], (space.names[column], str(space.chips[column]))
        for name, prior in priors.items():
            among = ~table.half if name.endswith("new networks") else None
            yield Score(name, 0, *named, 0, *figures(prior[row], truth, among))
        best = max(figures(known.scores[other], truth)[0] for other in train)
        yield Score("best single column, in hindsight", 0, *named, 0, best, None)
        own = known.level[column] + known.spread[column] * table.half_smooth[column]
        yield Score(
            "ridge on the target, half of its networks", 0, *named, 0, *figures(own, truth, ~table.half)
        )
        for samples, seed in product(SAMPLES, SEEDS):
            measured = draw(truth, samples, seed)
            moved = few_shots(priors["lending"][row], offered.T, measured, truth[measured])
            among = np.ones(len(truth), dtype=bool)
            among[measured] = False
            yield Score("lending", samples, *named, seed, *figures(moved, truth, among))


def draw(truth: Float, samples: int, seed: int) -> Chosen:
    """Random networks that were measured."""
    return np.random.default_rng((seed, samples)).choice(
        np.flatnonzero(~np.isnan(truth)), samples, replace=False
    )


def leave_a_chip_out(table: Table) -> list[Score]:
    """Every column once."""
    chips, found = table.space.chips, []
    for chip in sorted(set(chips)):
        found += held_out(table, np.flatnonzero(chips != chip), np.flatnonzero(chips == chip))
    return found


def default_task(table: Table) -> list[Score]:
    """HELP's: its training columns against every column of a chip that is not among theirs."""
    names, chips = np.array(table.space.names), table.space.chips
    train = np.flatnonzero(np.isin(names, DEFAULT_TASK))
    return list(held_out(table, train, np.flatnonzero(~np.isin(chips, chips[train]))))


def rows(task: str, scores: Sequence[Score], minutes: float) -> list[Row]:
    """Means over columns and over chips, and the columns themselves, for each method and number of samples."""
    found = []
    for method, samples in dict.fromkeys((score.method, score.samples) for score in scores):
        here = [score for score in scores if (score.method, score.samples) == (method, samples)]
        for metric in ("spearman", "mape"):
            values = {(s.column, s.chip, s.seed): v for s in here if (v := getattr(s, metric)) is not None}
            if not values:
                continue
            seeds = sorted({seed for *_, seed in values})
            by_chip = [[np.mean([v for (_, c, s), v in values.items() if (c, s) == (chip, seed)]) for chip in sorted({c for _, c, _ in values})] for seed in seeds]  # fmt: skip
            by_column = [[v for (*_, s), v in values.items() if s == seed] for seed in seeds]
            settings = {
                "columns": [float(np.mean(v)) for v in by_column],
                "chips": [float(np.mean(v)) for v in by_chip],
            }
            for over, means in settings.items():
                setting = {"task": task, "samples": samples, "mean over": over}
                found.append(Row.of(PROTOCOL, method, setting, metric, means, CHOSEN_ON, minutes))
            for column in dict.fromkeys(name for name, *_ in values):
                own = [v for (name, *_), v in values.items() if name == column]
                setting = {"task": task, "samples": samples, "column": column}
                found.append(Row.of(PROTOCOL, method, setting, metric, own, CHOSEN_ON, minutes))
    return found


def table_of(found: Sequence[Row]) -> str:
    """Markdown of the means: a task, method and number of samples a line."""
    lines = [
        "| task | method | samples | Spearman: columns | chips | MAPE %: columns | chips |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    means = {
        (row.setting["task"], row.method, row.setting["samples"], row.metric, row.setting["mean over"]): row
        for row in found if "mean over" in row.setting
    }  # fmt: skip
    for task, method, samples in dict.fromkeys(key[:3] for key in means):
        cells = []
        for metric, over in product(("spearman", "mape"), ("columns", "chips")):
            row = means.get((task, method, samples, metric, over))
            digits = 3 if metric == "spearman" else 1
            cells.append(f"{row.mean:.{digits}f} ± {row.std:.{digits}f}" if row else "-")
        lines.append(f"| {task} | {method} | {samples} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, predict, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spaces", nargs="+", choices=SPACES, default=SPACES, help="rows of others stay as they are")  # fmt: skip
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.spaces:
        table = Table.of(name, load(Path(os.environ["LEDG_DATA"]), name))
        tasks = {f"{name}, a chip left out": leave_a_chip_out}
        if name == "nasbench201_all":
            tasks["nasbench201_all, HELP's default task"] = default_task
        for task, run in tasks.items():
            scores, minutes = timed(lambda run=run, table=table: run(table))
            found = rows(task, scores, minutes)
            print(table_of(found), flush=True)
            write(PROTOCOL, found, keep=lambda row, task=task: row["setting"]["task"] != task)


if __name__ == "__main__":
    main()
