"""Costs of kinds of nodes: what a kind is, and rates that are learned and shrunk."""

import numpy as np
import pytest

from benchmarks.accuracy.kind_costs import AMOUNTS, KindRecipe, Nodes, fit, kind_table, predict, traits_of
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

NAMES = ("mobilenet_v1/0.25-128", "mobilenet_v1/0.5-128", "mobilenet_v1/0.75-128", "mobilenet_v1/1.0-128")
PLATFORMS = [
    resolve(name)
    for name in ("core-i9-10940x/pytorch-2.4/fp32+compile", "nvidia-rtx-3090/pytorch-2.4/amp+throughput")
]


@pytest.fixture(scope="module")
def graphs():
    return {name: encode_graph(read_graph(build(name).SerializeToString())) for name in NAMES}


def test_a_convolution_has_the_traits_of_its_kind(graphs):
    found = list(traits_of(Nodes(graphs["mobilenet_v1/0.5-128"])))
    conv = "Conv with learned weights"
    depthwise = [traits for traits in found if (conv, "depthwise") in traits]
    pointwise = [traits for traits in found if (conv, "pointwise") in traits]
    # The classifier is a pointwise convolution too.
    assert (len(depthwise), len(pointwise)) == (13, 14)
    assert not any((conv, "depthwise") in traits for traits in pointwise)
    assert {trait[-1] for traits in depthwise for trait in traits if "strided" in trait} == {False, True}
    # 16 channels in, 32 out, where the first block widens.
    assert {(conv, "pointwise", "depth", 4), (conv, "pointwise", "columns", 5)} <= set(pointwise[0])


def test_nodes_with_the_same_traits_are_one_kind_and_amounts_add_up(graphs):
    table = kind_table(graphs, NAMES)
    encoding, first = graphs[NAMES[0]], table.amounts[table.graph == 0]
    assert len(first) < len(encoding.text)
    assert first[:, AMOUNTS.index("GFLOPs")].sum() == pytest.approx(encoding.work[:, 0].sum(), rel=1e-5)
    assert first[:, AMOUNTS.index("thousand launches")].sum() == pytest.approx(len(encoding.text) / 1000)


def test_rates_are_learned_and_penalties_shrink_them(graphs):
    table = kind_table(graphs, NAMES)
    log_ms = np.log([[3, 1], [7, 2], [12, np.nan], [19, 4]])
    free = fit(KindRecipe(0, 0), table, np.arange(4), log_ms, PLATFORMS)
    held = fit(KindRecipe(100, 100), table, np.arange(4), log_ms, PLATFORMS)
    found = predict(free, np.arange(4))
    assert np.nanmax(np.abs(found - log_ms)) < 0.2
    weights = [model.own.detach().abs().max() for model in (held, free)]
    assert weights[0] < 0.1 < weights[1]
    np.testing.assert_allclose(predict(free, np.array([3, 1])), found[[3, 1]], rtol=1e-4)
