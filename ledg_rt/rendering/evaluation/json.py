"""An evaluation as one JSON object: figures, the worst comparisons, and all of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, TextIO

from ledg_rt.evaluation import Comparison, Evaluation, Summary
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.results import four_digits, tool_version

SCHEMA_VERSION = 1


def render(evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
    """Write it once all is there. Figures are in percent but ``spearman``; only ASCII is written."""
    page = {
        "schema_version": SCHEMA_VERSION,
        "tool_version": tool_version(),
        "summaries": [_summary(summary) for summary in evaluation.summaries],
        "worst": [to_dict(found) for found in evaluation.worst],
        "comparisons": [to_dict(found) for found in evaluation.comparisons],
    }
    stream.write(json.dumps(page, indent=1, ensure_ascii=True, allow_nan=False) + "\n")


def to_dict(found: Comparison) -> dict[str, Any]:
    """The JSON form of a comparison, floats to four significant digits."""
    table = asdict(found)
    del table["log_intensity"]  # calibration's, not the reader's
    table["flags"], error = list(found.flags), table.pop("error")
    return _rounded({**table, "error_percent": found.error_percent, "covered": found.covered, "error": error})


def _summary(summary: Summary) -> dict[str, Any]:
    return _rounded({"platform": summary.platform, **asdict(summary.accuracy), "coverage": summary.coverage})


def _rounded(table: dict[str, Any]) -> dict[str, Any]:
    return {
        key: four_digits(value) if isinstance(value, float) else _rounded(value) if isinstance(value, dict) else value
        for key, value in table.items()
    }  # fmt: skip
