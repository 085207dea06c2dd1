from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.accuracy.model_card import SHIPPED, read_errors, render, weaknesses

ROW = {
    "kind": "cpu", "source": "ncnn", "family": "resnet", "evidence": "unknown", "device": "rock-5b", "chip": "rk3588",
    "ape": 12.5, "covered": True,
}  # fmt: skip
MANIFEST = json.loads((SHIPPED / "manifest.json").read_text())


def rows(count, chips=5, **changes):
    return [{**ROW, "chip": f"chip {at % chips}", **changes} for at in range(count)]


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_a_table_in_both_forms(tmp_path, form):
    path = tmp_path / f"errors.{form}"
    if form == "json":
        path.write_text(json.dumps([ROW]))
    else:
        pq.write_table(pa.Table.from_pylist([ROW]), path)
    assert read_errors(path) == [ROW]


@pytest.mark.parametrize(
    "change",
    [{"ape": None}, {"ape": -1.0}, {"ape": float("inf")}, {"covered": 1}, {"chip": None}, {"kind": 3}],
)
def test_a_row_that_is_none_is_refused(tmp_path, change):
    path = tmp_path / "errors.json"
    path.write_text(json.dumps([ROW, {**ROW, **change}]))
    with pytest.raises(ValueError, match=f"row 1: {next(iter(change))}"):
        read_errors(path)


def test_no_rows_make_no_card(tmp_path):
    (tmp_path / "errors.json").write_text("[]")
    with pytest.raises(ValueError, match="no rows"):
        read_errors(tmp_path / "errors.json")


def test_the_card_has_the_figures_of_every_slice():
    table = [*rows(3), *rows(1, kind="gpu", ape=50.0, covered=False, chip="nvidia-t4")]
    card = render(table, MANIFEST, {})
    assert f"# {MANIFEST['name']}" in card
    assert "| all | 4 | 4 | 12.5 | 21.9 | 0.0 | 75.0 |" in card
    assert "| cpu | 3 | 3 | 12.5 | 12.5 | 0.0 | 100.0 |" in card
    assert "| gpu | 1 | 1 | 50.0 | 50.0 | 0.0 | 0.0 |" in card
    assert card.index("| cpu |") < card.index("| gpu |")
    for heading in (
        "### Evidence",
        "### Kind of device",
        "### Source",
        "### Network family",
        "## Known weaknesses",
    ):
        assert heading in card


def test_other_results_are_added_where_they_are():
    results = {
        "sense": {"bundle": "b", "rates": [{"kind": "batch", "pairs": 1000, "percent": 0.4}]},
        "free_text": {"phrasings": [{}] * 500, "median_percent": 3.2, "p90_percent": 25.0},
        "calibration": [{"count": 10, "chips": 7, "median_ape": 14.2, "coverage": 82.1}],
    }
    card = render(rows(1), MANIFEST, results)
    assert "| batch | 1000 | 0.4 |" in card
    assert "On 500 phrasings the median difference" in card
    assert "| 10 | 7 | 14.2 | 82.1 |" in card
    assert "## Sense" not in render(rows(1), MANIFEST, {})


def test_a_slice_far_off_or_badly_covered_is_a_weakness():
    good, far = rows(600), rows(300, source="odd", ape=40.0)
    found = weaknesses([*good, *far])
    assert any(line.startswith("Source odd: the median error is 40.0 %, 3.2 times") for line in found)
    assert any("it is too wide" in line for line in found)
    narrow = [{**row, "covered": at % 2 == 0} for at, row in enumerate(rows(400, kind="npu"))]
    assert (
        "Kind of device npu: the 80 % interval holds 50.0 % of measurements; it is too narrow."
        in weaknesses(narrow)
    )


@pytest.mark.parametrize(("count", "chips"), [(199, 5), (300, 4)])
def test_a_slice_too_small_is_not_judged(count, chips):
    assert weaknesses(rows(count, chips, covered=False)) == []
