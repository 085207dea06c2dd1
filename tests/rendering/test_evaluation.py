from __future__ import annotations

import csv
import io
import json

import pytest

from ledg_rt.evaluation import Comparison, Evaluation
from ledg_rt.rendering.evaluation import FORMATS, renderer
from ledg_rt.results import Failure, Latency

GOOD = Comparison(2, "a.onnx", "a board", 1, 10.0, Latency(8.0, 10.5, 15.0))
HOSTILE = "=cmd|`x`\x1b[31m\n::error::,\"'.onnx"


def rendered(form, *comparisons):
    stream = io.StringIO()
    renderer(form)(Evaluation(comparisons), stream)
    return stream.getvalue()


def faulty(model="gone.onnx", platform="a board"):
    return Comparison(
        3, model, platform, None, 4.0, None, error=Failure("unreadable", "no such file", "check it")
    )


def test_figures_by_hand():
    low = Comparison(3, "b.onnx", "a board", 1, 10.0, Latency(2.0, 5.0, 7.0))
    page = json.loads(rendered("json", GOOD, low))
    (summary,) = page["summaries"]
    assert summary == {
        "platform": "a board", "count": 2, "mape": 27.5, "median_ape": 27.5, "acc10": 50.0, "spearman": None,
        "coverage": 50.0,
    }  # fmt: skip
    assert [found["error_percent"] for found in page["worst"]] == [-50.0, 5.0]
    assert [found["covered"] for found in page["comparisons"]] == [True, False]


def test_the_worst_ten_are_ten():
    many = [Comparison(line, "a", "p", 1, 10.0, Latency(1.0, 10.0 + line, 99.0)) for line in range(2, 20)]
    assert [found["line"] for found in json.loads(rendered("json", *many))["worst"]] == list(range(19, 9, -1))


def test_rank_correlation_is_within_platforms():
    found = [
        Comparison(2, f"{platform}{at}", platform, 1, measured, Latency(0.1, predicted, 999.0))
        for platform, sign in (("p", 1), ("q", -1))
        for at, (measured, predicted) in enumerate(
            zip((1.0, 2, 3, 4, 5), (10.0, 20, 30, 40, 50)[::sign], strict=True)
        )
    ]
    p, q, both = json.loads(rendered("json", *found))["summaries"]
    assert (p["spearman"], q["spearman"], both["spearman"]) == (1, -1, 0)
    assert both["platform"] is None


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_break_no_format(form):
    hostile = Comparison(2, HOSTILE, HOSTILE, 1, 10.0, Latency(8.0, 11.0, 15.0))
    out = rendered(form, hostile, faulty(HOSTILE, HOSTILE))
    assert "\x1b" not in out
    assert not any(line.lstrip().startswith("::error") for line in out.splitlines())
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert len(rows) == 2
        assert all(row["model"].startswith("'=") for row in rows)
    if form == "jsonl":
        assert [json.loads(line)["model"] for line in out.splitlines()] == [HOSTILE, HOSTILE]
    if form == "markdown":
        lines = [line for line in out.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in lines} == {8, 7}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_to_compare_still_says_why(form):
    out = rendered(form, faulty())
    assert "unreadable" in out
    assert "no such file" in out


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_a_fault_is_told_once_for_all_platforms(form):
    assert rendered(form, faulty(), faulty(platform="another")).count("no such file") == 1


def test_flags_and_latency_in_csv():
    flagged = Comparison(
        2, "a.onnx", "p", 1, 10.0, Latency(8.0, 11.0, 15.0), ("unknown_hardware", "text_cut")
    )
    (row,) = csv.DictReader(io.StringIO(rendered("csv", flagged)))
    assert row["flags"] == "unknown_hardware text_cut"
    assert (row["latency_ms.p50"], row["error_percent"], row["covered"]) == ("11.0", "10.0", "True")


def test_a_format_that_is_none():
    with pytest.raises(ValueError, match="xml"):
        renderer("xml")
