"""What the five models of ``benchmarks.accuracy.folds`` got wrong: tables, interval factors, errors of the model card.

    python -m benchmarks.accuracy.unseen

Reads ``benchmarks/results/folds.parquet``. Prints and writes ``unseen.json``: errors on new families of known devices, on known
chips with another runtime or precision, on new chips (beside the roofline, scaled by the median efficiency of its kind
of device on the chips of other folds, and the nearest known device) and on new chips after measurements of one's own. Writes ``intervals.json``, the
factors that the bundle ships, and ``errors.parquet``. Coverage is cross-conformal: the factors for a fold
come from the other four.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.accuracy.calibration import Predicted, measure
from benchmarks.accuracy.calibration import table as calibration_table
from benchmarks.accuracy.latency import RESULTS
from benchmarks.accuracy.model_card import LEAST_CHIPS, LEAST_ROWS
from ledg_rt.evidence import EVIDENCE
from ledg_rt.metrics import spearman

INSIDE = 0.8
LEAST_GRAPHS = 10
ALL = "all"

Rows = Sequence[dict[str, Any]]
Factors = dict[str, dict[str, float]]


def factors(rows: Rows) -> Factors:
    """Half width of the 80 % interval over the predicted spread: evidence -> kind of device, or ``all`` -> factor.

    Where an evidence has no rows, those of all count; a kind has its own from ``LEAST_ROWS`` on ``LEAST_CHIPS`` on.
    """
    found: Factors = {}
    for kind in EVIDENCE:
        here = [row for row in rows if row["evidence"] == kind] or rows
        found[kind] = {ALL: _factor(here)}
        for device in sorted({row["kind"] for row in here}):
            part = [row for row in here if row["kind"] == device]
            if len(part) >= LEAST_ROWS and len({row["chip"] for row in part}) >= LEAST_CHIPS:
                found[kind][device] = _factor(part)
    return found


def _factor(rows: Rows) -> float:
    return float(np.quantile([_off(row) / np.exp(row["log_spread"]) for row in rows], INSIDE))


def _off(row: dict[str, Any]) -> float:
    return abs(float(row["log_ms"] - row["log_measured"]))


def covered(rows: Rows) -> list[bool]:
    """Whether each measurement is in its interval, by factors from the other folds."""
    own = {
        number: factors([row for row in rows if row["fold"] != number])
        for number in {row["fold"] for row in rows}
    }
    return [_off(row) <= _width(row, own[row["fold"]]) for row in rows]


def _width(row: dict[str, Any], found: Factors) -> float:
    here = found[row["evidence"]]
    return here.get(row["kind"], here[ALL]) * float(np.exp(row["log_spread"]))


def ape(rows: Rows, column: str = "log_ms") -> NDArray[np.float64]:
    """Absolute percentage errors of the rows where ``column`` says something."""
    off = [row[column] - row["log_measured"] for row in rows if row[column] is not None]
    return 100 * np.abs(np.expm1(np.array(off, dtype=float)))


def new_families(rows: Rows) -> dict[str, float]:
    """Source -> median APE of new families on known devices."""
    here = [row for row in rows if row["held_out"] == "family" and row["evidence"] == "known"]
    return {source: float(np.median(ape(part))) for source, part in _by(here, "source").items()}


def new_chips(rows: Rows, column: str) -> dict[str, Any]:
    """Medians over chips, and over (source, chip) pairs, with ``LEAST_GRAPHS`` networks that ``column`` predicts."""
    here = [row for row in rows if row["held_out"] == "chip" and row[column] is not None]
    chips = [part for part in _by(here, "chip").values() if _graphs(part) >= LEAST_GRAPHS]
    pairs = [part for part in _by(here, "source", "chip").values() if _graphs(part) >= LEAST_GRAPHS]
    # A prediction that is the same for all networks ranks nothing.
    ranks = [
        spearman([row[column] for row in part], [row["log_measured"] for row in part]) or 0.0
        for part in pairs
    ]
    return {
        "chips": len(chips), "median_ape": float(np.median([np.median(ape(part, column)) for part in chips])),
        "pairs": len(pairs), "spearman": float(np.median(ranks)),
    }  # fmt: skip


def with_efficiency(rows: Rows) -> list[dict[str, Any]]:
    """``roofline`` times the median of measured over roofline, of the same kind of device on the new chips of other folds."""
    found = [dict(row) for row in rows]
    held = [row for row in found if row["held_out"] == "chip" and row["roofline"] is not None]
    for (number, kind), part in _by(held, "fold", "kind").items():
        others = [row for row in held if row["fold"] != number]
        alike = [row for row in others if row["kind"] == kind] or others
        shift = float(np.median([row["log_measured"] - row["roofline"] for row in alike])) if alike else 0.0
        for row in part:
            row["scaled"] = row["roofline"] + shift
    return [row | {"roofline": row.get("scaled")} if row["held_out"] == "chip" else row for row in found]


def coverage(rows: Rows, inside: Sequence[bool]) -> list[dict[str, Any]]:
    """Percent of all rows, of each evidence and of each kind of device that are in the interval."""
    marked = [row | {"inside": value} for row, value in zip(rows, inside, strict=True)]
    parts = {("all", "all"): marked}
    for column in ("evidence", "kind"):
        parts |= {(column, str(value)): part for value, part in _by(marked, column).items()}
    return [
        {
            "of": of, "value": value, "rows": len(part), "chips": len({row["chip"] for row in part}),
            "percent": float(100 * np.mean([row["inside"] for row in part])),
        }
        for (of, value), part in parts.items()
    ]  # fmt: skip


def _by(rows: Rows, *columns: str) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[columns[0]] if len(columns) == 1 else tuple(row[column] for column in columns)].append(row)
    return dict(sorted(found.items()))


def _graphs(rows: Rows) -> int:
    return len({row["graph"] for row in rows})


def errors(rows: Rows, inside: Sequence[bool]) -> list[dict[str, Any]]:
    """The columns of ``benchmarks.accuracy.model_card``."""
    kept = ("kind", "source", "family", "evidence", "device", "chip")
    return [
        {name: row[name] for name in kept} | {"ape": float(off), "covered": value}
        for row, value, off in zip(rows, inside, ape(rows), strict=True)
    ]


def after_measurements(rows: Rows) -> list[dict[str, Any]]:
    """Errors on new chips after 0 to 50 measurements; the intervals that they start from are those of other folds."""
    found: list[Predicted] = []
    for number, part in _by([row for row in rows if row["held_out"] == "chip"], "fold").items():
        own = factors([row for row in rows if row["fold"] != number])
        found += [
            Predicted(row["source"], row["platform"], row["log_ms"], _width(row, own), row["log_intensity"], row["log_measured"])
            for row in part
        ]  # fmt: skip
    return [asdict(result) for result in measure(found)]


def main() -> None:
    """Read, print, write."""
    rows = with_efficiency(pq.read_table(RESULTS / "folds.parquet").to_pylist())
    inside = covered(rows)
    families = new_families(rows)
    stacks = [row for row in rows if row["held_out"] == "stack"]
    chips = {name: new_chips(rows, column) for name, column in (("ledg", "log_ms"), ("roofline", "roofline"), ("nearest", "nearest"))}  # fmt: skip
    table = {
        "rows": len(rows), "folds": sorted({row["fold"] for row in rows}),
        "new_family": {"median_of_sources": float(np.median(list(families.values()))), "sources": families},
        "new_stack": {"rows": len(stacks), "median_ape": float(np.median(ape(stacks)))},
        "new_chip": chips, "coverage": coverage(rows, inside),
    }  # fmt: skip
    calibrated = after_measurements(rows)
    _write("unseen.json", table)
    _write("calibration.json", calibrated)
    _write("intervals.json", factors(rows))
    pq.write_table(pa.Table.from_pylist(errors(rows, inside)), RESULTS / "errors.parquet", compression="zstd")
    print(text(table))
    print(calibration_table(calibrated))


def text(table: dict[str, Any]) -> str:
    """Markdown."""
    family = table["new_family"]
    lines = ["| new family, known device: source | median APE % |", "|---|---|"]
    lines += [f"| {source} | {value:.1f} |" for source, value in family["sources"].items()]
    lines += [f"| median of sources | {family['median_of_sources']:.1f} |", ""]
    lines += [f"New runtime or precision on a known chip: {table['new_stack']['rows']} rows, median APE {table['new_stack']['median_ape']:.1f} %", ""]  # fmt: skip
    lines += ["| new chip | chips | median APE % | pairs | Spearman |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {row['chips']} | {row['median_ape']:.1f} | {row['pairs']} | {row['spearman']:.3f} |"
        for name, row in table["new_chip"].items()
    ]
    lines += ["", "| 80 % interval | rows | chips | inside % |", "|---|---|---|---|"]
    lines += [
        f"| {row['of']}: {row['value']} | {row['rows']} | {row['chips']} | {row['percent']:.1f} |"
        for row in table["coverage"]
    ]
    return "\n".join(lines) + "\n"


def _write(name: str, value: Any) -> None:
    (RESULTS / name).write_text(json.dumps(value, indent=1) + "\n")


if __name__ == "__main__":
    main()
