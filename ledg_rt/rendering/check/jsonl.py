"""A report as JSON lines, a verdict each."""

from __future__ import annotations

import json
from typing import TextIO

from ledg_rt.budgets.report import Report, verdict_to_dict
from ledg_rt.rendering.style import PLAIN, Style


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the verdicts; suggestions are in the ``json`` form only."""
    for verdict in report.verdicts:
        stream.write(json.dumps(verdict_to_dict(verdict), ensure_ascii=True, allow_nan=False) + "\n")
