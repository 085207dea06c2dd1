"""A report as JUnit XML: a budget is a suite, a model on a platform a test case."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO
from xml.etree import ElementTree as Xml

from ledg_rt.budgets.report import Report, by_budget
from ledg_rt.budgets.verdicts import Outcome, Verdict
from ledg_rt.rendering.check import words
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible

_ELEMENTS = {Outcome.FAILED: "failure", Outcome.UNREADABLE: "error", Outcome.SKIPPED: "skipped"}
_NO_CHARACTER = re.compile("[\ufffe\uffff]")


def render(report: Report, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the document. A warning is a passed test with output: JUnit knows nothing in between."""
    root = Xml.Element("testsuites", {"name": "ledg check", **_counts(report.verdicts)})
    for name, own in by_budget(report.verdicts).items():
        skipped = sum(verdict.outcome is Outcome.SKIPPED for verdict in own)
        suite = Xml.SubElement(
            root, "testsuite", {"name": _text(name), **_counts(own), "skipped": str(skipped)}
        )
        for verdict in own:
            _case(suite, verdict)
    Xml.indent(root)
    # Other letters as references: what the document declares holds on a stdout of any encoding.
    text = Xml.tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    stream.write(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')


def _case(suite: Xml.Element, verdict: Verdict) -> None:
    name, budget = _text(words.place(verdict)), _text(verdict.case.budget.name)
    case = Xml.SubElement(suite, "testcase", classname=budget, name=name)
    texts = [_text(reason) for reason in words.reasons(verdict)]
    if kind := _ELEMENTS.get(verdict.outcome):
        element = Xml.SubElement(case, kind, message="; ".join(texts))
        if verdict.outcome is not Outcome.SKIPPED:
            element.set("type", _kind(verdict))
            element.text = "\n".join([*texts, *map(_text, words.nodes(verdict))])
    else:
        Xml.SubElement(case, "system-out").text = "\n".join(texts)


def _kind(verdict: Verdict) -> str:
    error = verdict.case.answer.row.error
    return _text(error.code) if error else str(verdict.breaches[0].kind)


def _counts(verdicts: Sequence[Verdict]) -> dict[str, str]:
    found = [verdict.outcome for verdict in verdicts]
    return {
        "tests": str(len(found)),
        "failures": str(found.count(Outcome.FAILED)),
        "errors": str(found.count(Outcome.UNREADABLE)),
    }


def _text(text: str) -> str:
    """Foreign text as characters that XML 1.0 has."""
    return _NO_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", visible(text))
