"""``MODEL_CARD.md`` from results: how far the shipped model is off, for whom, and what it is known to be bad at.

    python -m benchmarks.accuracy.model_card benchmarks/results/errors.parquet

Reads a table of errors, one row a held-out measurement (Parquet, or a JSON list of objects), with the columns

- ``kind``: of device: cpu, gpu, npu, dsp, tpu, fpga, mcu;
- ``source``: data set, as in ``ledg-export corpus stats``;
- ``family``: of the network, one across sources;
- ``evidence``: what training knew of the platform: ``known`` (the device), ``chip`` (the chip in another use) or
  ``unknown``;
- ``device`` and ``chip``: ids of the catalogue;
- ``ape``: absolute percentage error of p50, in percent;
- ``covered``: whether the measurement is within p10 and p90;

and, where they are there, ``sense.json``, ``free_text.json`` and ``calibration.json`` beside it. Every figure comes
from them or the manifest of the bundle; a slice is a known weakness by the rules of ``weaknesses``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import ledg_rt

SHIPPED = Path(ledg_rt.__file__).parent / "bundle"
CARD = "MODEL_CARD.md"
COLUMNS: Mapping[str, type | tuple[type, ...]] = {
    "kind": str, "source": str, "family": str, "evidence": str, "device": str, "chip": str, "ape": (int, float),
    "covered": bool,
}  # fmt: skip
SLICES = (
    ("evidence", "Evidence"),
    ("kind", "Kind of device"),
    ("source", "Source"),
    ("family", "Network family"),
)
LEAST_ROWS, LEAST_CHIPS = 200, 5
"""A slice has its coverage judged from so many rows on so many chips on."""

COVERAGE = (70.0, 90.0)
"""Percent of measurements in the 80 % interval that a slice should have."""

FAR_OFF = 2.0
"""A slice is a weakness if its median error is so many times that of all rows."""


@dataclass(frozen=True)
class Errors:
    """Rows of a slice as arrays: ``ape`` in percent, ``covered``, and the chips that they are of."""

    ape: np.ndarray[Any, np.dtype[np.float64]]
    covered: np.ndarray[Any, np.dtype[np.bool_]]
    chips: int

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]]) -> Errors:
        """The slice of ``rows``, at least one."""
        return cls(
            np.array([row["ape"] for row in rows], dtype=float), np.array([row["covered"] for row in rows]),
            len({row["chip"] for row in rows}),
        )  # fmt: skip

    @property
    def cells(self) -> tuple[str, ...]:
        """Rows, chips, median and mean error, share within 10 %, coverage."""
        return (
            str(len(self.ape)), str(self.chips), f"{np.median(self.ape):.1f}", f"{self.ape.mean():.1f}",
            f"{100 * (self.ape <= 10).mean():.1f}", f"{100 * self.covered.mean():.1f}",
        )  # fmt: skip


def read_errors(path: Path) -> list[dict[str, Any]]:
    """The rows of a table of errors.

    Raises:
        ValueError: a column is missing or of another type, an error is negative or not finite, or there is no row.
    """
    rows = (
        json.loads(path.read_text(encoding="utf-8"))
        if path.suffix == ".json"
        else pq.read_table(path).to_pylist()
    )
    if not rows:
        raise ValueError(f"{path}: no rows")
    for at, row in enumerate(rows):
        for column, kind in COLUMNS.items():
            if not isinstance(row.get(column), kind):
                raise ValueError(f"{path}: row {at}: {column} is {row.get(column)!r}")
        if not 0 <= row["ape"] < float("inf"):
            raise ValueError(f"{path}: row {at}: ape is {row['ape']!r}")
    return list(rows)


def slices(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, Errors]:
    """The slices of a column, the one with most rows first."""
    values: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        values.setdefault(row[column], []).append(row)
    ordered = sorted(values.items(), key=lambda item: (-len(item[1]), item[0]))
    return {value: Errors.of(members) for value, members in ordered}


def weaknesses(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on slices far off, and on those whose interval holds too rarely or too often."""
    found = []
    middle = float(np.median([row["ape"] for row in rows]))
    for column, heading in SLICES:
        for value, errors in slices(rows, column).items():
            if len(errors.ape) < LEAST_ROWS or errors.chips < LEAST_CHIPS:
                continue
            median, coverage = float(np.median(errors.ape)), float(100 * errors.covered.mean())
            where = f"{heading} {value}"
            if median > FAR_OFF * middle:
                found.append(
                    f"{where}: the median error is {median:.1f} %, {median / middle:.1f} times that of all rows."
                )
            if not COVERAGE[0] <= coverage <= COVERAGE[1]:
                verdict = "too narrow" if coverage < COVERAGE[0] else "too wide"
                found.append(
                    f"{where}: the 80 % interval holds {coverage:.1f} % of measurements; it is {verdict}."
                )
    return found


def render(rows: Sequence[Mapping[str, Any]], manifest: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """The text of the card.

    Args:
        rows: of ``read_errors``.
        manifest: of the bundle.
        results: ``sense``, ``free_text`` and ``calibration`` as their benchmarks write them, those that are there.
    """
    parts = [
        f"# {manifest['name']}",
        "Written by `python -m benchmarks.accuracy.model_card`; do not edit.",
        "## What it is",
        f"LeDG-Former with {manifest['parameters']:,} parameters for {len(manifest['devices'])} devices, trained on "
        + ", ".join(
            f"{count:,} measurements of {name}" for name, count in manifest["training"]["samples"].items()
        )
        + ".",
        "## Errors on held-out measurements",
        "They are those of models that each never saw a fifth of the chips, families and stacks, trained for a fraction of the bundle's time "
        "(`benchmarks.accuracy.folds`; more time was no better on one of them, see the log); the intervals come from the same models. "
        "APE: absolute percentage error of p50.",
        _table(("", *_HEADINGS), [("all", *Errors.of(rows).cells)]),
    ]
    for column, heading in SLICES:
        lines = [(value, *errors.cells) for value, errors in slices(rows, column).items()]
        parts += [f"### {heading}", _table((heading.lower(), *_HEADINGS), lines)]
    parts += ["## Known weaknesses", *_listed(weaknesses(rows))]
    parts += _others(results)
    return "\n\n".join(parts) + "\n"


_HEADINGS = ("rows", "chips", "median APE %", "MAPE %", "within 10 % %", "in p10-p90 %")


def _others(results: Mapping[str, Any]) -> list[str]:
    parts = []
    if sense := results.get("sense"):
        lines = [(row["kind"], str(row["pairs"]), f"{row['percent']:.1f}") for row in sense["rates"]]
        parts += ["## Sense", "Pairs that differ in one factor and are predicted in the wrong order:"]
        parts.append(_table(("factor raised", "pairs", "wrong %"), lines))
    if free_text := results.get("free_text"):
        parts += [
            "## Free text",
            f"On {len(free_text['phrasings'])} phrasings the median difference from the prediction for the catalogue id "
            f"is {free_text['median_percent']:.1f} %; one in ten is more than {free_text['p90_percent']:.1f} % away.",
        ]
    if calibration := results.get("calibration"):
        lines = [
            (str(row["count"]), str(row["chips"]), f"{row['median_ape']:.1f}", f"{row['coverage']:.1f}")
            for row in calibration
        ]
        parts += ["## Calibration", "New chips after measurements of one's own (`ledg calibrate`):"]
        parts.append(_table(("measurements", "chips", "median APE %", "in p10-p90 %"), lines))
    return parts


def _listed(sentences: Sequence[str]) -> list[str]:
    if not sentences:
        return [f"None of the slices with at least {LEAST_ROWS} rows on {LEAST_CHIPS} chips."]
    return ["\n".join(f"- {sentence}" for sentence in sentences)]


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Parse the command line and write the card into the bundle."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("errors", type=Path, help="table of errors, .parquet or .json")
    parser.add_argument("--bundle", type=Path, default=SHIPPED)
    parser.add_argument("-o", "--output", type=Path, help=f"instead of {CARD} in the bundle")
    options = parser.parse_args()
    manifest = json.loads((options.bundle / "manifest.json").read_text(encoding="utf-8"))
    beside = {
        name: options.errors.with_name(f"{name}.json") for name in ("sense", "free_text", "calibration")
    }
    results = {
        name: json.loads(path.read_text(encoding="utf-8")) for name, path in beside.items() if path.exists()
    }
    card = render(read_errors(options.errors), manifest, results)
    (options.output or options.bundle / CARD).write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
