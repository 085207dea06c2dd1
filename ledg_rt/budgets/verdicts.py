"""Whether a case keeps its budget. Figures are judged at the four digits that are printed, so that rows
that were saved get the verdict of rows that were just predicted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledg_rt.budgets.cases import Case
from ledg_rt.budgets.configuration import Basis, Level, OnUnknown
from ledg_rt.results import Explained, NodeShare, Row, Status, four_digits

TOP = 3
"""Nodes that a verdict names."""


class Outcome(StrEnum):
    """What became of a case, the worst first. ``skipped``: the budget is off, or there was nothing to judge by."""

    UNREADABLE = "unreadable"
    FAILED = "failed"
    WARNED = "warned"
    SKIPPED = "skipped"
    PASSED = "passed"


class Kind(StrEnum):
    """How a budget can be broken."""

    LIMIT = "limit"
    MAX_INCREASE = "max_increase"
    UNKNOWN_OPS = "unknown_ops"


class Note(StrEnum):
    """What was not judged, or should be known; each is explained in docs/errors.md."""

    NO_BASE = "no_base"
    NEW_MODEL = "new_model"
    BASE_UNREADABLE = "base_unreadable"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken budget. ``over_ms`` and ``over_percent``: found beyond expected; all ``None`` for unknown operators."""

    kind: Kind
    expected_ms: float | None = None
    found_ms: float | None = None
    over_ms: float | None = None
    over_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged case. ``found_ms`` and ``base_ms`` are on the basis of the budget; ``change_percent`` is from
    base to found. ``nodes``: the ``TOP`` ones that cost most; ``changed_nodes``: the same of those that the
    base does not have. Either is empty where it is not known.
    """

    case: Case
    outcome: Outcome
    found_ms: float | None
    base_ms: float | None
    change_percent: float | None
    breaches: tuple[Breach, ...]
    notes: tuple[Note, ...]
    nodes: tuple[NodeShare, ...]
    changed_nodes: tuple[NodeShare, ...]


def judge_all(cases: Iterable[Case], base: Iterable[Case] | None) -> list[Verdict]:
    """Verdicts in the order of ``cases``. ``base``: the same budgets on the models before the change."""
    before: dict[tuple[str, str, str], list[Explained]] = {}
    for case in base or ():
        before.setdefault(_identity(case), []).append(case.answer)
    verdicts = []
    for case in cases:
        known = before.get(_identity(case))
        verdicts.append(_judge(case, known.pop(0) if known else None, based=base is not None))
    return verdicts


def _identity(case: Case) -> tuple[str, str, str]:
    return case.budget.name, case.platform, case.model


def _judge(case: Case, explained_base: Explained | None, *, based: bool) -> Verdict:
    budget, row = case.budget, case.answer.row
    base = explained_base.row if explained_base else None
    found = _figure(row, budget.basis)
    before = _figure(base, budget.basis) if base else None
    notes = [] if budget.max_increase is None or before is not None else [_missing(base, based=based)]
    breaches = []
    if found is not None:
        if budget.limit_ms is not None:
            breaches += _beyond(Kind.LIMIT, budget.limit_ms, found)
        if budget.max_increase is not None and before is not None:
            breaches += _beyond(Kind.MAX_INCREASE, four_digits(before * (1 + budget.max_increase)), found)
    if row.status is Status.PARTIAL:
        if budget.on_unknown_ops is OnUnknown.ERROR:
            breaches.append(Breach(Kind.UNKNOWN_OPS))
        if budget.on_unknown_ops is not OnUnknown.IGNORE:
            notes.append(Note.PARTIAL)
    judged = budget.limit_ms is not None or (budget.max_increase is not None and before is not None)
    change = None if found is None or before is None else four_digits((found / before - 1) * 100)
    outcome = _outcome(budget.level, row, bool(breaches), notes, judged=judged)
    return Verdict(
        case, outcome, found, before, change, tuple(breaches), tuple(notes),
        nodes=case.answer.nodes[:TOP], changed_nodes=_changed(case.answer, explained_base)[:TOP],
    )  # fmt: skip


def _changed(head: Explained, base: Explained | None) -> tuple[NodeShare, ...]:
    """The nodes of ``head`` that ``base`` has not, or not as often, the dearest first."""
    nodes = [*head.nodes, *(base.nodes if base else ())]
    if base is None or not base.nodes or not all(node.digest for node in nodes):
        return ()
    left = Counter(node.digest for node in base.nodes)
    changed = []
    for node in head.nodes:
        left[node.digest] -= 1
        if left[node.digest] < 0:
            changed.append(node)
    return tuple(changed)


def _outcome(level: Level, row: Row, broken: bool, notes: list[Note], *, judged: bool) -> Outcome:
    if level is Level.OFF:
        return Outcome.SKIPPED
    if row.status is Status.ERROR:
        return Outcome.UNREADABLE
    if broken:
        return Outcome.WARNED if level is Level.WARN else Outcome.FAILED
    if Note.PARTIAL in notes:
        return Outcome.WARNED
    return Outcome.PASSED if judged else Outcome.SKIPPED


def _figure(row: Row, basis: Basis) -> float | None:
    if row.latency_ms is None:
        return None
    return four_digits(row.latency_ms.p50 if basis is Basis.P50 else row.latency_ms.p90)


def _missing(base: Row | None, *, based: bool) -> Note:
    """Why there is no figure of the base."""
    if base is not None:
        return Note.BASE_UNREADABLE
    return Note.NEW_MODEL if based else Note.NO_BASE


def _beyond(kind: Kind, expected: float, found: float) -> list[Breach]:
    if found <= expected:
        return []
    over = found - expected
    return [Breach(kind, expected, found, four_digits(over), four_digits(over / expected * 100))]
