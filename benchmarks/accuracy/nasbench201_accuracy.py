"""Ranking all of NAS-Bench-201 by test accuracy from the validation accuracy of a few cells.

    python -m benchmarks.accuracy.nasbench201_accuracy [--methods NAME ...] [--datasets NAME ...]

Kendall's tau (b) over all 15,625 cells by test accuracy after 200 epochs, trained on 78 to 1,563 random cells, three
draws. Each method has ``TRIALS`` random recipes, judged on held-out quarters of the drawn cells: cells that compute the
same are never on both sides, and the test accuracy is not read. The best recipe at ``TUNED_AT`` cells serves all
sizes and data sets, so that below that size it was chosen with more labels than training has.
The parts of ours run its recipe; which proxies it reads and how much its processes count was chosen on the labels of CIFAR-100, whose rows
are to that extent selected. Trials and scored draws are kept in ``.cache/nasbench201_accuracy``, so that a run goes on where it was stopped.
Writes ``benchmarks/results/nasbench201_accuracy.json``; a setting that was not run keeps its row, with the commit that it is of.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from scipy.stats import kendalltau

from benchmarks.accuracy import nasbench201_cells
from benchmarks.accuracy.accuracy_methods import (
    CACHE,
    ENSEMBLE,
    LEDG,
    PARTS,
    PEERS,
    Method,
    Rows,
    Scores,
    normal_scores,
)
from benchmarks.accuracy.cell_space import CellSpace, class_means, structure
from benchmarks.accuracy.protocol import Row, write
from benchmarks.accuracy.relevance import RelevanceRecipe, fitted, given

PROTOCOL = "nasbench201_accuracy"
SIZES = (78, 156, 469, 781, 1563)
SEEDS = (0, 1, 2)
TRIALS = 20
TUNED_AT, TUNED_SEEDS, FOLDS = 469, (0, 1), 4
"""Of each of the ``TUNED_SEEDS`` draws one fold is held out, another one in each draw."""
METHODS = {method.name: method for method in (ENSEMBLE, *PEERS, LEDG, *PARTS)}

PUBLISHED = {
    "NP (published)": (0.343, 0.413, 0.584, 0.634, 0.646),
    "Arch2Vec (published)": (0.542, 0.573, 0.601, 0.606, 0.605),
    "Graphormer (published)": (0.505, 0.630, 0.680, 0.719, 0.776),
    "TNASP (published)": (0.539, 0.589, 0.640, 0.689, 0.724),
    "PINAT (published)": (0.549, 0.631, 0.706, 0.761, 0.784),
    "NAR-Former V2 (published)": (None, 0.752, None, None, 0.888),
    "NN-Former (published)": (None, 0.804, None, None, 0.890),
}
"""Each by its own paper on its own draws: NP (Wen et al., ECCV 2020), Arch2Vec (Yan et al., NeurIPS 2020), Graphormer (Ying
et al., NeurIPS 2021) and TNASP (Lu et al., NeurIPS 2021) as quoted by PINAT (Lu et al., AAAI 2023); NAR-Former V2 (Yi et
al., NeurIPS 2023) and NN-Former (CVPR 2025) second-hand. Which set their
epochs were selected on is not known to us."""


@dataclass(frozen=True)
class Known:
    """What a predictor may learn from: ``classes`` [n], the mean ``accuracy`` [n] of their drawn members, and how many ``counts`` [n]."""

    classes: Rows
    accuracy: Scores
    counts: Scores


def drawn_cells(space: CellSpace, size: int, seed: int) -> Rows:
    """Positions of ``size`` random cells; a smaller draw of a seed is the beginning of a larger one."""
    return np.random.default_rng(seed).permutation(len(space))[:size].astype(np.int64)


def known(space: CellSpace, dataset: str, cells: Rows) -> Known:
    """The classes of ``cells``, each once."""
    classes, owner = np.unique(space.classes[cells], return_inverse=True)
    return Known(classes, class_means(space.labels[dataset][cells], owner), np.bincount(owner).astype(float))


def tau(scores: Scores, accuracy: Scores) -> float:
    """Kendall's tau-b."""
    return float(kendalltau(scores, accuracy).statistic)


def held_out_tau(method: Method, space: CellSpace, dataset: str, recipe: Any) -> float:
    """Mean over ``TUNED_SEEDS`` of tau on a held-out fold of ``TUNED_AT`` cells, by their labels."""
    found = []
    for at, seed in enumerate(TUNED_SEEDS):
        part = known(space, dataset, drawn_cells(space, TUNED_AT, seed))
        held = np.random.default_rng(seed).permutation(len(part.classes)) % FOLDS == at
        targets = normal_scores(part.accuracy[~held])
        scores = method.scores(
            space, part.classes[~held], targets, part.classes[held], recipe, seed, part.counts[~held]
        )
        found.append(tau(scores, part.accuracy[held]))
    return float(np.mean(found))


def tuned(method: Method, space: CellSpace, dataset: str) -> tuple[Any, list[float]]:
    """The best of ``TRIALS`` recipes, and the held-out tau of each."""
    recipes = [method.draw(np.random.default_rng((crc32(method.name.encode()), at))) for at in range(TRIALS)]

    def trial(recipe: Any) -> dict[str, Any]:
        return {"tau": held_out_tau(method, space, dataset, recipe), "recipe": repr(recipe)}

    found = [
        kept(f"{space.name}-tune-{method.name}-{at}", partial(trial, recipe))["tau"]
        for at, recipe in enumerate(recipes)
    ]
    return recipes[int(np.argmax(found))], found


def scored(
    method: Method, space: CellSpace, dataset: str, recipe: Any, size: int, seed: int
) -> dict[str, Any]:
    """Tau of all cells by their truth, without the drawn ones where the truth was the label."""
    cells = drawn_cells(space, size, seed)
    part = known(space, dataset, cells)
    every = np.arange(int(space.classes.max()) + 1)
    targets = normal_scores(part.accuracy)
    scores = method.scores(space, part.classes, targets, every, recipe, seed, part.counts)[space.classes]
    ranked = np.ones(len(space), bool)
    if dataset in space.once:
        ranked[cells] = False
    return {"tau": tau(scores[ranked], space.truth[dataset][ranked])}


def kept(name: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """``compute()`` with its ``seconds`` of processor time, from ``CACHE`` if it was done before."""
    path = _path(name)
    if not path.exists():
        start = time.process_time()
        found = compute() | {"seconds": time.process_time() - start}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found) + "\n")
        print(f"{name}: tau {found['tau']:.3f}, {found['seconds']:.1f} s", file=sys.stderr, flush=True)
    return dict(json.loads(path.read_text()))


def _path(name: str) -> Path:
    return CACHE / f"{name.replace(' ', '_')}.json"


def _draw_name(space: CellSpace, dataset: str, method: Method, size: int, seed: int) -> str:
    return f"{space.name}-{dataset}-{method.name}-{size}-{seed}"


def settings(methods: Sequence[str], datasets: Sequence[str]) -> Iterator[tuple[Method, str, int]]:
    """CIFAR-10 for every method, the other data sets for ours and the ensemble, each with every size."""
    for dataset in datasets:
        for name in methods:
            if dataset == "cifar10" or METHODS[name] in (LEDG, ENSEMBLE):
                yield from ((METHODS[name], dataset, size) for size in SIZES)


def recipe_of(method: Method, space: CellSpace) -> Any:
    """What is run of ``method`` after its tuning on CIFAR-10."""
    return method.final(tuned(METHODS[method.tuned_as or method.name], space, "cifar10")[0])


def score(method: Method, space: CellSpace, dataset: str, recipe: Any, size: int) -> None:
    """Every draw that ``CACHE`` does not hold."""
    for seed in SEEDS:
        compute = partial(scored, method, space, dataset, recipe, size, seed)
        kept(_draw_name(space, dataset, method, size, seed), compute)


def row_of(
    protocol: str, space: CellSpace, method: Method, dataset: str, size: int, selected_on: str
) -> Row | None:
    """The row of a setting, None where ``CACHE`` lacks a draw of it."""
    paths = [_path(_draw_name(space, dataset, method, size, seed)) for seed in SEEDS]
    if not all(path.exists() for path in paths):
        return None
    found = [json.loads(path.read_text()) for path in paths]
    return Row.of(
        protocol, method.name, {"dataset": dataset, "samples": size}, "kendall_tau", [item["tau"] for item in found],
        selected_on, sum(item["seconds"] for item in found) / 60,
    )  # fmt: skip


def results(space: CellSpace) -> list[Row]:
    """The rows of all settings that are complete."""
    selected_on = f"held-out quarters of {TUNED_AT} drawn cells of CIFAR-10"
    found = (
        row_of(PROTOCOL, space, method, dataset, size, selected_on)
        for method, dataset, size in settings(list(METHODS), list(space.labels))
    )
    return [row for row in found if row]


def elsewhere(rows: Sequence[Row]) -> Callable[[dict[str, Any]], bool]:
    """Whether a row that was written before is none of ``rows`` but of a method that is still compared."""
    here = {(row.method, str(row.setting)) for row in rows}
    return lambda row: row["method"] in METHODS and (row["method"], str(row["setting"])) not in here


def references(space: CellSpace, protocol: str = PROTOCOL) -> list[Row]:
    """What the labels of all cells themselves reach, as they are and as means of cells that compute the same."""
    labels, truth = space.labels["cifar10"], space.truth["cifar10"]
    means = class_means(labels, space.classes)[space.classes]
    lines = {"validation accuracy itself": labels, "its mean over isomorphic cells": means}
    return [
        Row.of(
            protocol, name, {"dataset": "cifar10", "samples": len(space)}, "kendall_tau", [tau(line, truth)], "nothing", 0.0
        )
        for name, line in lines.items()
    ]  # fmt: skip


def ceiling(space: CellSpace, dataset: str = "cifar10") -> Row:
    """What the labels of all cells reach once a process on structure, learned from the largest draws, has smoothed them."""
    points = class_means(structure(space), space.classes)
    every = known(space, dataset, np.arange(len(space)))
    found = []
    for seed in SEEDS:
        part = known(space, dataset, drawn_cells(space, SIZES[-1], seed))
        learned = fitted(points[part.classes], normal_scores(part.accuracy), part.counts, RelevanceRecipe())
        told = given(learned, points[every.classes], normal_scores(every.accuracy), every.counts)
        found.append(tau(told.predict(points)[space.classes], space.truth[dataset]))
    setting = {"dataset": dataset, "samples": len(space)}
    return Row.of(PROTOCOL, "process on structure, labels of all cells", setting, "kendall_tau", found, "nothing", 0.0)  # fmt: skip


def table(
    rows: Sequence[Row], dataset: str, sizes: Sequence[int] = SIZES,
    published: Mapping[str, Sequence[float | None]] | None = None,
) -> str:  # fmt: skip
    """Markdown: a method a line, a number of training cells a column; ``published`` values of these sizes below."""
    lines = [f"| {dataset} | " + " | ".join(map(str, sizes)) + " |", "|---|" + "---|" * len(sizes)]
    here = [row for row in rows if row.setting["dataset"] == dataset]
    for name in dict.fromkeys(row.method for row in here):
        cells = {
            row.setting["samples"]: f"{row.mean:.3f} ± {row.std:.3f}" for row in here if row.method == name
        }
        if len(cells) == 1:
            (row,) = (row for row in here if row.method == name)
            lines.append(f"| {name} | {row.mean:.3f} (all cells) |" + " |" * (len(sizes) - 1))
        else:
            lines.append(f"| {name} | " + " | ".join(cells.get(size, "-") for size in sizes) + " |")
    for name, values in (published or {}).items():
        lines.append(f"| {name} | " + " | ".join(f"{v:.3f}" if v else "-" for v in values) + " |")
    return "\n".join(lines)


def main() -> None:
    """Tune and score what is asked for, then print and write all that is there; see above."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument(
        "--datasets", nargs="*", choices=nasbench201_cells.DATASETS, default=nasbench201_cells.DATASETS
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    space = nasbench201_cells.load(Path(os.environ["LEDG_DATA"]))
    recipes = {name: recipe_of(METHODS[name], space) for name in asked.methods}
    for method, dataset, size in settings(asked.methods, asked.datasets):
        score(method, space, dataset, recipes[method.name], size)
    rows = [*references(space), ceiling(space), *results(space)]
    for dataset in nasbench201_cells.DATASETS:
        print(table(rows, dataset, published=PUBLISHED if dataset == "cifar10" else None), end="\n\n")
    write(PROTOCOL, rows, keep=elsewhere(rows))


if __name__ == "__main__":
    main()
