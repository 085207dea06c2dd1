"""NNLQP's NAS-Bench-201 family (GTX 1660, TensorRT 7.1, fp32, batch 1): the first 1,800 files train, the last 200 test.

    python -m benchmarks.accuracy.nnlqp_nasbench201 --cache .cache/corpus [--choose]

MAPE, median APE and Acc(10%) of the 200, over ``SEEDS``. Whatever is chosen is chosen on ``HELD`` rows of the 1,800,
drawn by the seed; the choice is then fitted to all 1,800. Which of the two networks that a file name may mean was
measured, and our recipe, are chosen by ``--choose``, which prints the errors on the held rows of seed 0 and reads no test row.
Writes ``benchmarks/results/nnlqp_nasbench201.json``.

The files are sorted by name, so that the test cells differ from the training cells in their first operation. Only one
cell in 140 has an edge that reaches no output.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

import ledg_rt
from benchmarks.accuracy import baselines, cell_peers
from benchmarks.accuracy.baselines import Rows, Totals, best_trial
from benchmarks.accuracy.cell_former import CellFormer, CellRecipe, alive, fit, operations
from benchmarks.accuracy.latency import rows_of
from benchmarks.accuracy.protocol import Row, timed, write
from benchmarks.accuracy.sanity import some
from benchmarks.peers.gaussian_process import gaussian_process
from ledg_export.corpora import nnlqp
from ledg_export.corpus import load
from ledg_export.zoo.nasbench201 import OPERATIONS, network_key
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import QUANTITIES
from ledg_rt.metrics import accuracy

PROTOCOL = "nnlqp_nasbench201"
FILES, TRAIN, HELD = 2000, 1800, 200
SEEDS = (0, 1, 2)
CHOSEN_ON = f"{HELD} of the {TRAIN} training rows"

MIRROR = [5, 4, 2, 3, 1, 0]
"""The edges of a cell read from its output to its input: the other network that a file name may mean."""

RECIPES = {
    "width 32, 150 epochs": CellRecipe(),
    "width 48, 100 epochs": CellRecipe(width=48, epochs=100, batch=100, learning_rate=3e-3),
}
RECIPE = RECIPES["width 32, 150 epochs"]
OURS = "LeDG-Former, both graphs, mean"
"""Both chosen by ``--choose``."""

CACHE = Path(".cache") / PROTOCOL
"""Predictions of a seed, so that a run goes on where it was stopped."""

STATE_SCALE = 3.0
"""Length of a pooled state beside the six one-hot operations, whose length is the root of six."""

Float = NDArray[np.float64]
Chosen = NDArray[np.int64]


@dataclass(frozen=True)
class Family:
    """The files in their order: ``names`` of their cells as inferred, ``cells`` int64 [n, 6], their operations."""

    names: Sequence[str]
    rows: Rows
    cells: NDArray[np.int64]

    @property
    def log_ms(self) -> Float:
        """Natural log of milliseconds [n]."""
        return self.rows.log_ms


Method = Callable[[Family, Chosen, Chosen, int], Float]
"""Family, training rows, rows to predict, seed -> log ms of these."""


def family(cache: Path) -> Family:
    """The family in the corpus at ``cache``.

    Raises:
        ValueError: it is not that of the published table.
    """
    corpus = load(cache, (nnlqp.SOURCE,))
    if len(corpus.samples) != FILES:
        raise ValueError(f"{len(corpus.samples)} files of the family, not {FILES}")
    names = [sample.graph_id.partition("/")[2] for sample in corpus.samples]
    return Family(names, rows_of(corpus.samples, corpus.graphs), operations(names))


def held_out(rows: Chosen, seed: int) -> tuple[Chosen, Chosen]:
    """``rows`` to fit and ``HELD`` of them to choose by."""
    drawn = np.random.default_rng(seed).permutation(rows)
    return drawn[HELD:], drawn[:HELD]


def one_hot(cells: NDArray[np.int64]) -> Float:
    """[n, 6 * 5]."""
    return np.eye(len(OPERATIONS))[cells].reshape(len(cells), -1)


def digits(found: Family, train: Chosen, scored: Chosen, seed: int, live: bool = False) -> Float:
    """A Gaussian process over the one-hot digits of the file name, or over those of what is ``live``."""
    features = one_hot(alive(found.cells) if live else found.cells)
    return gaussian_process(features[train], found.log_ms[train], seed)(features[scored])


def linear(columns: Sequence[str], found: Family, train: Chosen, scored: Chosen, seed: int) -> Float:
    """A line through totals in ms, by relative squared error."""
    at = [QUANTITIES.index(name) for name in columns]
    totals = np.stack([graph.quantities[:, at].sum(0) for graph in found.rows.graphs])
    ms = np.exp(found.log_ms[train])
    model = LinearRegression().fit(totals[train], ms, sample_weight=ms**-2)
    return np.log(np.maximum(model.predict(totals[scored]), 1e-3))


def tuned(
    make: Callable[[], baselines.Fit], found: Family, train: Chosen, scored: Chosen, seed: int
) -> Float:
    """A baseline with the best of its random settings."""
    chosen = make()
    fitted, held = held_out(train, seed)
    trial, _ = best_trial(chosen, _some(found, fitted), _some(found, held), seed)
    return chosen(np.random.default_rng((seed, trial)), _some(found, train))(_some(found, scored))


def _some(found: Family, rows: Chosen) -> Rows:
    mask = np.zeros(len(found.cells), dtype=bool)
    mask[rows] = True
    order = np.argsort(np.argsort(rows))
    part = some(found.rows, mask)
    return replace(
        part, graphs=[part.graphs[at] for at in order], platforms=[part.platforms[at] for at in order],
        log_ms=part.log_ms[order],
    )  # fmt: skip


def graphs(found: Family) -> dict[str, NDArray[np.int64]]:
    """The two networks that a file name may mean, without what never reaches the output: name -> cells [n, 6]."""
    return {"as inferred": alive(found.cells), "mirrored": alive(found.cells[:, MIRROR])}


def ledg(found: Family, train: Chosen, scored: Chosen, seed: int) -> dict[str, Float]:
    """LeDG-Former on either graph, and the mean of both."""
    either = {
        name: readouts(found, cells, RECIPE, train, scored, seed) for name, cells in graphs(found).items()
    }
    named = {f"LeDG-Former, {name}, {by}": log_ms for name, of in either.items() for by, log_ms in of.items()}
    return named | {
        f"LeDG-Former, both graphs, {by}": np.mean([of[by] for of in either.values()], 0)
        for by in ("head", "mean")
    }


def readouts(
    found: Family, cells: NDArray[np.int64], recipe: CellRecipe, train: Chosen, scored: Chosen, seed: int
) -> dict[str, Float]:
    """A network read by its ``head``, by a Gaussian ``process`` on its pooled states, and the ``mean`` of both."""
    embedder = Embedder(Path(ledg_rt.__file__).parent / "bundle")
    model = fit(recipe, cells[train], found.log_ms[train], embedder, seed)
    head, states = _read(model, cells)
    states = states - states[train].mean(0)
    states *= STATE_SCALE / np.sqrt((states[train] ** 2).sum(1).mean())
    features = np.hstack([states, one_hot(cells)])
    process = gaussian_process(features[train], found.log_ms[train], seed)(features[scored])
    return {"head": head[scored], "process": process, "mean": (head[scored] + process) / 2}


@torch.no_grad()
def _read(model: CellFormer, cells: NDArray[np.int64]) -> tuple[Float, Float]:
    log_ms, states = model(torch.from_numpy(cells))
    return log_ms.double().numpy(), states.double().numpy()


METHODS: dict[str, Method] = {
    "FLOPs": partial(linear, ("flops",)),
    "FLOPs + memory access": partial(linear, ("flops", "float_bytes")),
    "roofline": partial(tuned, lambda: baselines.roofline),
    "boosting on totals": partial(tuned, lambda: baselines.boosting(Totals())),
    "Gaussian process, digits": digits,
    "Gaussian process, digits of live operations": partial(digits, live=True),
}


def peer(name: str, found: Family, train: Chosen, scored: Chosen, seed: int) -> Float:
    """A published network, its recipe chosen on the held rows of seed 0, which see no dead operation either."""
    cells, log_ms = alive(found.cells), found.log_ms
    fitted, held = held_out(np.arange(TRAIN), 0)
    recipe = cell_peers.chosen(name, cells[fitted], log_ms[fitted], cells[held], log_ms[held], CACHE)
    return cell_peers.fitted(name, recipe, cells[train], log_ms[train], cells[scored], seed)


METHODS |= {name: partial(peer, name) for name in cell_peers.PEERS}


def figures(predicted: Float, log_ms: Float) -> dict[str, float]:
    """Metrics in percent."""
    found = accuracy(np.exp(predicted), np.exp(log_ms), ["gtx1660"] * len(log_ms))
    return {"mape": found.mape, "median_ape": found.median_ape, "acc10": found.acc10}


def choose(found: Family) -> None:
    """Print the errors on the held rows of seed 0: both recipes, every operation of a cell, both graphs and their mean."""
    fitted, held = held_out(np.arange(TRAIN), 0)
    inferred = graphs(found)["as inferred"]
    tried = {name: (inferred, recipe) for name, recipe in RECIPES.items() if recipe != RECIPE}
    tried["every operation"] = (found.cells, RECIPE)
    predicted = ledg(found, fitted, held, 0)
    for name, (cells, recipe) in tried.items():
        predicted |= {
            f"{name}, {by}": log_ms for by, log_ms in readouts(found, cells, recipe, fitted, held, 0).items()
        }
    for name, log_ms in predicted.items():
        told = figures(log_ms, found.log_ms[held])
        print(f"{name}: " + ", ".join(f"{metric} {value:.3f}" for metric, value in told.items()))


def predictions(found: Family, seed: int) -> dict[str, tuple[Float, float]]:
    """Method -> log ms of the test files and minutes of processor time; kept in ``CACHE``."""
    path = CACHE / f"{seed}.json"
    if not path.exists():
        train, test = np.arange(TRAIN), np.arange(TRAIN, FILES)
        kept = {}
        for name, method in METHODS.items():
            log_ms, minutes = timed(partial(method, found, train, test, seed))
            kept[name] = (log_ms.tolist(), minutes)
        ours, minutes = timed(partial(ledg, found, train, test, seed))
        kept |= {name: (log_ms.tolist(), minutes) for name, log_ms in ours.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept))
    return {
        name: (np.array(log_ms), minutes) for name, (log_ms, minutes) in json.loads(path.read_text()).items()
    }


def evaluate(found: Family) -> list[Row]:
    """Rows of all methods on the test files."""
    runs = [predictions(found, seed) for seed in SEEDS]
    rows = []
    for name in runs[0]:
        scored = [figures(run[name][0], found.log_ms[TRAIN:]) for run in runs]
        setting = {"train": TRAIN, "test": FILES - TRAIN, "ours": name == OURS}
        minutes = sum(run[name][1] for run in runs)
        rows += [Row.of(PROTOCOL, name, setting, metric, [run[metric] for run in scored], CHOSEN_ON, minutes) for metric in scored[0]]  # fmt: skip
    return rows


def repeats(found: Family) -> list[Row]:
    """How far training cells that are one network without order are from their mean: no error of a model."""
    classes: dict[bytes, list[float]] = defaultdict(list)
    for name, log_ms in zip(found.names[:TRAIN], found.log_ms[:TRAIN], strict=True):
        classes[network_key(name)].append(log_ms)
    several = [np.array(values) for values in classes.values() if len(values) > 1]
    cells = sum(map(len, several))
    # A mean of few is near to each of them.
    apart = np.concatenate([np.abs(v - v.mean()) * np.sqrt(len(v) / (len(v) - 1)) for v in several])
    setting = {"cells": cells, "networks": len(several)}
    told = {"mape": float(100 * apart.mean()), "median_ape": float(100 * np.median(apart))}
    return [Row.of(PROTOCOL, "repeats of one network", setting, name, [value], "nothing", 0.0) for name, value in told.items()]  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Markdown: a method a line."""
    lines = ["| method | MAPE % | median APE % | Acc(10%) % | minutes |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(row.method for row in rows):
        by_metric = {row.metric: row for row in rows if row.method == name}
        cells = [
            f"{by_metric[metric].mean:.3f} ± {by_metric[metric].std:.3f}" if metric in by_metric else "-"
            for metric in ("mape", "median_ape", "acc10")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {by_metric['mape'].minutes:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, fit, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--seed", type=int, choices=SEEDS, help="predict for this one alone and stop")
    parser.add_argument("--choose", action="store_true", help="print errors on held training rows and stop")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = family(options.cache)
    if options.choose:
        choose(found)
        return
    if options.seed is not None:
        predictions(found, options.seed)
        return
    rows = repeats(found) + evaluate(found)
    print(table(rows))
    write(PROTOCOL, rows)


if __name__ == "__main__":
    main()
