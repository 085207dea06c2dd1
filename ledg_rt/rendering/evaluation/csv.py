"""The comparisons of an evaluation as CSV with a header."""

from __future__ import annotations

import csv
from typing import TextIO

from ledg_rt.evaluation import Evaluation
from ledg_rt.rendering.csv import cell, flat
from ledg_rt.rendering.evaluation.json import to_dict
from ledg_rt.rendering.style import PLAIN, Style

COLUMNS = (
    "line", "model", "platform", "batch", "measured_ms", "latency_ms.p10", "latency_ms.p50", "latency_ms.p90",
    "flags", "error_percent", "covered", "error.code", "error.message", "error.hint",
)  # fmt: skip


def render(evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
    """Write one line a comparison; names are changed as in the CSV of rows."""
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for found in evaluation.comparisons:
        writer.writerow({name: cell(value) for name, value in flat(to_dict(found))})
