"""Costs of kinds of nodes: what a kind is, what attention does not move, and rates that are shrunk."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.accuracy.kind_costs import (
    AMOUNTS,
    KindRecipe,
    Nodes,
    fit,
    kin_of,
    kind_table,
    predict,
    traits_of,
)
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

NAMES = ("mobilenet_v1/0.25-128", "mobilenet_v1/0.5-128", "mobilenet_v1/0.75-128", "mobilenet_v1/1.0-128")
PLATFORMS = [
    resolve(name)
    for name in (
        "core-i9-10940x/pytorch-2.4/fp32+compile", "nvidia-rtx-3090/pytorch-2.4/amp+throughput",
        "nvidia-rtx-3090/pytorch-2.1/amp+throughput", "nvidia-rtx-3090/pytorch-2.4/amp+nhwc+throughput",
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def graphs():
    return {name: encode_graph(read_graph(build(name).SerializeToString())) for name in NAMES}


def attention(fused):
    """softmax(q k / 8) v, or with a second reader of the softmax."""
    shapes = {"q": [1, 4, 49, 64], "k": [1, 4, 64, 49], "v": [1, 4, 49, 64]}
    nodes = [
        helper.make_node("MatMul", ["q", "k"], ["s"]), helper.make_node("Mul", ["s", "scale"], ["m"]),
        helper.make_node("Softmax", ["m"], ["p"]), helper.make_node("MatMul", ["p", "v"], ["o"]),
    ]  # fmt: skip
    outputs = [helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 4, 49, 64])]
    if not fused:
        nodes.append(helper.make_node("Relu", ["p"], ["r"]))
        outputs.append(helper.make_tensor_value_info("r", TensorProto.FLOAT, [1, 4, 49, 49]))
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    scale = [helper.make_tensor("scale", TensorProto.FLOAT, [], [0.125])]
    model = helper.make_model(helper.make_graph(nodes, "attention", inputs, outputs, scale))
    return Nodes(encode_graph(read_graph(onnx.ModelProto.SerializeToString(model))))


def test_softmax_between_products_is_attention_and_its_matrix_stays_inside():
    nodes = attention(fused=True)
    assert sorted(nodes.attention().values()) == ["mask", "scores", "softmax", "values"]
    inside = sum(found for _, found in traits_of(nodes))
    outside = nodes.gigabytes.sum() - inside
    assert outside == pytest.approx(4 * 4e-9 * 4 * 49 * 64, rel=0.01)


def test_a_softmax_that_others_read_too_is_no_attention():
    nodes = attention(fused=False)
    assert nodes.attention() == {}
    assert all(inside == 0 for _, inside in traits_of(nodes))


def test_nodes_with_the_same_traits_are_one_kind_and_amounts_add_up(graphs):
    table = kind_table(graphs, NAMES)
    assert len(table.starts) < len(graphs[NAMES[0]].text)
    first = table.amounts[table.graph == 0]
    assert first[:, AMOUNTS.index("GFLOPs")].sum() == pytest.approx(
        graphs[NAMES[0]].work[:, 0].sum(), rel=1e-5
    )
    assert first[:, AMOUNTS.index("thousand launches")].sum() == pytest.approx(
        len(graphs[NAMES[0]].text) / 1000
    )


def test_kin_run_alike():
    kin = kin_of(PLATFORMS)
    assert kin.shape == (3, 4)
    assert kin[:, 1].tolist() == kin[:, 2].tolist()
    assert kin.sum(0).tolist() == [1, 1, 1, 1]


def test_rates_are_learned_and_penalties_shrink_them(graphs):
    table = kind_table(graphs, NAMES)
    log_ms = np.log([[3, 1, 1, 2], [7, 2, 2, 4], [12, 3, np.nan, 6], [19, 4, 4, 8]])
    free = fit(KindRecipe(0, 0, 0), table, np.arange(4), log_ms, PLATFORMS)
    held = fit(KindRecipe(100, 100, 100), table, np.arange(4), log_ms, PLATFORMS)
    found = predict(free, np.arange(4))
    assert np.nanmax(np.abs(found - log_ms)) < 0.2
    assert float(held.own.abs().max()) < 0.1 < float(free.own.abs().max())
    np.testing.assert_allclose(predict(free, np.array([3, 1])), found[[3, 1]], rtol=1e-5)
