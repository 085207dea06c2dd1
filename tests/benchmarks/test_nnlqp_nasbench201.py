"""The protocol: what is held out, what is scored."""

import numpy as np
import pytest

from benchmarks.accuracy import nnlqp_nasbench201 as protocol
from benchmarks.accuracy.baselines import Rows
from benchmarks.accuracy.cell_former import operations
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"
SWAPPED = "|skip_connect~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"
PLAIN = "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"


def family_of(names, log_ms):
    graphs = [encode_graph(read_graph(build(f"nasbench201/{name}").SerializeToString())) for name in names]
    rows = Rows(graphs, [resolve("nvidia-gtx-1660/tensorrt-7.1/fp32")] * len(names), np.array(log_ms))
    return protocol.Family(names, rows, operations(names))


def test_rows_to_choose_by_are_training_rows_that_are_not_fitted():
    fitted, held = protocol.held_out(np.arange(1800), 0)
    assert (len(fitted), len(held)) == (1600, 200)
    assert sorted([*fitted, *held]) == list(range(1800))
    assert list(protocol.held_out(np.arange(1800), 1)[1]) != list(held)


def test_a_cell_mirrored_twice_is_itself():
    cells = operations([CELL])
    assert cells[:, protocol.MIRROR].tolist() != cells.tolist()
    assert cells[:, protocol.MIRROR][:, protocol.MIRROR].tolist() == cells.tolist()


def test_figures_are_in_percent():
    found = protocol.figures(np.log([1.09, 2.0, 3.63]), np.log([1.0, 2.0, 3.0]))
    assert found == pytest.approx({"mape": 10, "median_ape": 9, "acc10": 200 / 3}, rel=1e-6)


def test_a_line_through_flops_predicts_in_the_order_of_the_rows_asked_for():
    found = family_of([PLAIN, CELL, SWAPPED], [0.0, 1.0, 2.0])
    forth = protocol.linear(("flops",), found, np.arange(3), np.array([0, 1]), 0)
    back = protocol.linear(("flops",), found, np.arange(3), np.array([1, 0]), 0)
    assert list(forth) == list(back[::-1])
    assert forth[0] != forth[1]


def test_repeats_are_cells_that_are_one_network_without_order(monkeypatch):
    monkeypatch.setattr(protocol, "TRAIN", 3)
    mape, median = protocol.repeats(family_of([PLAIN, CELL, SWAPPED], [0.0, 1.0, 0.1]))
    assert mape.setting == {"cells": 2, "networks": 1}
    # Half of a tenth to either side, times the root of two.
    assert (mape.mean, median.mean) == pytest.approx((7.07, 7.07), rel=1e-3)


def test_a_gaussian_process_learns_which_operation_costs():
    rng = np.random.default_rng(0)
    features = protocol.one_hot(rng.integers(0, 5, (120, 6)))
    target = features @ rng.normal(size=30)
    predict = protocol.gaussian_process(features[:100], target[:100], 0, learned_on=60)
    assert np.abs(predict(features[100:]) - target[100:]).mean() < 0.1 * target.std()
