import numpy as np
import pytest

from benchmarks.accuracy.nasbench201_identity import (
    Column,
    Networks,
    classes,
    identity,
    least_ratio,
    line,
    spread,
)  # fmt: skip
from ledg_export.corpora.nasbench201 import Cells
from ledg_export.zoo.nasbench201 import convolutions, network_key

DEAD = "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
LIVE = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
SWAPPED = "|skip_connect~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"
PLAIN = "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"


def test_dead_edges_make_another_network_only_where_they_are_run():
    assert network_key(DEAD) == network_key(LIVE)
    assert network_key(DEAD, "eager") != network_key(LIVE, "eager")
    assert network_key(SWAPPED, "eager") == network_key(PLAIN, "eager")


def test_convolutions_are_counted_by_kernel_and_dead_ones_only_where_they_are_run():
    assert (convolutions(DEAD), convolutions(DEAD, "eager")) == ((1, 0), (1, 1))
    assert convolutions(SWAPPED) == (1, 1)


def test_a_spread_is_pooled_over_classes_of_two_or_more():
    latency = {"a": 1.0, "b": 1.0, "c": 2.0, "d": 2.0 * 1.1, "e": 50.0}
    grouped = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 2}
    found = spread(classes(latency, grouped.__getitem__))
    assert found.cells == 4
    assert found.percent == pytest.approx(100 * 0.0953 / 2, rel=1e-3)  # squares of half the log, two free
    assert spread(classes({"e": 50.0}, grouped.__getitem__)).percent is None


def test_a_wider_spread_is_told_from_the_noise_and_the_same_is_not():
    random = np.random.default_rng(1)
    noise = [random.normal(0, 0.02, 3) for _ in range(300)]
    again = [random.normal(0, 0.02, 3) for _ in range(300)]
    wider = [random.normal(0, 0.03, 3) for _ in range(300)]
    assert 0.8 < least_ratio(again, noise, 0.025) < 1
    assert 1.2 < least_ratio(wider, noise, 0.025) < 1.5
    assert least_ratio(wider, noise, 0.001) < least_ratio(wider, noise, 0.025)


def test_conv_macs_are_those_of_the_whole_network():
    networks = Networks(Cells({"0": DEAD, "1": LIVE}, {"0": "0", "1": "0"}))
    cell = sum(5 * width**2 * size**2 for width, size in ((16, 32), (32, 16), (64, 8)))
    assert networks.conv_macs("0", "") == networks.conv_macs("1", "")
    assert networks.conv_macs("0", "eager") - networks.conv_macs("0", "") == 9 * cell


def test_a_row_has_every_grouping_and_correlation():
    networks = Networks(Cells({"0": DEAD, "1": LIVE, "2": SWAPPED}, {"0": "0", "1": "0", "2": "2"}))
    row = identity(Column("help", "gpu", {"0": 2.0, "1": 1.0, "2": 3.0}, "eager"), networks, 0.05)
    assert (row.same.cells, row.built.cells, row.lean.cells, row.computes.cells) == (0, 0, 2, 2)
    assert (row.ratio, row.holds) == (None, True)
    assert row.spearman_eager == row.spearman_built == pytest.approx(3**0.5 / 2)
    assert line(row).startswith("| help | gpu | eager | 3 | - | - | 49.0 (34.7, 2)")


def test_built_is_the_way_of_the_column():
    networks = Networks(Cells({"0": DEAD, "1": LIVE}, dict.fromkeys("01", "0")))
    for way, same in (("", True), ("eager", False)):
        left, right = (networks.class_of(index, "built", way) for index in "01")
        assert (left == right) == same
