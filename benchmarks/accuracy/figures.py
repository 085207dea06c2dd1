"""Measured latency against what the hardware's peaks allow, a figure for each source, coloured by kind of device.

    python -m benchmarks.accuracy.figures --cache .cache/corpus [--sources ncnn rknn]

Writes ``benchmarks/results/figures/SOURCE.svg`` and prints, for each source, how many rows are faster than the bound
(arithmetic at peak with Winograd's saving, or one reading of the weights) and how many are slower than a
thousand times the bound; the platforms of the former are named. ``README.md`` beside the figures explains them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.accuracy.latency import RESULTS, draw
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import built_sources, load
from ledg_rt.encoding import GraphEncoding, rebatch
from ledg_rt.platforms import resolve
from ledg_rt.platforms.device import KINDS
from ledg_rt.roofline import bound_from

FIGURES = RESULTS / "figures"
LIMIT = 2_500
"""Rows of a source that are looked at, drawn once by a fixed seed."""
POINTS = 600
"""Of these, what is drawn."""
SLOW = 1_000.0
COLOURS = dict(zip(KINDS, ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"), strict=True))  # fmt: skip
"""Colours that the colour-blind can tell apart (Okabe and Ito)."""


@dataclass(frozen=True)
class Cloud:
    """Rows of one source: ``bound`` and ``measured`` in ms, kinds of device and platform ids."""

    source: str
    bound: NDArray[np.float64]
    measured: NDArray[np.float64]
    kinds: NDArray[np.str_]
    platforms: NDArray[np.str_]
    silent: int
    """Rows without a bound: a figure of the device, or a shape of the graph, is not known."""

    @property
    def impossible(self) -> dict[str, int]:
        """Platforms that are faster than the bound, with the number of such rows."""
        return dict(Counter(self.platforms[self.measured < self.bound].tolist()).most_common())

    @property
    def slow(self) -> int:
        """Rows that take more than ``SLOW`` times the bound."""
        return int((self.measured > SLOW * self.bound).sum())


def cloud(source: str, samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> Cloud:
    """Bounds of ``samples`` at their batch sizes, inputs and outputs not counted: an encoding does not know them."""
    platforms = {name: resolve(name) for name in {sample.platform for sample in samples}}
    rows = []
    for sample in samples:
        encoding = rebatch(graphs[sample.graph_id], sample.batch)
        bound = bound_from(encoding, 0, platforms[sample.platform])
        if bound:
            rows.append((bound, sample.latency_ms, platforms[sample.platform].kind or "", sample.platform))
    columns = [np.array(column) for column in zip(*rows, strict=True)] or [np.array([])] * 4
    return Cloud(source, *columns, silent=len(samples) - len(rows))


def figure(points: Cloud) -> Figure:
    """Log-log axes, the bound as a line."""
    chosen = np.random.default_rng(0).permutation(len(points.bound))[:POINTS]
    drawn = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = drawn.add_subplot()
    for kind, colour in COLOURS.items():
        here = chosen[points.kinds[chosen] == kind]
        if len(here):
            axes.plot(
                points.bound[here], points.measured[here], ".", color=colour, markersize=3, alpha=0.6, label=kind
            )  # fmt: skip
    if len(points.bound):
        ends = np.array([points.bound.min(), max(points.bound.max(), points.measured.max())])
        axes.plot(ends, ends, color="0.5", linewidth=0.8, label="bound")
        axes.set(xscale="log", yscale="log")
        axes.legend(fontsize="small", frameon=False)
    axes.set(title=points.source, xlabel="bound, ms", ylabel="measured, ms")
    return drawn


def save(drawn: Figure, path: Path) -> None:
    """SVG, the same bytes each time; text stays text, so no font is looked for or stored."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": path.stem, "svg.fonttype": "none"}):
        drawn.savefig(path, metadata={"Date": None, "Creator": None})


def main() -> None:
    """Parse the command line, draw, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--sources", nargs="+", help="those to draw; all that were built without it")
    options = parser.parse_args()
    corpus = load(options.cache, options.sources or built_sources(options.cache))
    print(
        "| source | rows | without bound | below the bound | over 1,000 times | platforms below |\n|---|---|---|---|---|---|"
    )
    for source in sorted({sample.source for sample in corpus.samples}):
        rows = draw([sample for sample in corpus.samples if sample.source == source], LIMIT)
        points = cloud(source, rows, corpus.graphs)
        save(figure(points), FIGURES / f"{source}.svg")
        worst = ", ".join(f"{name} ({count})" for name, count in list(points.impossible.items())[:4])
        print(f"| {source} | {len(rows)} | {points.silent} | {sum(points.impossible.values())} | {points.slow} | {worst} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
