"""A report as GitHub-flavoured Markdown, for a comment on a pull request or a job summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ledg_rt.budgets.report import Report
from ledg_rt.budgets.verdicts import Verdict
from ledg_rt.rendering.cells import NOTHING
from ledg_rt.rendering.check import words
from ledg_rt.rendering.markdown import quoted
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import fit

LINES, DETAILS = 50, 15
"""Lines of each table, and verdicts with reasons and nodes: a comment may have 65,536 characters on GitHub."""

NAME_LIMIT, REASON_LIMIT = 80, 200
_HEAD = "| | model | platform | budget | found | limit | change |\n| --- | --- | --- | --- | ---: | ---: | ---: |\n"


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write what is broken with its reasons, then what is kept, folded, then the suggestions."""
    broken = [verdict for verdict in report.verdicts if verdict.outcome in words.PROBLEMS]
    kept = [verdict for verdict in report.verdicts if verdict.outcome not in words.PROBLEMS]
    stream.write(f"**Latency budgets:** {words.summary(report)}\n")
    if broken:
        stream.write("\n" + _table(broken))
        stream.write("\n" + "".join(_details(verdict) for verdict in broken[:DETAILS]))
    if kept:
        count = f"{len(kept)} without a problem"
        stream.write(f"\n<details><summary>{count}</summary>\n\n{_table(kept)}\n</details>\n")
    if report.suggestions:
        stream.write("\n")
        for item in report.suggestions[:DETAILS]:
            stream.write(f"- {_code(words.suggestion(item), REASON_LIMIT)}\n")


def _table(verdicts: Sequence[Verdict]) -> str:
    lines = "".join(f"| {' | '.join(_cells(verdict))} |\n" for verdict in verdicts[:LINES])
    more = len(verdicts) - LINES
    return _HEAD + lines + (f"\n... and {more} more\n" if more > 0 else "")


def _cells(verdict: Verdict) -> tuple[str, ...]:
    budget = verdict.case.budget
    return (
        str(verdict.outcome),
        _code(words.path(verdict)),
        _code(verdict.case.platform),
        _code(budget.name),
        NOTHING if verdict.found_ms is None else words.ms(verdict.found_ms),
        NOTHING if budget.limit_ms is None else words.ms(budget.limit_ms),
        words.change(verdict) or NOTHING,
    )


def _details(verdict: Verdict) -> str:
    texts = words.reasons(verdict)
    lines = [f"- {_code(words.place(verdict))}: {'; '.join(_code(text, REASON_LIMIT) for text in texts)}\n"]
    for label, nodes in (("in", verdict.nodes), ("in what changed:", verdict.changed_nodes)):
        for node in nodes:
            share = words.percent(node.share * 100)
            lines.append(f"  - {share} {label} {_code(node.name)} ({_code(node.sentence)})\n")
    return "".join(lines)


def _code(text: str, limit: int = NAME_LIMIT) -> str:
    return quoted(fit(text, limit))
