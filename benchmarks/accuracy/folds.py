"""Five models that each never saw a fifth of the chips, of the families and of the stacks, and their errors there.

    python -m benchmarks.accuracy.folds --cache .cache/corpus --runs checkpoints/folds --minutes 5 --head-minutes 3

Fold k holds out what ``fold_of`` puts there: chips (dies with all their units), families (NAS-Bench-201, FBNet and OFA by
isomorphism class) and, on chips that were measured with several of them, stacks (a runtime and a precision on a
device). Its model is trained by the recipe of the bundle with fewer minutes on everything else and predicts once, of the rows
that are held out for one reason alone, a draw of each platform. Writes ``benchmarks/results/folds.parquet``, a row a
prediction, also of the two estimates that need no training; ``benchmarks.accuracy.unseen`` makes tables of it, the factors
of the intervals and the errors behind the model card. A run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import ledg_rt
from benchmarks.accuracy.latency import RESULTS, Predict, draw, predict_samples
from benchmarks.accuracy.nearest import NearestKnown
from benchmarks.accuracy.splits import by_class, chip_of
from ledg_export import train as training
from ledg_export.batches import LatencyData
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import load_training
from ledg_export.train import Recipe
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import GraphEncoding, platform_keys, rebatch
from ledg_rt.evidence import evidence
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.roofline import log_intensity, roofline_ms

FOLDS = 5
ROWS = 60
"""Rows of one source and platform that are scored, drawn once."""
CLASS_SHARE = 4
"""One in so many isomorphism classes of the spaces of cells and blocks is trained on: they have most of the graphs and one family each."""


@dataclass(frozen=True)
class Fold:
    """Samples to train on, and those held out by their family, their stack or their chip alone."""

    train: tuple[Sample, ...]
    held_out: Mapping[str, tuple[Sample, ...]]


def fold_of(kind: str, name: str) -> int:
    """The fold that holds ``name`` out: a checksum of it, so that no one chose."""
    return crc32(f"{kind} {name}".encode()) % FOLDS


def fold(samples: Sequence[Sample], number: int) -> Fold:
    """Sort samples into those of fold ``number``; what is held out for two reasons rests."""
    several = _several(samples)
    train: list[Sample] = []
    held_out: dict[str, list[Sample]] = {"family": [], "stack": [], "chip": []}
    for sample in samples:
        spaced = sample.family in by_class()
        stack = stack_of(sample.platform)
        reasons = [
            kind
            for kind, name in (
                ("family", sample.isomorphism if spaced else sample.family), ("stack", stack), ("chip", chip_of(sample.platform)),
            )
            if fold_of(kind, name) == number and (kind != "stack" or stack in several)
        ]  # fmt: skip
        if len(reasons) == 1:
            held_out[reasons[0]].append(sample)
        elif not reasons and trained_on(sample):
            train.append(sample)
    return Fold(tuple(train), {kind: tuple(found) for kind, found in held_out.items()})


def trained_on(sample: Sample) -> bool:
    """Whether a sample is trained on where nothing holds it out: one class in ``CLASS_SHARE`` of a space of cells or blocks."""
    return sample.family not in by_class() or crc32(sample.isomorphism.encode()) % CLASS_SHARE == 0


@cache
def stack_of(platform: str) -> str:
    """The name of the runtime and precision of a platform on its device."""
    return next(key for key in platform_keys(resolve(platform)) if key.startswith("stack "))


def _several(samples: Sequence[Sample]) -> set[str]:
    """Stacks on chips that have others."""
    stacks: dict[str, set[str]] = defaultdict(set)
    for platform in {sample.platform for sample in samples}:
        stacks[chip_of(platform)].add(stack_of(platform))
    return {stack for found in stacks.values() if len(found) > 1 for stack in found}


def rows_of_fold(
    number: int, part: Fold, predictor: Predict, graphs: Mapping[str, GraphEncoding]
) -> Iterator[dict[str, Any]]:
    """A row a held-out sample: what it is, what was measured and what is predicted, in natural logs of ms."""
    known = {key for name in {s.platform for s in part.train} for key in platform_keys(resolve(name))}
    nearest = NearestKnown(part.train, graphs)
    for kind, found in part.held_out.items():
        samples = drawn(found)
        if not samples:
            continue
        for sample, (log_ms, log_spread) in zip(samples, predictor(samples), strict=True):
            platform, device = resolve(sample.platform), devices()[sample.platform.split("/")[0]]
            encoding = rebatch(graphs[sample.graph_id], sample.batch)
            analytic = roofline_ms(encoding, platform)
            yield {
                "fold": number, "held_out": kind, "evidence": evidence(platform_keys(platform), known),
                "source": sample.source, "family": sample.family, "graph": f"{sample.graph_id} {sample.batch}",
                "platform": sample.platform, "device": device.id, "chip": device.chip, "kind": device.kind,
                "log_measured": float(np.log(sample.latency_ms)), "log_ms": float(log_ms), "log_spread": float(log_spread),
                "log_intensity": log_intensity(encoding, platform.precision),
                "roofline": float(np.log(analytic)) if analytic else None, "nearest": nearest.log_ms(sample, encoding),
            }  # fmt: skip


def drawn(samples: Sequence[Sample]) -> list[Sample]:
    """At most ``ROWS`` of each source and platform."""
    grouped: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        grouped[sample.source, sample.platform].append(sample)
    return [sample for key in sorted(grouped) for sample in draw(grouped[key], ROWS)]


def run_arguments(description: str | None, runs: Path) -> argparse.ArgumentParser:
    """What a command says that trains in turn without parts of the corpus; it keeps its runs in ``runs``."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--runs", type=Path, default=runs)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--head-minutes", type=float, default=3)
    parser.add_argument("--compile", action="store_true")
    return parser


def main() -> None:
    """Parse the command line; train and score each fold."""
    parser = run_arguments(__doc__, Path("checkpoints/folds"))
    parser.add_argument("--folds", type=int, nargs="+", default=list(range(FOLDS)))
    options = parser.parse_args()
    corpus = load_training(options.cache)
    embedder = Embedder.of_bundle(Path(ledg_rt.__file__).parent / "bundle")
    path = RESULTS / "folds.parquet"
    for number in options.folds:
        part = fold(corpus.samples, number)
        recipe = Recipe(
            minutes=options.minutes, head_minutes=options.head_minutes, seed=number, compiled=options.compile
        )
        data = LatencyData(part.train, corpus.graphs)
        model, _ = training.train(data, embedder, options.runs / f"fold-{number}", recipe)
        predictor = partial(predict_samples, model, embedder, graphs=corpus.graphs)
        rows = list(rows_of_fold(number, part, predictor, corpus.graphs))
        before = pq.read_table(path).to_pylist() if path.exists() else []
        kept = [row for row in before if row["fold"] != number]
        pq.write_table(pa.Table.from_pylist(kept + rows), path, compression="zstd")
        off = np.abs(np.expm1([row["log_ms"] - row["log_measured"] for row in rows]))
        print(
            f"fold {number}: {len(part.train)} rows, {len(rows)} scored, median APE {100 * np.median(off):.1f} %"
        )


if __name__ == "__main__":
    main()
