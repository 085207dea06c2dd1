"""The bar: gradient boosting on totals within each source, cross-validated by graph family and by chip.

    python -m benchmarks.accuracy.sanity --cache .cache/corpus [--sources ncnn rknn]

Groups are dealt into six parts of similar size. The first part chooses among ``TRIALS`` random settings and is
never scored; each of the others is predicted by a model that was trained on all parts but it. A source of one
family is grouped by isomorphism class. Writes ``benchmarks/results/sanity.json`` and the page ``SANITY.md``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.baselines import TRIALS, Rows, Totals, best_trial, boosting
from benchmarks.accuracy.latency import RESULTS, draw, rows_of
from benchmarks.accuracy.splits import chip_of
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import built_sources, load
from ledg_rt.encoding import GraphEncoding
from ledg_rt.metrics import accuracy

PAGE = Path(__file__).with_name("SANITY.md")
PARTS = 6
LIMIT = 3_000
"""Rows of a source, drawn once by a fixed seed."""


def groupings(samples: Sequence[Sample]) -> dict[str, list[str]]:
    """Name of a grouping -> group of each sample."""
    families = [sample.family for sample in samples]
    alone = len(set(families)) == 1
    return {
        "isomorphism class" if alone else "family": [s.isomorphism for s in samples] if alone else families,
        "chip": [chip_of(sample.platform) for sample in samples],
    }


def deal(groups: Sequence[str], parts: int = PARTS) -> NDArray[np.int64]:
    """A part for each row: whole groups, the largest first, each to the part that has the fewest rows."""
    filled = [0] * parts
    part: dict[str, int] = {}
    for group, count in sorted(Counter(groups).items(), key=lambda item: (-item[1], item[0])):
        part[group] = int(np.argmin(filled))
        filled[part[group]] += count
    return np.array([part[group] for group in groups])


def cross_validated(rows: Rows, groups: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Log milliseconds of each row by a model that saw none of its group, and which rows were scored."""
    part = deal(groups, min(PARTS, len(set(groups))))
    fit = boosting(Totals())
    trial, _ = best_trial(fit, some(rows, part != 0), some(rows, part == 0))
    predicted = np.zeros(len(part))
    for fold in range(1, part.max() + 1):
        model = fit(np.random.default_rng((0, trial)), some(rows, part != fold))
        predicted[part == fold] = model(some(rows, part == fold))
    return predicted, part > 0


def some(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    """The chosen ones."""
    at = np.flatnonzero(chosen)
    return replace(
        rows, graphs=[rows.graphs[i] for i in at], platforms=[rows.platforms[i] for i in at], log_ms=rows.log_ms[at]
    )  # fmt: skip


def bars(
    samples: Sequence[Sample],
    graphs: Mapping[str, GraphEncoding],
    report: Callable[[dict[str, Any]], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """A result a source and grouping; ``report`` gets each as it is there."""
    found: list[dict[str, Any]] = []
    for source in sorted({sample.source for sample in samples}):
        drawn = draw([sample for sample in samples if sample.source == source], LIMIT)
        rows = rows_of(drawn, graphs)
        for grouping, groups in groupings(drawn).items():
            result: dict[str, Any] = {
                "protocol": "sanity", "source": source, "grouping": grouping, "groups": len(set(groups)),
                "rows": len(drawn), "method": "boosting", "selected_on": "a part of the groups that is not scored",
            }  # fmt: skip
            # Two groups to train on and one to choose by are the least.
            if len(set(groups)) >= 3:
                log_ms, scored = cross_validated(rows, groups)
                figures = accuracy(np.exp(log_ms[scored]), np.exp(rows.log_ms[scored]), rows.names[scored].tolist())  # fmt: skip
                result |= asdict(figures)
            found.append(result)
            report(result)
    return found


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown."""
    head = f"""# What totals alone can do

Gradient boosting on the totals of a graph and the numbers of a platform, within each source: the bar that
LeDG-Former has to beat. At most {LIMIT:,} rows a source; groups are dealt into {PARTS} parts, the first of which chooses
among {TRIALS} random settings and is not scored; every other part is predicted by a model that saw none of its groups.
A dash: fewer than three groups. On a new chip what the boosting knows of a platform, its mean residual, is missing. Made by `python -m benchmarks.accuracy.sanity`.

"""
    return head + table(results) + "\n"


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """A line a result."""
    lines = [
        "| source | new | groups | scored rows | MAPE % | median APE % | Acc(10%) % | Spearman |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in results:
        cells = ["-"] * 5
        if "mape" in row:
            rho = "-" if row["spearman"] is None else f"{row['spearman']:.3f}"
            cells = [str(row["count"]), *(f"{row[key]:.1f}" for key in ("mape", "median_ape", "acc10")), rho]
        lines.append(f"| {' | '.join((row['source'], row['grouping'], str(row['groups']), *cells))} |")
    return "\n".join(lines)


def beside(found: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """``found`` in place of what ``before`` has of its sources, ordered by source."""
    new = {result["source"] for result in found}
    kept = [result for result in before if result["source"] not in new]
    return sorted([*kept, *found], key=lambda result: result["source"])


def main() -> None:
    """Parse the command line, fit, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cache", type=Path, default=Path(".cache/corpus"))
    parser.add_argument("--sources", nargs="+", help="those to fit; the others keep their rows")
    options = parser.parse_args()
    corpus = load(options.cache, options.sources or built_sources(options.cache))
    found = bars(corpus.samples, corpus.graphs, lambda result: print(table([result]).splitlines()[-1], flush=True))  # fmt: skip
    results = (
        found if options.sources is None else beside(found, json.loads((RESULTS / "sanity.json").read_text()))
    )
    (RESULTS / "sanity.json").write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(results))


if __name__ == "__main__":
    main()
