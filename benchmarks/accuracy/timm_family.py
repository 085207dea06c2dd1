"""timm's own benchmark (1,382 networks, 17 platforms, 73 families): new families on known hardware.

    python -m benchmarks.accuracy.timm_family [--cache benchmarks/data] [--validation] [--methods ...]

Families are dealt into ``FOLDS`` (``sanity.deal``: the largest family first, each to the fold that has the fewest
measurements), and each fold is predicted by a model that saw no network of its families, on any platform. What is
chosen for a fold is chosen on the next one, by models that saw neither; the choice is then fitted to all folds but the
one that is scored. Recipes of networks are the same for all folds: ``--validation`` prints the errors of candidates on
these next folds, and stops. Writes ``benchmarks/results/timm_family.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import ledg_rt
from benchmarks.accuracy import baselines, class_former, kind_costs
from benchmarks.accuracy.baselines import Rows, Totals, best_trial
from benchmarks.accuracy.class_former import ClassRecipe
from benchmarks.accuracy.kind_costs import KindRecipe, KindTable, kind_table
from benchmarks.accuracy.latency import rows_of
from benchmarks.accuracy.node_classes import NodeClasses, node_classes
from benchmarks.accuracy.protocol import Row, timed, write
from benchmarks.accuracy.sanity import deal, some
from ledg_export.corpora import timm_benchmark
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import load
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import GraphEncoding
from ledg_rt.metrics import accuracy
from ledg_rt.platforms import resolve
from ledg_rt.platforms.device import Platform

PROTOCOL = "timm_family"
FOLDS = 5
SEEDS = (0, 1, 2)
TUNED_ON = 3_000
"""Measurements that a baseline is tuned on, and half as many to choose by; what was chosen is fitted to all."""
CHOSEN_ON = "the next fold of families"
OURS = "LeDG-Former"
KEPT = Path(".cache") / PROTOCOL
"""Predictions of a seed and fold, so that a run goes on where it was stopped."""

Float = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """M measurements of G networks on P platforms.

    ``names``: of the networks. ``rows``: the measurements as the baselines see them. ``graph``, ``platform``, ``batch``:
    int64 [M]. ``fold``: int64 [G].
    """

    graphs: Mapping[str, GraphEncoding]
    names: Sequence[str]
    platforms: Sequence[str]
    rows: Rows
    graph: Ints
    platform: Ints
    batch: Ints
    fold: Ints

    def log_ms(self) -> Float:
        """Of one sample of the batch, [G, P]: NaN where nothing was measured, the mean of what was measured twice."""
        found, count = np.zeros((2, len(self.names), len(self.platforms)))
        np.add.at(found, (self.graph, self.platform), self.rows.log_ms - np.log(self.batch))
        np.add.at(count, (self.graph, self.platform), 1)
        return np.where(count > 0, found / np.maximum(count, 1), np.nan)

    def networks(self, folds: Sequence[int]) -> Ints:
        """The networks of some folds, in ascending order."""
        return np.flatnonzero(np.isin(self.fold, folds))

    def described(self) -> list[Platform]:
        """The platforms."""
        return [resolve(platform) for platform in self.platforms]

    @cache  # noqa: B019 - there is one table
    def kinds(self) -> KindTable:
        """The kinds of the nodes of all networks."""
        return kind_table(self.graphs, self.names)

    @cache  # noqa: B019
    def classes(self, layers: int) -> NodeClasses:
        """The nodes of all networks for an encoder of some layers."""
        return node_classes(self.graphs, self.names, layers)

    def of(self, folds: Sequence[int]) -> NDArray[np.bool_]:
        """Which measurements are of some folds."""
        return np.isin(self.fold[self.graph], folds)


def table_of(samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> Table:
    """The measurements of a corpus, and the folds of its families."""
    names, graph = np.unique([sample.graph_id for sample in samples], return_inverse=True)
    platforms, platform = np.unique([sample.platform for sample in samples], return_inverse=True)
    fold = np.zeros(len(names), dtype=np.int64)
    fold[graph] = deal([sample.family for sample in samples], FOLDS)
    batch = np.array([sample.batch for sample in samples])
    return Table(
        graphs, names.tolist(), platforms.tolist(), rows_of(samples, graphs), graph, platform, batch, fold
    )


Method = Callable[[Table, Sequence[int], int, int], Float]
"""Table, folds to train on, fold to predict, seed -> log ms of the measurements of the latter."""


def tuned(
    make: Callable[[], baselines.Fit], table: Table, train: Sequence[int], scored: int, seed: int
) -> Float:
    """A baseline with the best of its random settings; ``train[0]`` chooses."""
    rng = np.random.default_rng(seed)
    chosen = make()
    fitted, held = (
        some(table.rows, drawn(table.of(folds), count, rng))
        for folds, count in ((train[1:], TUNED_ON), (train[:1], TUNED_ON // 2))
    )
    trial, _ = best_trial(chosen, fitted, held, seed)
    whole = some(table.rows, table.of(train))
    return chosen(np.random.default_rng((seed, trial)), whole)(some(table.rows, table.of([scored])))


def drawn(mask: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """At most ``count`` of what a mask has."""
    found = np.zeros_like(mask)
    at = np.flatnonzero(mask)
    found[rng.choice(at, min(count, len(at)), replace=False)] = True
    return found


def nearest(table: Table, train: Sequence[int], scored: int, seed: int) -> Float:
    """What the network with the most similar totals takes for a sample on the same platform; no seed is needed."""
    totals = Totals()
    features = np.stack([totals.graph(table.graphs[name]) for name in table.names])
    features = (features - features.mean(0)) / np.maximum(features.std(0), 1e-6)
    known = np.where(np.isin(table.fold, train)[:, None], table.log_ms(), np.nan)
    here = table.of([scored])
    found = []
    for graph, platform in zip(table.graph[here], table.platform[here], strict=True):
        measured = np.flatnonzero(~np.isnan(known[:, platform]))
        distance = ((features[measured] - features[graph]) ** 2).sum(1)
        found.append(known[measured[distance.argmin()], platform])
    return np.array(found) + np.log(table.batch[here])


def ledg(recipe: ClassRecipe, table: Table, train: Sequence[int], scored: int, seed: int) -> Float:
    """LeDG-Former on classes of nodes."""
    nodes = table.classes(recipe.layers)
    embedder = Embedder(Path(ledg_rt.__file__).parent / "bundle")
    batches = np.array([np.median(table.batch[table.platform == at]) for at in range(len(table.platforms))])
    model = class_former.fit(
        recipe, nodes, table.networks(train), table.log_ms(), table.described(), batches, embedder, seed
    )
    wanted = table.networks([scored])
    return _of_batches(table, scored, wanted, class_former.predict(model, nodes, wanted))


def kinds(recipe: KindRecipe, table: Table, train: Sequence[int], scored: int, seed: int) -> Float:
    """Costs of kinds of nodes; no seed is needed."""
    model = kind_costs.fit(recipe, table.kinds(), table.networks(train), table.log_ms(), table.described())
    wanted = table.networks([scored])
    return _of_batches(table, scored, wanted, kind_costs.predict(model, wanted))


def _of_batches(table: Table, scored: int, networks: Ints, log_ms: Float) -> Float:
    """Log ms of the measurements of a fold from those of one sample of its ``networks`` [len(networks), P]."""
    here = table.of([scored])
    at = np.searchsorted(networks, table.graph[here])
    return log_ms[at, table.platform[here]] + np.log(table.batch[here])


METHODS: dict[str, Method] = {
    "nearest known network": nearest,
    "roofline": partial(tuned, lambda: baselines.roofline),
    "regression on totals": partial(tuned, lambda: baselines.regression(Totals())),
    "boosting on totals": partial(tuned, lambda: baselines.boosting(Totals())),
    "costs of kinds of nodes": partial(kinds, KindRecipe()),
    OURS: partial(ledg, ClassRecipe()),
}

CANDIDATES: dict[str, Method] = {
    "costs of kinds of nodes": partial(kinds, KindRecipe()),
    "costs of kinds of nodes, a third of the penalties": partial(kinds, KindRecipe(0.3, 0.2)),
    "costs of kinds of nodes, twice the penalties": partial(kinds, KindRecipe(2.0, 1.4)),
    "LeDG-Former": partial(ledg, ClassRecipe()),
    "LeDG-Former, two layers": partial(ledg, ClassRecipe(layers=2)),
    "LeDG-Former, correction of the whole": partial(ledg, ClassRecipe(whole=True)),
}
"""What ``--validation`` compares."""


def others(fold: int) -> list[int]:
    """All folds but this, the next one first."""
    return [(fold + step) % FOLDS for step in range(1, FOLDS)]


def figures(predicted: Float, log_ms: Float) -> dict[str, float]:
    """Metrics in percent."""
    found = accuracy(np.exp(predicted), np.exp(log_ms), [""] * len(log_ms))
    return {"mape": found.mape, "median_ape": found.median_ape, "acc10": found.acc10}


def predictions(table: Table, name: str, seed: int) -> tuple[Float, float]:
    """Log ms of every measurement by a model that did not see its fold, and minutes of processor time; kept in ``KEPT``."""
    log_ms, minutes = np.zeros(len(table.graph)), 0.0
    for fold in range(FOLDS):
        path = KEPT / f"{name.replace(' ', '_')}-{seed}-{fold}.json"
        if not path.exists():
            found, took = timed(partial(METHODS[name], table, others(fold), fold, seed))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps([found.tolist(), took]))
        kept, took = json.loads(path.read_text())
        log_ms[table.of([fold])], minutes = kept, minutes + took
    return log_ms, minutes


def evaluate(table: Table, methods: Sequence[str]) -> list[Row]:
    """Rows of some methods: all folds together, and each fold."""
    rows = []
    for name in methods:
        runs = [predictions(table, name, seed) for seed in SEEDS]
        minutes = sum(took for _, took in runs)
        for folds in (list(range(FOLDS)), *([fold] for fold in range(FOLDS))):
            here = table.of(folds)
            scored = [figures(log_ms[here], table.rows.log_ms[here]) for log_ms, _ in runs]
            setting = {"folds": folds, "measurements": int(here.sum()), "ours": name == OURS}
            rows += [
                Row.of(PROTOCOL, name, setting, metric, [run[metric] for run in scored], CHOSEN_ON, minutes)
                for metric in scored[0]
            ]
    return rows


def printed(rows: Sequence[Row]) -> str:
    """Markdown: a method a line, over all folds, and the MAPE of each."""
    lines = [
        "| method | MAPE % | median APE % | Acc(10%) % | MAPE % of each fold | minutes |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.method for row in rows):
        mine = [row for row in rows if row.method == name]
        whole = {row.metric: row for row in mine if len(row.setting["folds"]) > 1}
        cells = [
            f"{whole[metric].mean:.1f} ± {whole[metric].std:.1f}"
            for metric in ("mape", "median_ape", "acc10")
        ]
        cells.append(
            " ".join(
                f"{row.mean:.1f}" for row in mine if row.metric == "mape" and len(row.setting["folds"]) == 1
            )
        )
        lines.append(f"| {name} | {' | '.join(cells)} | {whole['mape'].minutes:.1f} |")
    return "\n".join(lines)


def validate(table: Table) -> None:
    """Print the errors of each candidate on the fold after each fold, seed 0; its model sees neither of the two."""
    for name, method in CANDIDATES.items():
        found, there = [], []
        for fold in range(FOLDS):
            held, *train = others(fold)
            found.append(method(table, train, held, 0))
            there.append(table.rows.log_ms[table.of([held])])
            print(name, held, figures(found[-1], there[-1]), flush=True)
        print(name, "all", figures(np.concatenate(found), np.concatenate(there)), flush=True)


def main() -> None:
    """Parse the command line, fit, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path("benchmarks/data"))
    parser.add_argument("--validation", action="store_true", help="print errors on validation folds and stop")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="the others keep their rows")  # fmt: skip
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = load(options.cache, (timm_benchmark.SOURCE,))
    table = table_of(corpus.samples, corpus.graphs)
    if options.validation:
        validate(table)
        return
    rows = evaluate(table, options.methods)
    print(printed(rows))
    write(PROTOCOL, rows, keep=lambda row: row["method"] not in options.methods)


if __name__ == "__main__":
    main()
