from __future__ import annotations

import json

import jsonschema
import pytest
from referencing import Registry, Resource

from ledg_rt.budgets import Level
from ledg_rt.budgets.report import make_report, report_to_dict
from ledg_rt.budgets.verdicts import Kind, Note, Outcome, judge_all
from ledg_rt.schema import check_schema, row_schema


@pytest.fixture
def reported(make_case, make_row):
    """The report on models of these medians, each (path, median, terms of its budget)."""

    def make(*models, base=None):
        cases = [make_case(make_row(path, p50), name=path, **terms) for path, p50, terms in models]
        return make_report("ledg.toml", cases[0].answer.row.bundle, None, judge_all(cases, base))

    return make


def test_the_worst_comes_first_and_else_the_order_stays(reported):
    off, warn = {"level": Level.OFF}, {"level": Level.WARN}
    report = reported(
        ("p1", 30.0, {}), ("s", 99.0, off), ("f1", 99.0, {}), ("w", 99.0, warn), ("e", None, {}), ("f2", 36.0, {}), ("p2", 30.0, {}),
    )  # fmt: skip
    assert [verdict.case.budget.name for verdict in report.verdicts] == [
        "e",
        "f1",
        "f2",
        "w",
        "s",
        "p1",
        "p2",
    ]
    assert list(report.counts.values()) == [1, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("models", "code"),
    [
        ([("a", 30.0, {})], 0),
        ([("a", 40.0, {"level": Level.WARN}), ("b", None, {"level": Level.OFF})], 0),
        ([("a", 30.0, {}), ("b", 40.0, {})], 1),
        ([("a", None, {}), ("b", 40.0, {})], 2),
        ([("a", None, {"level": Level.WARN})], 2),
    ],
)
def test_exit_codes(reported, models, code):
    assert reported(*models).exit_code == code


def test_a_limit_that_is_loose_for_all_models_is_suggested_tighter(make_case, make_row):
    cases = [make_case(make_row(path, p50), limit_ms=35.0) for path, p50 in (("a", 8.0), ("b", 20.0))]
    (found,) = make_report("c", cases[0].answer.row.bundle, None, judge_all(cases, None)).suggestions
    assert (found.budget, found.limit_ms, found.slowest_ms, found.suggested_ms) == ("b", 35, 20, 22)


@pytest.mark.parametrize(
    "models",
    [
        [("a", 27.0, {})],
        [("a", 8.0, {"level": Level.OFF})],
        [("a", None, {})],
        [("a", 8.0, {"limit_ms": None, "max_increase": 0.05})],
    ],
)
def test_other_limits_are_not(reported, models):
    assert reported(*models).suggestions == ()


def test_the_json_form_fits_its_schema(reported, make_case, make_row):
    increase = {"limit_ms": None, "max_increase": 0.05}
    base = [make_case(make_row("grown", 10.0), name="grown", **increase)]
    report = reported(
        ("grown", 30.0, increase), ("new", 30.0, increase), ("e", None, {}), ("loose", 1.0, {}), ("f", 40.0, {}), base=base
    )  # fmt: skip
    table = json.loads(json.dumps(report_to_dict(report)))
    registry = Registry().with_resource("row.schema.json", Resource.from_contents(row_schema()))
    jsonschema.Draft202012Validator.check_schema(check_schema())
    jsonschema.Draft202012Validator(check_schema(), registry=registry).validate(table)
    assert table["suggestions"][0]["budget"] == "loose"
    assert table["verdicts"][1]["breaches"][0]["kind"] == "max_increase"


def test_the_words_of_the_schema_are_those_of_the_code():
    properties = check_schema()["$defs"]["verdict"]["properties"]
    assert properties["outcome"]["enum"] == list(Outcome)
    assert properties["notes"]["items"]["enum"] == list(Note)
    assert properties["breaches"]["items"]["properties"]["kind"]["enum"] == list(Kind)
    assert check_schema()["properties"]["counts"]["required"] == list(Outcome)
