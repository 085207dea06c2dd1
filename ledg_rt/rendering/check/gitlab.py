"""A report as a GitLab code quality report: a JSON array of issues."""

from __future__ import annotations

import json
from typing import Any, TextIO

from ledg_rt.budgets.report import Report
from ledg_rt.budgets.verdicts import Outcome, Verdict
from ledg_rt.rendering.check import words
from ledg_rt.rendering.check.sarif import fingerprint, rules_of
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible

_SEVERITIES = {Outcome.UNREADABLE: "blocker", Outcome.FAILED: "major", Outcome.WARNED: "minor"}


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write an issue for each reason of each broken budget; an empty array where all are kept."""
    issues = [
        _issue(verdict, rule)
        for verdict in report.verdicts
        if verdict.outcome in _SEVERITIES
        for rule in rules_of(verdict)
    ]
    stream.write(json.dumps(issues, indent=1, ensure_ascii=True, allow_nan=False) + "\n")


def _issue(verdict: Verdict, rule: str) -> dict[str, Any]:
    sentences = [f"on {verdict.case.platform}", *words.reasons(verdict), *words.nodes(verdict)]
    return {
        "description": visible(f"{words.title(verdict)} {'; '.join(sentences)}"),
        "check_name": f"ledg/{rule}",
        "fingerprint": fingerprint(verdict, rule),
        "severity": _SEVERITIES[verdict.outcome],
        "location": {"path": visible(words.path(verdict)), "lines": {"begin": 1}},
    }
