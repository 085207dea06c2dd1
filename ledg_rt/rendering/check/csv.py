"""A report as CSV with a header, a verdict a line."""

from __future__ import annotations

import csv
from typing import Any, TextIO

from ledg_rt.budgets.report import Report, verdict_to_dict
from ledg_rt.budgets.verdicts import Verdict
from ledg_rt.rendering.csv import cell
from ledg_rt.rendering.style import PLAIN, Style

COLUMNS = (
    "outcome", "budget", "platform", "model", "level", "basis", "limit_ms", "max_increase_percent", "found_ms", "base_ms",
    "change_percent", "breaches", "notes", "nodes", "changed_nodes", "flags", "error",
)  # fmt: skip


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the columns of ``COLUMNS``; ``null`` is an empty cell, lists are joined by spaces."""
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for verdict in report.verdicts:
        writer.writerow({name: cell(value) for name, value in _line(verdict).items()})


def _line(verdict: Verdict) -> dict[str, Any]:
    table, row = verdict_to_dict(verdict), verdict.case.answer.row
    lists = {
        "model": row.model.path,
        "breaches": [str(breach.kind) for breach in verdict.breaches],
        "nodes": [node.name for node in verdict.nodes],
        "changed_nodes": [node.name for node in verdict.changed_nodes],
        "flags": list(row.flags),
        "error": row.error.code if row.error else None,
    }
    values = {**table, **lists}
    return {name: "" if values[name] is None else values[name] for name in COLUMNS}
