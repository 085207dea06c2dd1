"""A report for a terminal: what is broken first, each with its reasons; what is kept in a line."""

from __future__ import annotations

from typing import TextIO

from ledg_rt.budgets.report import Report
from ledg_rt.budgets.verdicts import Outcome, Verdict
from ledg_rt.rendering.check import words
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible, wrap

_COLOURS = {Outcome.UNREADABLE: "31", Outcome.FAILED: "31", Outcome.WARNED: "33", Outcome.PASSED: "32"}
_INDENT = "    "


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the verdicts, suggestions and a count of the outcomes."""
    for verdict in report.verdicts:
        stream.writelines(line + "\n" for line in _lines(verdict, style))
    for item in report.suggestions:
        stream.writelines(line + "\n" for line in _wrapped(f"suggestion: {words.suggestion(item)}", style))
    stream.write(words.summary(report) + "\n")


def _lines(verdict: Verdict, style: Style) -> list[str]:
    outcome = str(verdict.outcome)
    if verdict.outcome in words.PROBLEMS:
        below = [*words.reasons(verdict), *words.nodes(verdict)]
        lines = [*_wrapped(f"{outcome} {words.place(verdict)}, budget {verdict.case.budget.name!r}", style)]
        for text in below:
            lines += [_INDENT + line for line in _wrapped(text, style, len(_INDENT))]
    else:
        lines = _wrapped(f"{outcome} {words.place(verdict)}: {'; '.join(words.reasons(verdict))}", style)
    colour = _COLOURS.get(verdict.outcome) if style.colour else None
    if colour:
        lines[0] = f"\x1b[{colour}m{outcome}\x1b[0m{lines[0].removeprefix(outcome)}"
    return lines


def _wrapped(text: str, style: Style, taken: int = 0) -> list[str]:
    text = visible(text)
    if style.width is None:
        return [text]
    # Once more, since a line may now begin in the middle of a name.
    return [visible(line) for line in wrap(text, style.width - taken, indent="  ")]
