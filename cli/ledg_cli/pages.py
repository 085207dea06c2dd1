"""Short tables and JSON objects that are not rows, for ``platforms`` and ``doctor``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ledg_cli.output import destination
from ledg_rt.rendering.text import pad, visible, width_of


def write_json(page: Any) -> None:
    """Write a JSON document to stdout, ASCII only."""
    with destination(None) as stream:
        stream.write(json.dumps(page, indent=2, ensure_ascii=True, allow_nan=False) + "\n")


def write_table(lines: Sequence[Sequence[str]]) -> None:
    """Write lines of cells to stdout, aligned; foreign text is made harmless."""
    table = [[visible(cell) for cell in line] for line in lines]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    with destination(None) as stream:
        for line in table:
            stream.write("  ".join(map(pad, line, widths)).rstrip() + "\n")
