import numpy as np
import pytest

from benchmarks.accuracy import unseen
from benchmarks.accuracy.model_card import COLUMNS
from benchmarks.accuracy.unseen import (
    after_measurements,
    covered,
    errors,
    factors,
    new_chips,
    new_families,
    text,
    with_efficiency,
)


def row(**changes):
    return {
        "fold": 0, "held_out": "chip", "evidence": "unknown", "source": "ncnn", "family": "resnet", "graph": "resnet/50-224 1",
        "platform": "raspberry-pi-4/ncnn/fp32", "device": "raspberry-pi-4", "chip": "bcm2711", "kind": "cpu", "log_measured": 0.0,
        "log_ms": 0.0, "log_spread": 0.0, "log_intensity": 2.0, "roofline": None, "nearest": None,
    } | changes  # fmt: skip


def chips(count, rows_each=20, **changes):
    """Rows of several chips whose errors are drawn, in two folds."""
    rng = np.random.default_rng(0)
    return [
        row(
            fold=at % 2, chip=f"chip-{at}", graph=f"g{graph}", log_ms=float(rng.normal()), log_measured=float(graph), **changes
        )
        for at in range(count)
        for graph in range(rows_each)
    ]  # fmt: skip


def test_factors_hold_eight_of_ten_and_a_kind_with_enough_chips_has_its_own():
    rows = [row(log_ms=0.01 * at, chip=f"chip-{at % 7}") for at in range(100)]
    rows += [row(log_ms=1.0, kind="npu", chip=f"npu-{at % 6}") for at in range(unseen.LEAST_ROWS)]
    rows += [row(log_ms=1.0, kind="dsp", chip="one") for _ in range(unseen.LEAST_ROWS)]
    found = factors(rows)
    assert found["unknown"]["npu"] == 1
    assert set(found["unknown"]) == {"all", "npu"}
    # No row of this evidence: those of all.
    assert found["chip"] == found["unknown"]
    assert factors(rows[:100])["unknown"]["all"] == pytest.approx(0.79, abs=0.01)


def test_coverage_is_by_factors_of_the_other_folds():
    rows = [row(fold=0, log_ms=0.1), row(fold=1, log_ms=0.5)]
    assert covered(rows) == [True, False]


def test_new_chips_are_judged_by_chip_where_there_are_enough_networks():
    rows = [row(graph=f"g{at}", log_measured=float(at), log_ms=at + np.log(1.2), roofline=float(-at)) for at in range(10)]  # fmt: skip
    rows += [row(chip="few", log_ms=9.0)]
    found = new_chips(rows, "log_ms")
    assert found == {"chips": 1, "median_ape": pytest.approx(20), "pairs": 1, "spearman": pytest.approx(1)}
    assert new_chips(rows, "roofline")["spearman"] == pytest.approx(-1)


def test_the_roofline_gets_the_efficiency_of_its_kind_on_other_chips():
    rows = [
        row(fold=0, roofline=0.0, log_measured=3.0),
        row(fold=1, roofline=1.0, log_measured=2.0),
        row(fold=1, roofline=None),
    ]
    assert [found["roofline"] for found in with_efficiency(rows)] == [1.0, 4.0, None]


def test_new_families_are_those_of_known_devices():
    rows = [
        row(held_out="family", evidence="known", log_ms=np.log(1.1)),
        row(held_out="family", evidence="chip", log_ms=5.0),
    ]
    assert new_families(rows) == {"ncnn": pytest.approx(10)}


def test_tables_and_the_errors_behind_the_card():
    rows = with_efficiency(chips(4, roofline=0.0, nearest=1.0))
    inside = covered(rows)
    assert 0.6 < np.mean(inside) < 0.95
    assert all(set(found) == set(COLUMNS) for found in errors(rows, inside))
    (none, *_) = after_measurements(rows)
    assert none["count"] == 0
    table = {
        "new_family": {"median_of_sources": 3.0, "sources": {"ncnn": 3.0}}, "new_stack": {"rows": 2, "median_ape": 4.0},
        "new_chip": {name: new_chips(rows, name) for name in ("log_ms", "roofline")}, "coverage": unseen.coverage(rows, inside),
    }  # fmt: skip
    assert "| ncnn | 3.0 |" in text(table)
    assert "| evidence: unknown | 80 | 4 |" in text(table)
