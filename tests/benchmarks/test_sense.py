from __future__ import annotations

import pytest

from benchmarks.accuracy.sense import Case, Pair, pairs, rates
from ledg_export import zoo
from ledg_rt.costs import graph_cost
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

PAIRS = pairs(count=12)


def test_the_same_seed_gives_the_same_pairs():
    assert pairs(count=12) == PAIRS
    assert pairs(seed=1, count=12) != PAIRS


@pytest.mark.parametrize(("kind", "figure"), [("bandwidth", "bandwidth_gbs"), ("throughput", "peak_gops")])
def test_one_figure_of_the_platform_is_raised(kind, figure):
    for pair in PAIRS[kind]:
        factor = getattr(pair.fast.platform, figure) / getattr(pair.slow.platform, figure)
        assert 1.1 <= factor <= 2
        assert pair.fast.graph_id == pair.slow.graph_id
        assert pair.fast.batch == pair.slow.batch == 1


def test_the_batch_is_raised():
    for pair in PAIRS["batch"]:
        assert 1.1 <= pair.slow.batch / pair.fast.batch <= 2
        assert (pair.fast.graph_id, pair.fast.platform) == (pair.slow.graph_id, pair.slow.platform)


@pytest.mark.parametrize("kind", ["width", "depth"])
def test_the_larger_twin_has_more_work_on_the_same_platform(kind):
    for pair in PAIRS[kind]:
        assert pair.fast.platform == pair.slow.platform
        small, large = (
            graph_cost(read_graph(zoo.build(case.graph_id).SerializeToString()))
            for case in (pair.fast, pair.slow)
        )
        assert large.macs > small.macs
        assert large.weight_bytes > small.weight_bytes


def test_a_violation_is_a_slow_case_that_is_predicted_faster():
    platform = resolve("nvidia-t4/tensorrt/int8")
    logs = {"a": 1.0, "b": 2.0, "c": 2.0}

    class Fixed:
        def log_ms(self, case):
            return logs[case.graph_id]

    a, b, c = (Case(name, platform) for name in "abc")
    (rate,) = rates({"width": [Pair(a, b), Pair(b, c), Pair(b, a), Pair(a, c)]}, Fixed())
    assert (rate.pairs, rate.violations, rate.percent) == (4, 1, 25)
    assert rate.worst_percent == pytest.approx(171.8, abs=0.1)


def test_strangers_are_among_the_platforms():
    assert {pair.slow.platform.device is None for pair in PAIRS["bandwidth"]} == {True, False}
