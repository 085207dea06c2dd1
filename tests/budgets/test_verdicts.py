from __future__ import annotations

from dataclasses import replace

import pytest

from ledg_rt.budgets import Basis, Level, OnUnknown
from ledg_rt.budgets.verdicts import Breach, Kind, Note, Outcome, judge_all
from ledg_rt.results import Explained, NodeShare


@pytest.fixture
def judged(make_case, make_row):
    """The verdict of a model of this median under a budget, perhaps against one before it."""

    def judge(p50=10.0, base=None, flags=(), **budget):
        cases = [make_case(make_row(p50=p50, flags=flags), **budget)]
        before = None if base is None else [make_case(make_row(p50=value), **budget) for value in base]
        (verdict,) = judge_all(cases, before)
        return verdict

    return judge


def test_a_limit_holds_up_to_its_very_value(judged):
    assert judged(35.0).outcome is Outcome.PASSED
    assert judged(35.0).breaches == ()
    broken = judged(42.0)
    assert (broken.outcome, broken.found_ms) == (Outcome.FAILED, 42)
    assert broken.breaches == (Breach(Kind.LIMIT, 35, 42, 7, 20),)


def test_four_digits_are_judged_as_they_are_printed(judged):
    assert judged(35.004).outcome is Outcome.PASSED
    assert judged(35.006).outcome is Outcome.FAILED


def test_the_upper_end_of_the_interval(judged):
    verdict = judged(30.0, basis=Basis.UPPER)
    assert (verdict.outcome, verdict.found_ms) == (Outcome.FAILED, 36)


@pytest.mark.parametrize(
    ("level", "outcome"),
    [(Level.ERROR, Outcome.FAILED), (Level.WARN, Outcome.WARNED), (Level.OFF, Outcome.SKIPPED)],
)
def test_levels(judged, level, outcome):
    assert judged(42.0, level=level).outcome is outcome
    assert judged(10.0, level=level).outcome is (Outcome.SKIPPED if level is Level.OFF else Outcome.PASSED)


@pytest.mark.parametrize("level", [Level.ERROR, Level.WARN])
def test_a_model_that_cannot_be_read_is_never_kept(judged, level):
    verdict = judged(None, level=level)
    assert (verdict.outcome, verdict.found_ms, verdict.breaches) == (Outcome.UNREADABLE, None, ())


def test_an_increase_up_to_the_allowed_one(judged):
    terms = {"limit_ms": None, "max_increase": 0.05}
    kept = judged(10.5, base=[10.0], **terms)
    assert (kept.outcome, kept.base_ms, kept.change_percent) == (Outcome.PASSED, 10, 5)
    broken = judged(12.6, base=[10.0], **terms)
    assert broken.outcome is Outcome.FAILED
    assert broken.breaches == (Breach(Kind.MAX_INCREASE, 10.5, 12.6, 2.1, 20),)
    assert judged(8.0, base=[10.0], **terms).change_percent == -20


def test_both_limits_can_be_broken_at_once(judged):
    verdict = judged(42.0, base=[20.0], max_increase=0.5)
    assert [breach.kind for breach in verdict.breaches] == [Kind.LIMIT, Kind.MAX_INCREASE]


@pytest.mark.parametrize(
    ("base", "note"), [(None, Note.NO_BASE), ([], Note.NEW_MODEL), ([None], Note.BASE_UNREADABLE)]
)
def test_an_increase_without_a_base_is_skipped_not_passed(judged, base, note):
    verdict = judged(10.0, base=base, limit_ms=None, max_increase=0.05)
    assert (verdict.outcome, verdict.notes) == (Outcome.SKIPPED, (note,))
    both = judged(10.0, base=base, max_increase=0.05)
    assert (both.outcome, both.notes) == (Outcome.PASSED, (note,))
    assert judged(10.0, base=base).notes == ()


@pytest.mark.parametrize(
    ("on_unknown", "outcome", "notes", "kinds"),
    [
        (OnUnknown.ERROR, Outcome.FAILED, (Note.PARTIAL,), [Kind.UNKNOWN_OPS]),
        (OnUnknown.WARN, Outcome.WARNED, (Note.PARTIAL,), []),
        (OnUnknown.IGNORE, Outcome.PASSED, (), []),
    ],
)
def test_numbers_for_a_part_of_the_graph(judged, on_unknown, outcome, notes, kinds):
    verdict = judged(10.0, flags=("unknown_ops",), on_unknown_ops=on_unknown)
    assert (verdict.outcome, verdict.notes) == (outcome, notes)
    assert [breach.kind for breach in verdict.breaches] == kinds
    assert judged(10.0, on_unknown_ops=on_unknown).outcome is Outcome.PASSED


def test_of_several_rows_of_a_model_the_first_meets_the_first(make_case, make_row):
    terms = {"limit_ms": None, "max_increase": 0.05}
    cases, before = (
        [make_case(make_row(p50=value), **terms) for value in values]
        for values in ((10.0, 80.0), (10.0, 40.0))
    )
    assert [verdict.outcome for verdict in judge_all(cases, before)] == [Outcome.PASSED, Outcome.FAILED]


@pytest.fixture
def named(make_case, make_row):
    """The dearest and the changed nodes of a verdict, by their digests before and after."""

    def judge(base, head):
        def case(digests):
            nodes = tuple(NodeShare(f"n{at}", "Conv", 0.1, digest) for at, digest in enumerate(digests))
            return replace(make_case(), answer=Explained(make_row(), nodes))

        (verdict,) = judge_all([case(head)], None if base is None else [case(base)])
        return [[node.name for node in nodes] for nodes in (verdict.nodes, verdict.changed_nodes)]

    return judge


def test_the_dearest_of_the_nodes_that_changed_are_named(named):
    assert named("abcdefg", "abxcydezfw") == [["n0", "n1", "n2"], ["n2", "n4", "n7"]]
    assert named("abc", "cba") == [["n0", "n1", "n2"], []]
    assert named("aab", "aaab") == [["n0", "n1", "n2"], ["n2"]]


def test_what_changed_is_not_known_without_all_nodes_of_both(named):
    assert named(None, "abc")[1] == []
    assert named("", "abc")[1] == []
    assert named(["", ""], ["", ""])[1] == []
