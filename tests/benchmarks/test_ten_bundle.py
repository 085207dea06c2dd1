import pytest

from benchmarks.accuracy.ten_bundle import PLATFORM, networks, predicted, summary
from benchmarks.measure.table import Measured


def test_networks_are_predicted_by_the_bundle_in_their_order():
    names = ("nnlqp_families/squeezenet-0", "nnlqp_families/vgg-0")
    measured = [Measured("a", name, 0.01, 0.01, 5, 0.0, 1.0, "here") for name in names]
    small, large = predicted(measured, PLATFORM)
    assert 0.1 < small["ms"] < large["ms"] < 10_000
    assert not small["inside"]
    again = [Measured("a", name, found["ms"], 1.0, 5, 0.0, 1.0, "here") for name, found in zip(names, (small, large), strict=True)]  # fmt: skip
    assert [row["inside"] for row in predicted(again, PLATFORM)] == [True, True]


def test_steady_networks_of_all_families_are_predicted():
    rows = networks()
    assert len(rows) > 200
    assert len({row.family for row in rows}) == 10
    assert "reference" not in {row.family for row in rows}
    assert max(row.spread for row in rows) <= 0.25


def test_a_summary_says_how_far_and_which_way():
    rows = [{"ms": 1.1, "measured": 1.0, "inside": True}, {"ms": 2.6, "measured": 2.0, "inside": False}]
    found = summary(rows)
    assert (found["networks"], found["inside"]) == (2, 50)
    assert found["median_ape"] == pytest.approx(20)
    assert found["shift"] > 0.1
    assert found["without_shift"] == pytest.approx(100 * (1.3 / 1.1) ** 0.5 - 100, abs=1)
