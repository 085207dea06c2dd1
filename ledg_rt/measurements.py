"""Measured latencies of one's own as a CSV table: what a user's spreadsheet or script writes.

Columns: ``model`` (path of an .onnx file, relative to the table), one of ``latency_ms``, ``latency_us``,
``latency_s`` (the median of one run of the whole batch), and where there are several, ``platform`` and ``batch``.
Others are left alone. A faulty line is a fault of its own; the others go on.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path

from ledg_rt.errors import LedgError

MAX_BYTES = 16 * 2**20
MAX_LINES = 100_000
RANGE_MS = (1e-6, 1e9)
"""Latencies that some network on some hardware could have."""

UNITS: Mapping[str, float] = {"latency_ms": 1.0, "latency_us": 1e-3, "latency_s": 1e3}
"""Columns of latencies, and milliseconds in their unit."""

_SAMPLE = "a table begins with e.g. `model,latency_ms`"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


class LineCode(StrEnum):
    """Why a line of a table says nothing; each is explained in docs/errors.md."""

    BAD_LINE = "bad_line"
    NO_MODEL = "no_model"
    BAD_LATENCY = "bad_latency"
    BAD_BATCH = "bad_batch"
    BAD_PLATFORM = "bad_platform"
    DUPLICATE_LINE = "duplicate_line"
    OTHER_BATCH = "other_batch"


class LineError(LedgError):
    """A line of a table that cannot be used; its code is a ``LineCode``."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured latency. ``model``: a path that can be opened from here; ``batch`` and ``platform`` are
    ``None`` where the table does not say; ``line``: where it is in the table, from 1.
    """

    line: int
    model: str
    latency_ms: float
    platform: str | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be used, and what it names as its model."""

    line: int
    model: str
    error: LineError


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of a table: those that can be used and those that cannot, each in their order."""

    measurements: tuple[Measurement, ...]
    faults: tuple[Fault, ...]


def read_measurements(path: str | os.PathLike[str]) -> Table:
    """Read a table: comma, semicolon or tab between the cells, UTF-8 with or without a byte order mark.

    Where cells are not separated by commas, a comma is read as a decimal point.

    Raises:
        LedgError: no such file, another encoding, too large, no lines, a column missing or named twice, or no
            unit to the latency.
    """
    text = _text(Path(path))
    header = next((line for line in StringIO(text, newline="") if line.strip()), "")
    if not header:
        raise LedgError("usage", f"{path}: the table is empty", _SAMPLE)
    delimiter = max(",;\t", key=header.count)
    lines = _lines(text, delimiter, str(path))
    names = [name.strip().lower() for name in next(lines)[1]]
    columns = _columns(names, str(path))
    measurements: list[Measurement] = []
    faults: list[Fault] = []
    seen: dict[tuple[str, str | None, int | None], int] = {}
    for line, cells in lines:
        row = {column: cells[at].strip() if at < len(cells) else "" for column, at in columns.items()}
        try:
            if len(cells) > len(names) and any(cell.strip() for cell in cells[len(names) :]):
                raise LineError(
                    LineCode.BAD_LINE, f"{len(cells)} cells where the header has {len(names)}",
                    "quote cells that hold the separator",
                )  # fmt: skip
            found = _measurement(line, row, os.path.dirname(path), decimal_comma=delimiter != ",")
            key = (os.path.normpath(found.model), found.platform, found.batch)
            if key in seen:
                raise LineError(
                    LineCode.DUPLICATE_LINE, f"repeats the measurement of line {seen[key]}",
                    "give one median a model, platform and batch",
                )  # fmt: skip
        except LineError as error:
            faults.append(Fault(line, row["model"], error))
        else:
            seen[key] = line
            measurements.append(found)
    return Table(tuple(measurements), tuple(faults))


def only_platform(measurements: Sequence[Measurement], where: str) -> None:
    """Check that no two platforms are mixed, where one is given for all.

    Raises:
        LedgError: they are.
    """
    names = {measurement.platform for measurement in measurements if measurement.platform}
    if len(names) > 1:
        raise LedgError(
            "usage", f"{where}: has measurements of {len(names)} platforms, --platform names one for all",
            "keep the lines of one platform",
        )  # fmt: skip


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LedgError("usage", f"{path}: cannot be read: {reason}", "check the path") from None
    if len(data) > MAX_BYTES:
        raise LedgError(
            "usage", f"{path}: larger than {MAX_BYTES // 2**20} MB", "is this a table of latencies?"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LedgError("usage", f"{path}: is not UTF-8 text", "save the table as CSV in UTF-8") from None


def _columns(names: Sequence[str], path: str) -> dict[str, int]:
    """Position of each column that is read, the latency under its own name."""
    wanted = ("model", *UNITS, "platform", "batch")
    if twice := next((name for name in wanted if names.count(name) > 1), None):
        raise LedgError("usage", f"{path}: the column {twice!r} is there twice", "keep one of them")
    columns = {name: names.index(name) for name in wanted if name in names}
    if "model" not in columns:
        raise LedgError("usage", f"{path}: no column 'model' among {', '.join(names)[:200]}", _SAMPLE)
    units = [name for name in UNITS if name in columns]
    if len(units) > 1:
        raise LedgError("usage", f"{path}: both {units[0]} and {units[1]}", "keep one of them")
    if not units:
        near = next((name for name in names if re.search(r"latency|time|(^|\W)ms\b", name)), None)
        raise LedgError(
            "usage", f"{path}: no column 'latency_ms' among {', '.join(names)[:200]}",
            f"name {near!r} by its unit: {', '.join(UNITS)}" if near else _SAMPLE,
        )  # fmt: skip
    return columns


def _lines(text: str, delimiter: str, path: str) -> Iterator[tuple[int, list[str]]]:
    """Line number, from 1, and cells of each line that is not blank."""
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for count, cells in enumerate(reader):
            if count > MAX_LINES:
                raise LedgError("usage", f"{path}: more than {MAX_LINES} lines", "split the table")
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise LedgError("usage", f"{path}: line {line} is not CSV: {error}", "check its quotes") from None


def _measurement(line: int, row: Mapping[str, str], folder: str, *, decimal_comma: bool) -> Measurement:
    if not row["model"]:
        raise LineError(LineCode.NO_MODEL, "no model is named", "give the path of its .onnx file")
    unit = next(name for name in UNITS if name in row)
    text = row[unit].replace(",", ".") if decimal_comma else row[unit]
    if not _NUMBER.fullmatch(text):
        raise LineError(
            LineCode.BAD_LATENCY, f"{unit} {row[unit]!r} is not a number",
            "write digits and a decimal point; the unit belongs to the name of the column",
        )  # fmt: skip
    latency_ms = float(text) * UNITS[unit]
    if not RANGE_MS[0] <= latency_ms <= RANGE_MS[1]:
        raise LineError(
            LineCode.BAD_LATENCY,
            f"{unit} {row[unit]} is no latency",
            "it is positive; leave out runs that failed",
        )
    batch = row.get("batch", "")
    if batch and not (batch.isascii() and batch.isdigit() and len(batch) < 10 and int(batch)):
        raise LineError(LineCode.BAD_BATCH, f"batch {batch!r} is not a count of samples", "write e.g. 1")
    return Measurement(
        line=line, model=os.path.join(folder, row["model"]), latency_ms=latency_ms,
        platform=row.get("platform") or None, batch=int(batch) if batch else None,
    )  # fmt: skip
