"""Sources that training never saw, whole or on some chips: somebody else's networks, runtimes and way of measuring.

    python -m benchmarks.accuracy.left_out --cache .cache/corpus --runs checkpoints/left-out --minutes 5 --head-minutes 3

``PARTS`` are left out in turn: a table, or what one has of some chips. The model is trained by the recipe of the folds
(``benchmarks.accuracy.folds``) on everything else, where devices and networks of the part may occur in other tables, and predicts
once a draw of each platform, beside the two estimates that need no training. Writes ``benchmarks/results/left_out.json``. A run that
was interrupted goes on; parts that are not asked for keep their results.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import ledg_rt
from benchmarks.accuracy.folds import Fold, rows_of_fold, run_arguments, trained_on
from benchmarks.accuracy.latency import RESULTS, predict_samples
from benchmarks.accuracy.splits import chip_of
from benchmarks.accuracy.unseen import LEAST_GRAPHS, ape
from ledg_export import train as training
from ledg_export.batches import LatencyData
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import load_training
from ledg_export.train import Recipe
from ledg_rt.embedding import Embedder
from ledg_rt.metrics import spearman

PATH = RESULTS / "left_out.json"


@dataclass(frozen=True)
class Part:
    """The rows of ``source``, or those on ``chips`` where any are named."""

    source: str
    chips: tuple[str, ...] = ()

    def has(self, sample: Sample) -> bool:
        """Whether ``sample`` is left out."""
        return sample.source == self.source and (not self.chips or chip_of(sample.platform) in self.chips)


PARTS = {
    "netspresso": Part("netspresso"), "paddleclas, Snapdragon 855 and Xeon": Part("paddleclas", ("snapdragon-855", "xeon-gold-6148")),
    "accel_nasbench": Part("accel_nasbench"),
}  # fmt: skip


def without(samples: Sequence[Sample], part: Part) -> Fold:
    """All samples but those of ``part``; the spaces of cells and blocks are thinned as in the folds."""
    held = tuple(sample for sample in samples if part.has(sample))
    train = tuple(sample for sample in samples if not part.has(sample) and trained_on(sample))
    return Fold(train, {"source": held})


def result(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Errors in percent, and the median over platforms with ``LEAST_GRAPHS`` networks of how well these are ranked.

    A baseline has its own rows, where it says something, and our error on the same ones.
    """
    ranks = []
    for platform in sorted({row["platform"] for row in rows}):
        here = [row for row in rows if row["platform"] == platform]
        if len({row["graph"] for row in here}) >= LEAST_GRAPHS:
            # A prediction that is the same for all networks ranks nothing.
            found = spearman([row["log_ms"] for row in here], [row["log_measured"] for row in here])
            ranks.append(found or 0.0)
    return {
        "part": name, "rows": len(rows), "median_ape": float(np.median(ape(rows))),
        "platforms": len(ranks), "spearman": float(np.median(ranks)) if ranks else None,
        "nearest": _beside(rows, "nearest"), "roofline": _beside(rows, "roofline"),
    }  # fmt: skip


def _beside(rows: Sequence[dict[str, Any]], column: str) -> dict[str, Any]:
    """A baseline (the roofline as it is, without an efficiency) and ours on the rows where it says something."""
    here = [row for row in rows if row[column] is not None]
    errors = {key: float(np.median(ape(here, of))) if here else None for key, of in (("median_ape", column), ("ours", "log_ms"))}  # fmt: skip
    return {"rows": len(here), **errors}


def table(results: Mapping[str, dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| left out | rows | median APE % | Spearman (platforms) | nearest known device, ours there | roofline, ours there |", "|---|---|---|---|---|---|"]  # fmt: skip
    for row in results.values():
        others = [
            f"{row[name]['median_ape']:.1f}, {row[name]['ours']:.1f} ({row[name]['rows']} rows)" if row[name]["rows"] else "-"
            for name in ("nearest", "roofline")
        ]  # fmt: skip
        rank = "-" if row["spearman"] is None else f"{row['spearman']:.3f} ({row['platforms']})"
        lines.append(f"| {row['part']} | {row['rows']} | {row['median_ape']:.1f} | {rank} | {' | '.join(others)} |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Parse the command line; train without each part and score it."""
    parser = run_arguments(__doc__, Path("checkpoints/left-out"))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    corpus = load_training(options.cache)
    embedder = Embedder.of_bundle(Path(ledg_rt.__file__).parent / "bundle")
    for name in options.parts:
        part = without(corpus.samples, PARTS[name])
        if not part.held_out["source"]:
            parser.error(f"{options.cache} has no rows of {name}; build the corpus with its table")
        recipe = Recipe(minutes=options.minutes, head_minutes=options.head_minutes, compiled=options.compile)
        run = options.runs / PARTS[name].source
        model, _ = training.train(LatencyData(part.train, corpus.graphs), embedder, run, recipe)
        predictor = partial(predict_samples, model, embedder, graphs=corpus.graphs)
        rows = list(rows_of_fold(0, part, predictor, corpus.graphs))
        results = json.loads(PATH.read_text()) if PATH.exists() else {}
        results[name] = result(name, rows)
        PATH.write_text(json.dumps(results, indent=1) + "\n")
        print(table({name: results[name]}), flush=True)


if __name__ == "__main__":
    main()
