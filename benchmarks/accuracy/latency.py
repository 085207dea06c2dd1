"""Latency on known devices with new architectures and on new devices, beside the baselines.

    python -m benchmarks.accuracy.latency --cache .cache/corpus --run checkpoints/latency --minutes 14 --head-minutes 7

Trains on the training rows of ``splits.toml`` (or goes on with the run in ``--run``), predicts the test
rows once, writes ``benchmarks/results/latency.json`` and prints the same as a table. ``--part validation``
prints the validation rows instead, to choose by. ``--ours`` scores LeDG-Former alone and keeps what
``latency.json`` says of the baselines, which depend on the splits but not on the run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ledg_rt
from benchmarks.accuracy.baselines import Rows, Totals, boosting, regression, roofline, tuned
from benchmarks.accuracy.splits import Split, split
from ledg_export import train as training
from ledg_export.batches import LatencyData, predict
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import load_training
from ledg_export.model import LedgFormer
from ledg_export.train import Recipe, embed_all
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import GraphEncoding, rebatch
from ledg_rt.metrics import accuracy
from ledg_rt.platforms import resolve

RESULTS = Path(__file__).parents[1] / "results"
MAX_TEST_ROWS = 8_000
"""Rows of one source and part that are scored, drawn once by a fixed seed; NAS-Bench-201 has more."""


def main() -> None:
    """Parse the command line, train, score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--run", type=Path, default=Path("checkpoints/latency"))
    parser.add_argument("--minutes", type=float, default=14)
    parser.add_argument("--head-minutes", type=float, default=7)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--sources", default="help,mlperf_inference,ncnn", help="those to score; all train")
    parser.add_argument("--model", default="{}", help="JSON with fields of LedgConfig to change")
    parser.add_argument("--recipe", default="{}", help="JSON with fields of Recipe to change")
    parser.add_argument("--ours", action="store_true", help="score LeDG-Former alone")
    options = parser.parse_args()
    fields = {
        "minutes": options.minutes, "head_minutes": options.head_minutes, "compiled": options.compile,
        "model": json.loads(options.model),
    }  # fmt: skip
    recipe = Recipe(**fields | json.loads(options.recipe))
    if not recipe.head_minutes > 0:
        parser.error("--head-minutes must be more than 0: the second phase finds what tells new devices")
    corpus = load_training(options.cache)
    parts = split(corpus.samples)
    embedder = Embedder.of_bundle(Path(ledg_rt.__file__).parent / "bundle")
    model, _ = training.train(LatencyData(parts.train, corpus.graphs), embedder, options.run, recipe)
    if not training.first_process():
        return
    predictor = partial(predict_samples, model, embedder, graphs=corpus.graphs)
    sources = options.sources.split(",")
    rows = evaluate(parts, corpus.graphs, predictor, options.part, sources, baselines=not options.ours)
    if options.ours and options.part == "test":
        rows = beside(rows, json.loads((RESULTS / "latency.json").read_text()))
    print(table(rows))
    if options.part == "test":
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "latency.json").write_text(json.dumps(rows, indent=1) + "\n")


Predict = Callable[[Sequence[Sample]], NDArray[np.float64]]
"""Samples to [rows, 2]: log milliseconds and log spread."""


def evaluate(
    parts: Split, graphs: Mapping[str, GraphEncoding], predictor: Predict, part: str, sources: Sequence[str], *,
    baselines: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of results: source, setting, method, metrics."""
    validation = {
        "new architecture": parts.validation_architecture,
        "new device": parts.validation_device,
    }
    test = {"new architecture": parts.new_architecture, "new device": parts.new_device}
    found = []
    for source in sources:
        train_rows = rows_of(_of(source, parts.train, 2 * MAX_TEST_ROWS), graphs) if baselines else None
        for setting, chosen in validation.items():
            scored = _of(source, (validation if part == "validation" else test)[setting])
            if not scored:
                continue
            scored_rows = rows_of(scored, graphs)
            predicted = {}
            if train_rows is not None:
                predicted = _baselines(train_rows, rows_of(_of(source, chosen), graphs), scored_rows)
            for method, log_ms in (predicted | {"ledg": predictor(scored)[:, 0]}).items():
                figures = accuracy(np.exp(log_ms), np.exp(scored_rows.log_ms), scored_rows.names.tolist())
                found.append(
                    {
                        "protocol": "latency", "source": source, "setting": setting, "method": method,
                        "selected_on": "validation", **asdict(figures),
                    }
                )  # fmt: skip
    return found


def beside(ours: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """``before`` with the rows of ``ours`` in place of its own.

    Raises:
        ValueError: they are not of the same test rows.
    """
    key = itemgetter("source", "setting")
    new = {key(row): row for row in ours}
    for row in before:
        if key(row) in new and row["count"] != new[key(row)]["count"]:
            raise ValueError(
                f"{key(row)}: {row['count']} rows before, {new[key(row)]['count']} now; score all methods"
            )
    return [new.get(key(row), row) if row["method"] == "ledg" else row for row in before]


def _baselines(train: Rows, choose: Rows, scored: Rows) -> dict[str, NDArray[np.float64]]:
    """Predictions of each baseline after tuning on ``choose``."""
    totals = Totals()
    fits = {"roofline": roofline, "regression": regression(totals), "boosting": boosting(totals)}
    return {method: tuned(fit, train, choose)(scored) for method, fit in fits.items()}


def _of(source: str, samples: Sequence[Sample], limit: int = MAX_TEST_ROWS) -> list[Sample]:
    return draw([sample for sample in samples if sample.source == source], limit)


def predict_samples(
    model: LedgFormer, embedder: Embedder, samples: Sequence[Sample], *, graphs: Mapping[str, GraphEncoding]
) -> NDArray[np.float64]:
    """Log milliseconds and log spread of ``samples``, [rows, 2], by a trained model."""
    data = LatencyData(samples, graphs)
    predicted = predict(model, embed_all(data.sentences(), embedder), data)
    order = {(visit.graph_id, visit.batch, int(platform)): predicted[at] for at, (visit, platform) in enumerate((visit, platform) for visit in data.visits for platform in visit.platforms)}  # fmt: skip
    position = {platform: at for at, platform in enumerate(data.platform_ids)}
    return np.array([order[sample.graph_id, sample.batch, position[sample.platform]] for sample in samples])


def draw(samples: list[Sample], limit: int = MAX_TEST_ROWS) -> list[Sample]:
    """At most ``limit`` of ``samples``, the same ones every time."""
    if len(samples) <= limit:
        return samples
    chosen = np.random.default_rng(0).choice(len(samples), limit, replace=False)
    return [samples[at] for at in sorted(chosen)]


def rows_of(samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> Rows:
    """``samples`` as the baselines see them."""
    batched = {
        (sample.graph_id, sample.batch): rebatch(graphs[sample.graph_id], sample.batch) for sample in samples
    }
    platforms = {name: resolve(name) for name in {sample.platform for sample in samples}}
    return Rows(
        [batched[sample.graph_id, sample.batch] for sample in samples],
        [platforms[sample.platform] for sample in samples],
        np.log([sample.latency_ms for sample in samples]),
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| source | setting | method | rows | MAPE % | median APE % | Acc(10%) % | Spearman |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        rho = "-" if row["spearman"] is None else f"{row['spearman']:.3f}"
        lines.append(f"| {row['source']} | {row['setting']} | {row['method']} | {row['count']} | {row['mape']:.1f} | {row['median_ape']:.1f} | {row['acc10']:.1f} | {rho} |")  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
