"""Rows as CSV with a header: the keys of the JSON form, joined by dots."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible
from ledg_rt.results import Row, to_dict

COLUMNS = (
    "schema_version", "tool_version", "bundle.name", "bundle.sha256", "model.path", "model.bytes",
    "model.graph_sha256", "model.nodes", "model.macs", "model.weight_bytes", "model.unknown_ops",
    "model.coverage", "platform.id", "platform.text", "platform.sha256", "mode", "batch", "precision",
    "threads", "latency_ms.p10", "latency_ms.p50", "latency_ms.p90", "roofline_ms", "bound_ms", "flags",
    "status", "error.code", "error.message", "error.hint",
)  # fmt: skip

_FORMULA = tuple("=+-@＝＋－＠")


def render(rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
    r"""Write each row when it comes. ``null`` is an empty cell; lists are joined by spaces.

    Control characters are written as ``\xNN``, so that a row is a line, and text that a spreadsheet
    would take for a formula gets a leading ``'``. The JSON formats have all names as they are.
    """
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: cell(value) for name, value in flat(to_dict(row))})
        stream.flush()


def flat(table: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    """Names of columns, and values but ``None``, of nested tables."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{head}{key}.")
        elif value is not None:
            yield head + key, value


def cell(value: Any) -> Any:
    """A value as a cell that no spreadsheet takes for a formula and no reader for a second line."""
    if isinstance(value, list):
        value = " ".join(_item(item) for item in value)
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def _item(item: Any) -> str:
    return item if isinstance(item, str) else f"{item['domain']}:{item['op']}:{item['count']}"
