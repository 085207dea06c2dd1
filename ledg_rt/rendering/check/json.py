"""A report as one JSON document."""

from __future__ import annotations

import json
from typing import TextIO

from ledg_rt.budgets.report import Report, report_to_dict
from ledg_rt.rendering.style import PLAIN, Style


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write ASCII: paths that are not UTF-8 keep their bytes as lone surrogates."""
    stream.write(json.dumps(report_to_dict(report), indent=1, ensure_ascii=True, allow_nan=False) + "\n")
