"""A report as SARIF 2.1.0, the format of code scanning."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, TextIO
from urllib.parse import quote

from ledg_rt.budgets.report import Report
from ledg_rt.budgets.verdicts import Kind, Outcome, Verdict
from ledg_rt.rendering.check import words
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible
from ledg_rt.results import tool_version

UNREADABLE, PARTIAL = "unreadable", "partial"
RULES = {
    str(Kind.LIMIT): "The predicted latency is above the limit of a budget.",
    str(Kind.MAX_INCREASE): "The predicted latency rose by more than a budget allows.",
    str(Kind.UNKNOWN_OPS): "The prediction does not cover the whole graph, and the budget asks for that.",
    UNREADABLE: "The model could not be read, so its budget was not judged.",
    PARTIAL: "The prediction does not cover the whole graph.",
}
"""What a result is about, by the id of its rule."""

_LEVELS = {Outcome.UNREADABLE: "error", Outcome.FAILED: "error", Outcome.WARNED: "warning"}


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write a log of one run; a result for each reason of each broken budget."""
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    driver = {"name": "ledg", "semanticVersion": tool_version(), "rules": rules}
    results = [
        _result(verdict, rule)
        for verdict in report.verdicts
        if verdict.outcome in _LEVELS
        for rule in rules_of(verdict)
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    stream.write(json.dumps(log, indent=1, ensure_ascii=True, allow_nan=False) + "\n")


def rules_of(verdict: Verdict) -> list[str]:
    """The rules that a broken verdict is a result of, at least one."""
    if verdict.outcome is Outcome.UNREADABLE:
        return [UNREADABLE]
    return [str(breach.kind) for breach in verdict.breaches] or [PARTIAL]


def fingerprint(verdict: Verdict, rule: str) -> str:
    """The same for the same budget, model and platform in the next run, whatever the numbers."""
    parts = (rule, verdict.case.budget.name, verdict.case.platform, verdict.case.model)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _result(verdict: Verdict, rule: str) -> dict[str, Any]:
    sentences = [*words.reasons(verdict), *words.nodes(verdict)]
    uri = quote(os.fsencode(words.path(verdict).replace(os.sep, "/")))
    return {
        "ruleId": rule,
        "ruleIndex": list(RULES).index(rule),
        "level": _LEVELS[verdict.outcome],
        "message": {
            "text": visible(f"{words.title(verdict)} on {verdict.case.platform}: {'; '.join(sentences)}")
        },
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}}],
        "partialFingerprints": {"ledgBudget/v1": fingerprint(verdict, rule)},
    }
