"""The table of measurements: rows, how drift is taken out of them, and the CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

REFERENCE = "resnet/18-224"
REFERENCE_FAMILY = "reference"


@dataclass(frozen=True)
class Measured:
    """A network on this machine.

    ``latency_ms`` = ``raw_ms`` / ``drift``: what the median of ``runs`` would have been had the machine been as fast as
    in the middle of the table. ``spread``: interquartile range of the runs over their median.
    """

    family: str
    graph_id: str
    latency_ms: float
    raw_ms: float
    runs: int
    spread: float
    drift: float
    machine: str


def corrected(rows: Sequence[Measured]) -> list[Measured]:
    """``rows`` in the order of measuring, with drift and latency.

    The drift of a reference is its latency over the median of all references; between two references it is
    interpolated by position.
    """
    at = [place for place, row in enumerate(rows) if row.family == REFERENCE_FAMILY]
    if not at:
        return list(rows)
    raw = np.array([rows[place].raw_ms for place in at])
    drift = np.interp(np.arange(len(rows)), at, raw / np.median(raw))
    return [
        replace(row, latency_ms=round(row.raw_ms / own, 6), drift=round(float(own), 5))
        for row, own in zip(rows, drift, strict=True)
    ]


def read(path: Path) -> list[Measured]:
    """Rows of a file in the order of measuring; none where there is no file."""
    if not path.exists():
        return []
    kinds = {field.name: {"str": str, "int": int, "float": float}[str(field.type)] for field in fields(Measured)}
    with path.open(encoding="utf-8", newline="") as stream:
        return [Measured(**{name: kinds[name](text) for name, text in line.items()}) for line in csv.DictReader(stream)]


def write(path: Path, rows: Sequence[Measured]) -> None:
    """Replace the file at once, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Measured)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    os.replace(beside, path)
