"""All verdicts of a check, failures first, and its versioned JSON form (``ledg_rt/schema/check.schema.json``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ledg_rt.budgets.quantities import round_up
from ledg_rt.budgets.verdicts import Outcome, Verdict
from ledg_rt.results import BundleInfo, NodeShare, four_digits, to_dict, tool_version

SCHEMA_VERSION = 1

TIGHT = 0.75
"""A limit is called loose if all that it covers stays below this share of it."""

MARGIN = 0.1
"""What a suggested limit leaves above the slowest model."""

_ORDER = {outcome: at for at, outcome in enumerate(Outcome)}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A limit that can be tightened. ``slowest_ms``: the largest figure that it covers."""

    budget: str
    limit_ms: float
    slowest_ms: float
    suggested_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """What ``ledg check`` found. ``configuration``: path of the budgets, as given."""

    configuration: str
    bundle: BundleInfo
    base_bundle: BundleInfo | None
    verdicts: tuple[Verdict, ...]
    suggestions: tuple[Suggestion, ...]

    @property
    def counts(self) -> dict[Outcome, int]:
        """Verdicts of each outcome, the worst first."""
        found = [verdict.outcome for verdict in self.verdicts]
        return {outcome: found.count(outcome) for outcome in Outcome}

    @property
    def exit_code(self) -> int:
        """2 where a model could not be read, else 1 where a budget is broken, else 0."""
        worst = {verdict.outcome for verdict in self.verdicts}
        return 2 if Outcome.UNREADABLE in worst else int(Outcome.FAILED in worst)


def make_report(
    configuration: str, bundle: BundleInfo, base_bundle: BundleInfo | None, verdicts: Sequence[Verdict]
) -> Report:
    """Sort the verdicts, worst outcome first and else in their order, and find loose limits."""
    ordered = tuple(sorted(verdicts, key=lambda verdict: _ORDER[verdict.outcome]))
    return Report(configuration, bundle, base_bundle, ordered, _suggestions(verdicts))


def report_to_dict(report: Report) -> dict[str, Any]:
    """The JSON form of a report."""
    base = report.base_bundle
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": tool_version(),
        "configuration": report.configuration,
        "bundle": _plain(report.bundle),
        "base_bundle": None if base is None else _plain(base),
        "counts": {str(outcome): count for outcome, count in report.counts.items()},
        "verdicts": [verdict_to_dict(verdict) for verdict in report.verdicts],
        "suggestions": [_plain(suggestion) for suggestion in report.suggestions],
    }


def verdict_to_dict(verdict: Verdict) -> dict[str, Any]:
    """The JSON form of a verdict: the budget's terms, what was found, and the whole row."""
    budget = verdict.case.budget
    increase = budget.max_increase
    return {
        "schema_version": SCHEMA_VERSION,
        "outcome": str(verdict.outcome),
        "budget": budget.name,
        "platform": verdict.case.platform,
        "level": str(budget.level),
        "basis": str(budget.basis),
        "limit_ms": budget.limit_ms,
        "max_increase_percent": None if increase is None else four_digits(increase * 100),
        "found_ms": verdict.found_ms,
        "base_ms": verdict.base_ms,
        "change_percent": verdict.change_percent,
        "breaches": [_plain(breach) for breach in verdict.breaches],
        "notes": [str(note) for note in verdict.notes],
        "nodes": [_node(node) for node in verdict.nodes],
        "changed_nodes": [_node(node) for node in verdict.changed_nodes],
        "row": to_dict(verdict.case.answer.row),
    }


def by_budget(verdicts: Sequence[Verdict]) -> dict[str, list[Verdict]]:
    """Verdicts by the name of their budget, both in the order given."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.case.budget.name, []).append(verdict)
    return found


def _suggestions(verdicts: Sequence[Verdict]) -> tuple[Suggestion, ...]:
    found = []
    for name, own in by_budget(verdicts).items():
        budget = own[0].case.budget
        figures = [verdict.found_ms for verdict in own if verdict.found_ms is not None]
        kept = all(verdict.outcome is Outcome.PASSED for verdict in own)
        if budget.limit_ms is not None and kept and max(figures) < TIGHT * budget.limit_ms:
            slowest = max(figures)
            found.append(Suggestion(name, budget.limit_ms, slowest, round_up(slowest * (1 + MARGIN))))
    return tuple(found)


def _node(node: NodeShare) -> dict[str, Any]:
    return {"name": node.name, "sentence": node.sentence, "share": four_digits(node.share)}


def _plain(item: Any) -> dict[str, Any]:
    """The fields of a flat dataclass, numbers to four significant digits."""
    values = {field.name: getattr(item, field.name) for field in fields(item)}
    return {key: four_digits(value) if isinstance(value, float) else value for key, value in values.items()}
