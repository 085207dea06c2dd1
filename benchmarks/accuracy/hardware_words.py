"""What of a description tells about hardware that was never met: its sentence, its figures, its labels.

    python -m benchmarks.accuracy.hardware_words --cache .cache/corpus --runs checkpoints/folds --folds 0

Takes the finished models of ``benchmarks.accuracy.folds``, finds their kin again from parts of the descriptions alone, and predicts
what the fold holds out: chips, and stacks of known chips. ``VARIANTS`` say which parts likeness may compare: the ``sentence`` of the
hardware (its embedding), the ``figures``, the ``labels`` (runtime, precision, kind, vendor, architecture and their like) and the
``names`` of chip and device. The sentence is the rich template's: maker, kind, architecture and the catalogue's name, no figure. Without labels
there are no rates of the runtime either. Whatever they compare, the head knows the platform's own peak and bandwidth and its precision; without any part a new
platform gets the mean of all vectors. ``HIDDEN`` are figures that the descriptions of new hardware do not give, to the head neither, with all parts compared. Writes ``benchmarks/results/hardware_words.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ledg_rt
from benchmarks.accuracy.folds import drawn, fold
from benchmarks.accuracy.latency import Predict, predict_samples
from benchmarks.accuracy.protocol import Row, timed, write
from benchmarks.accuracy.splits import chip_of
from benchmarks.accuracy.unseen import LEAST_GRAPHS, ape
from ledg_export.batches import LatencyData
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import Corpus, load_training
from ledg_export.kinship import fit_kin
from ledg_export.train import HEAD, embed_all, trained
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import PLATFORM_NUMBERS, PlatformEncoding
from ledg_rt.kinship import NO_NAME, Described, Kin, Told, Units
from ledg_rt.platforms import resolve
from ledg_rt.rates import NOTHING

PROTOCOL = "hardware_words"
PARTS = ("sentence", "figures", "labels", "names")
VARIANTS = {
    "all": PARTS,
    "without the sentence": ("figures", "labels", "names"),
    "without figures": ("sentence", "labels", "names"),
    "without labels": ("sentence", "figures", "names"),
    "without names": ("sentence", "figures", "labels"),
    "sentence alone": ("sentence",),
    "figures alone": ("figures",),
    "labels alone": ("labels",),
    "nothing": (),
}
HIDDEN = {
    "told without the peak": ("peak_gops",),
    "told without peak and bandwidth": ("peak_gops", "bandwidth_gbs"),
    "told no figure but peak, bandwidth and threads": ("memory_gb", "power_w", "cores", "clock_ghz", "process_nm", "year"),
    "told no figure but cores, clock and threads": ("peak_gops", "bandwidth_gbs", "memory_gb", "power_w", "process_nm", "year"),
    "told no figure but threads": ("peak_gops", "bandwidth_gbs", "memory_gb", "power_w", "cores", "clock_ghz", "process_nm", "year"),
}  # fmt: skip
"""Figures that a description does not give, by what it is called in the table."""
WORST = 150.0
"""Percent that a chip counts at most in a mean over chips."""


def compared(parts: Sequence[str]) -> type[Units]:
    """``Units`` in whose descriptions all platforms are equal but for ``parts``."""

    class Compared(Units):
        def describe(self, platforms: Sequence[PlatformEncoding], words: NDArray[np.float64]) -> Described:
            found = super().describe(platforms, words)
            if "sentence" not in parts:
                found = replace(found, words=np.zeros_like(found.words))
            if "figures" not in parts:
                found = replace(found, figures=np.zeros_like(found.figures), known=np.zeros_like(found.known))
            if "labels" not in parts:
                found = replace(found, traits=np.zeros_like(found.traits))
            if "names" not in parts:
                found = replace(found, names=np.full_like(found.names, NO_NAME))
            return found

    return Compared


@dataclass(frozen=True)
class Reticent(Kin):
    """Kin of new platforms whose descriptions do not give the figures in ``hidden``."""

    hidden: tuple[str, ...] = ()

    @classmethod
    def of(cls, kin: Kin, hidden: tuple[str, ...]) -> Reticent:
        """The same platforms."""
        return cls(**{field.name: getattr(kin, field.name) for field in fields(kin)}, hidden=hidden)

    def tell(self, platform: PlatformEncoding, words: NDArray[np.float32]) -> Told:
        """As of a platform that has none of the hidden figures."""
        own, numeric = platform.own.copy(), platform.numeric.copy()
        for column in map(PLATFORM_NUMBERS.index, self.hidden):
            own[[column, len(PLATFORM_NUMBERS) + column]] = numeric[
                [column, len(PLATFORM_NUMBERS) + column]
            ] = 0
        return super().tell(replace(platform, own=own, numeric=numeric), words)


def scored(held_out: str, samples: Sequence[Sample], predictor: Predict) -> Iterator[dict[str, Any]]:
    """A row a sample."""
    chosen = drawn(samples)
    for sample, (log_ms, _) in zip(chosen, predictor(chosen), strict=True):
        platform = resolve(sample.platform)
        yield {
            "held_out": held_out, "chip": chip_of(sample.platform), "graph": sample.graph_id,
            "figured": bool(platform.peak_gops and platform.bandwidth_gbs),
            "log_ms": float(log_ms), "log_measured": float(np.log(sample.latency_ms)),
        }  # fmt: skip


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[float, int]]:
    """Percent and number of chips or rows: median and mean over chips, with peak and bandwidth known and with one missing; median over rows of stacks."""
    of_chips: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["held_out"] == "chip":
            of_chips.setdefault(row["chip"], []).append(row)
    large = [part for part in of_chips.values() if len({row["graph"] for row in part}) >= LEAST_GRAPHS]
    off = np.array([np.median(ape(part)) for part in large])
    figured = np.array([np.mean([row["figured"] for row in part]) > 0.5 for part in large])
    found = {
        "chip, median": (float(np.median(off)), len(off)),
        "chip, mean": (float(np.minimum(off, WORST).mean()), len(off)),
    }
    for name, here in (("figures known", figured), ("a figure missing", ~figured)):
        if here.any():
            found[f"chip, {name}, mean"] = (float(np.minimum(off[here], WORST).mean()), int(here.sum()))
    stacks = [row for row in rows if row["held_out"] == "stack"]
    return found | ({"stack, median": (float(np.median(ape(stacks))), len(stacks))} if stacks else {})


def minutes_of(run: Path) -> list[float]:
    """Minutes of both phases of a finished run."""
    clocks = (
        max(folder.glob("checkpoint-*/clock.json"), key=lambda path: path.stat().st_mtime)
        for folder in (run, run / HEAD)
    )
    return [round(json.loads(clock.read_text())["seconds"] / 60, 1) for clock in clocks]


def rows_of_variants(
    corpus: Corpus, runs: Path, folds: Sequence[int], variants: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of ``scored`` of each variant over all ``folds``."""
    embedder = Embedder.of_bundle(Path(ledg_rt.__file__).parent / "bundle")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in variants}
    for number in folds:
        part = fold(corpus.samples, number)
        model, data = trained(runs / f"fold-{number}"), LatencyData(part.train, corpus.graphs)
        vocabulary, rates = embed_all(data.sentences(), embedder), model.rates
        for name in variants:
            parts = VARIANTS.get(name, PARTS)
            model.rates = rates if "labels" in parts else NOTHING
            kin = fit_kin(model, vocabulary, data, np.random.default_rng(number), units=compared(parts))
            model.kin = Reticent.of(kin, HIDDEN.get(name, ()))
            predictor = partial(predict_samples, model, embedder, graphs=corpus.graphs)
            for held_out in ("chip", "stack"):
                found[name] += scored(held_out, part.held_out[held_out], predictor)
    return found


def table(rows: Sequence[Row]) -> str:
    """Markdown: a variant a line."""
    counts = {row.metric: row.setting["of"] for row in rows}
    metrics = list(counts)
    heads = " | ".join(f"{metric} ({count})" for metric, count in counts.items())
    lines = [f"| likeness by | {heads} |", "|---|" + "---|" * len(metrics)]
    for name in dict.fromkeys(row.method for row in rows):
        of = {row.metric: row.mean for row in rows if row.method == name}
        lines.append(f"| {name} | {' | '.join(f'{of[metric]:.1f}' for metric in metrics)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, find kin, score, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--runs", type=Path, default=Path("checkpoints/folds"))
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--variants",
        nargs="+",
        choices=VARIANTS | HIDDEN,
        default=[*VARIANTS, *HIDDEN],
        help="others keep their rows",
    )
    options = parser.parse_args()
    corpus = load_training(options.cache)
    found, minutes = timed(partial(rows_of_variants, corpus, options.runs, options.folds, options.variants))
    trained_for = [minutes_of(options.runs / f"fold-{number}") for number in options.folds]
    rows = [
        Row.of(PROTOCOL, name, {"folds": options.folds, "trained_for": trained_for, "of": count}, metric, [value], "nothing", minutes)
        for name, scores in found.items() for metric, (value, count) in summary(scores).items()
    ]  # fmt: skip
    print(table(rows))
    write(PROTOCOL, rows, lambda row: row["method"] not in options.variants)


if __name__ == "__main__":
    main()
