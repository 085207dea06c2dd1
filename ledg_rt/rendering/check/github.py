"""A report as workflow commands of GitHub Actions: annotations on the model files."""

from __future__ import annotations

from typing import TextIO

from ledg_rt.budgets.report import Report
from ledg_rt.budgets.verdicts import Outcome
from ledg_rt.rendering.check import words
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible

_COMMANDS = {Outcome.UNREADABLE: "error", Outcome.FAILED: "error", Outcome.WARNED: "warning"}


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write an annotation for each broken budget and each suggestion, then the count of the outcomes."""
    for verdict in report.verdicts:
        if command := _COMMANDS.get(verdict.outcome):
            reasons = f"on {verdict.case.platform}: {'; '.join(words.reasons(verdict))}"
            texts = [reasons, *words.nodes(verdict)]
            message = "%0A".join(_data(text) for text in texts)
            where = f"file={_property(words.path(verdict))},title={_property(words.title(verdict))}"
            stream.write(f"::{command} {where}::{message}\n")
    for item in report.suggestions:
        stream.write(f"::notice title=Latency budget::{_data(words.suggestion(item))}\n")
    stream.write(f"Latency budgets: {words.summary(report)}\n")


def _data(text: str) -> str:
    """Text behind ``::``, of which a percent sign begins an escape."""
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    """Text of a property, which a comma or colon would end."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
