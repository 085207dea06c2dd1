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
WINDOW = 5
"""References whose median is the speed of the machine at the middle one."""


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

    One measurement of the reference is no more exact than one of any network, so that the reference's latency is the
    median of ``WINDOW`` neighbouring ones; drift is this over the median of all, interpolated by position between two.
    """
    at = [place for place, row in enumerate(rows) if row.family == REFERENCE_FAMILY]
    if not at:
        return list(rows)
    raw = np.array([rows[place].raw_ms for place in at])
    reach = WINDOW // 2
    level = [np.median(raw[max(0, place - reach) : place + reach + 1]) for place in range(len(raw))]
    drift = np.interp(np.arange(len(rows)), at, level / np.median(raw))
    return [
        replace(row, latency_ms=round(row.raw_ms / own, 6), drift=round(float(own), 5))
        for row, own in zip(rows, drift, strict=True)
    ]


def read(path: Path) -> list[Measured]:
    """Rows of a file in the order of measuring; none where there is no file."""
    if not path.exists():
        return []
    kinds = {
        field.name: {"str": str, "int": int, "float": float}[str(field.type)] for field in fields(Measured)
    }
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Measured(**{name: kinds[name](text) for name, text in line.items()})
            for line in csv.DictReader(stream)
        ]


def write(path: Path, rows: Sequence[Measured]) -> None:
    """Replace the file at once, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Measured)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    os.replace(beside, path)
