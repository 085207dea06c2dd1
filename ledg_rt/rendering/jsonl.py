"""Rows as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from ledg_rt.rendering.json import dumps
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.results import Row


def render(rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
    """Write each row when it comes, as one whole line: what is there after an interruption is valid."""
    for row in rows:
        stream.write(dumps(row) + "\n")
        stream.flush()
