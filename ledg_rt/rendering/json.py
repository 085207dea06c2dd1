"""Rows as one JSON array, one row a line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TextIO

from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.results import Row, to_dict


def render(rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
    """Write the array once all rows are there, so that an interrupted run leaves no half of it.

    Only ASCII is written: paths that are not UTF-8 keep their bytes as lone surrogates.
    """
    lines = [dumps(row) for row in rows]
    stream.write("[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n")


def dumps(row: Row) -> str:
    """One row as JSON on one line of ASCII."""
    return json.dumps(to_dict(row), ensure_ascii=True, allow_nan=False)
