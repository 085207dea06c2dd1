"""Rows of the table that are kept from a run before."""

import pytest

from benchmarks.accuracy.latency import beside

BEFORE = [
    {"source": source, "setting": "new device", "method": method, "count": 7, "mape": 1.0}
    for source in ("help", "ncnn") for method in ("boosting", "ledg")
]  # fmt: skip
OURS = {"source": "ncnn", "setting": "new device", "method": "ledg", "count": 7, "mape": 2.0}


def test_a_new_row_takes_the_place_of_our_old_one_alone():
    assert [row["mape"] for row in beside([OURS], BEFORE)] == [1.0, 1.0, 1.0, 2.0]


def test_rows_of_other_test_sets_are_not_put_side_by_side():
    with pytest.raises(ValueError, match="score all methods"):
        beside([OURS | {"count": 8}], BEFORE)
