"""What the formats for people say about a verdict. Foreign text in it is not yet made harmless."""

from __future__ import annotations

from ledg_rt.budgets.configuration import Basis, Level
from ledg_rt.budgets.report import Report, Suggestion
from ledg_rt.budgets.verdicts import Breach, Kind, Note, Outcome, Verdict
from ledg_rt.rendering.cells import number
from ledg_rt.rendering.text import DETAIL_LIMIT, fit
from ledg_rt.results import NodeShare

PROBLEMS = (Outcome.UNREADABLE, Outcome.FAILED, Outcome.WARNED)

_NOTES = {
    Note.NO_BASE: "max_increase was not judged: there is no --base",
    Note.NEW_MODEL: "max_increase was not judged: the base does not have this model",
    Note.BASE_UNREADABLE: "max_increase was not judged: the model of the base could not be read",
}


def place(verdict: Verdict) -> str:
    """Model and platform: ``models/a.onnx on phone``."""
    return f"{path(verdict)} on {verdict.case.platform}"


def path(verdict: Verdict) -> str:
    """Path of the model as the user of the current folder would write it."""
    return verdict.case.answer.row.model.path


def title(verdict: Verdict) -> str:
    """What is wrong with which budget, short."""
    what = "not readable" if verdict.outcome is Outcome.UNREADABLE else "not kept"
    return f"Latency budget {verdict.case.budget.name!r} {what}"


def reasons(verdict: Verdict) -> list[str]:
    """Why the outcome is what it is: one sentence each."""
    row, budget = verdict.case.answer.row, verdict.case.budget
    found = ["the budget is off"] if budget.level is Level.OFF else []
    if row.error:
        text = f"{row.error.message}; {row.error.hint}" if row.error.hint else row.error.message
        return [*found, fit(text, DETAIL_LIMIT)]
    found += [_breach(verdict, breach) for breach in verdict.breaches] or [_kept(verdict)]
    if Note.PARTIAL in verdict.notes:
        found.append(f"the number does not cover the whole graph ({', '.join(row.flags)})")
    return found + [_NOTES[note] for note in verdict.notes if note in _NOTES]


def nodes(verdict: Verdict) -> list[str]:
    """Which nodes cost most, and which of those that changed do: a line each, none where it is not known."""
    groups = (("most cost", verdict.nodes), ("changed", verdict.changed_nodes))
    return [f"{label}: {', '.join(map(_node, found))}" for label, found in groups if found]


def _node(node: NodeShare) -> str:
    return f"{node.name} ({node.sentence}) {percent(node.share * 100)}"


def summary(report: Report) -> str:
    """How many of what: ``1 failed, 59 passed``."""
    return ", ".join(f"{count} {outcome}" for outcome, count in report.counts.items() if count)


def suggestion(item: Suggestion) -> str:
    """How a limit can be tightened."""
    return (
        f"the limit of {item.budget!r} can go from {ms(item.limit_ms)} down to {ms(item.suggested_ms)}: "
        f"its slowest model takes {ms(item.slowest_ms)}"
    )


def ms(value: float) -> str:
    """Milliseconds with the unit, without zeros at the end: ``35 ms``."""
    text = number(value)
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} ms"


def percent(value: float) -> str:
    """A percentage to three significant digits."""
    return f"{float(f'{value:.3g}'):g} %"


def change(verdict: Verdict) -> str:
    """The change against the base with its sign; empty where there is none."""
    value = verdict.change_percent
    return "" if value is None else f"{'+' if value > 0 else ''}{percent(value)}"


def _basis(verdict: Verdict) -> str:
    return "p50" if verdict.case.budget.basis is Basis.P50 else "p90"


def _breach(verdict: Verdict, breach: Breach) -> str:
    if breach.kind is Kind.UNKNOWN_OPS or breach.expected_ms is None or breach.found_ms is None:
        return "a number that does not cover the whole graph breaks this budget"
    over = f"{ms(breach.over_ms or 0)} ({percent(breach.over_percent or 0)}) over"
    found, expected = ms(breach.found_ms), ms(breach.expected_ms)
    if breach.kind is Kind.LIMIT:
        return f"{_basis(verdict)} is {found}, the limit {expected}: {over}"
    rise, allowed = (
        percent(verdict.change_percent or 0),
        percent((verdict.case.budget.max_increase or 0) * 100),
    )
    return (
        f"{_basis(verdict)} rose by {rise} from {ms(verdict.base_ms or 0)} to {found}, "
        f"at most {allowed} ({expected}) is allowed: {over}"
    )


def _kept(verdict: Verdict) -> str:
    limit = verdict.case.budget.limit_ms
    parts = [f"{_basis(verdict)} is {ms(verdict.found_ms or 0)}"]
    if limit is not None:
        parts.append(f"the limit {ms(limit)}")
    if verdict.base_ms is not None:
        parts.append(f"{change(verdict)} from {ms(verdict.base_ms)}")
    return ", ".join(parts)
