"""A comparison as CSV with a header, a difference a line."""

from __future__ import annotations

import csv
from typing import TextIO

from ledg_rt.comparison import Comparison, difference_to_dict
from ledg_rt.rendering.csv import cell
from ledg_rt.rendering.style import PLAIN, Style

COLUMNS = ("kind", "model", "platform", "base_ms", "head_ms", "change_ms", "change_percent")


def render(comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the columns of ``COLUMNS``; what is not known is an empty cell."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for item in comparison.differences:
        names = {"model": item.row.model.path, "platform": item.row.platform.text}
        values = {**difference_to_dict(item), **names}
        writer.writerow({name: "" if values[name] is None else cell(values[name]) for name in COLUMNS})
