"""Multiply-adds and operations against figures worked out by hand."""

from math import prod

import pytest

from ledg_rt.costs import graph_cost, node_cost, op_family
from ledg_rt.graph import Graph, Input, TensorType


def test_multiply_adds(multiplying):
    call, macs = multiplying
    cost = node_cost(call)
    assert cost.macs == macs
    assert cost.flops >= 2 * macs
    assert cost.known
    assert cost.resolved


@pytest.mark.parametrize(
    "name", ["Conv 2D", "ConvTranspose", "Gemm", "MatMul batched", "Einsum, ellipsis", "QLinearConv"]
)
def test_a_multiply_add_is_two_operations(case, name):
    cost = node_cost(case(name))
    assert cost.flops == 2 * cost.macs


def test_attention_adds_its_softmax(case):
    one, two = (node_cost(case(f"com.microsoft {name}")) for name in ("Attention", "MultiHeadAttention"))
    assert one.flops == 2 * one.macs + 8 * (2 * 4 * 10 * 10)  # batch x heads x queries x keys
    assert two.flops == 2 * two.macs + 8 * (2 * 4 * 6 * 9)


def test_recurrent_gates_add_their_activations(case):
    cost = node_cost(case("LSTM bidirectional"))
    assert cost.flops == 2 * cost.macs + 5 * (7 * 2 * 2 * 4 * 6)


def test_operations(working):
    call, flops = working
    cost = node_cost(call)
    assert (cost.macs, cost.flops) == (0, flops)
    assert cost.known
    assert cost.resolved


@pytest.mark.parametrize("domain", ["", "com.example"])
def test_unknown_operator_is_not_free(domain, nodes):
    call = nodes.node("Frobnicate", (nodes.data(2, 8), nodes.weight(8)), nodes.tensor(2, 8), domain=domain)
    cost = node_cost(call)
    assert not cost.known
    assert op_family(call) == "unknown"
    assert cost.macs == 0
    assert cost.flops == 2 * 8
    assert (cost.input_bytes, cost.output_bytes, cost.weight_bytes) == (4 * 16, 4 * 16, 4 * 8)
    assert cost.float_elements == 16 + 16 + 8


def test_known_name_in_a_foreign_domain_is_unknown(nodes):
    image = nodes.data(2, 8, 4, 4)
    call = nodes.node("Conv", (image, nodes.weight(8, 8, 3, 3)), image.type, domain="com.example")
    assert not node_cost(call).known


@pytest.mark.parametrize("shape", [None, (1, None, 4)])
def test_unresolved_shape_is_told(shape, nodes):
    unresolved = TensorType("float32", shape)
    assert not node_cost(nodes.node("Relu", (Input(unresolved),), nodes.tensor(1, 8, 4))).resolved
    assert not node_cost(nodes.node("Relu", (nodes.data(1, 8, 4),), unresolved)).resolved


def test_unresolved_dimension_counts_as_one(nodes):
    assert node_cost(nodes.node("Relu", (nodes.data(None, 8),), nodes.tensor(None, 8))).flops == 8


def test_omitted_input_is_no_unresolved_one(nodes):
    call = nodes.node("Clip", (nodes.data(2, 3), None, nodes.weight()), nodes.tensor(2, 3))
    cost = node_cost(call)
    assert cost.resolved
    assert cost.weight_bytes == 4


def test_totals_are_sums_and_name_the_unknown(nodes, case):
    odd = nodes.node("Frobnicate", (nodes.data(2, 8),), nodes.tensor(2, 8), domain="com.example")
    calls = (nodes.conv(), case("Relu"), odd, odd)
    totals = graph_cost(Graph(calls, ()))
    assert totals.macs == (16 * 10 * 10) * 8 * 9
    assert totals.flops == 2 * totals.macs + 256 + 16 + 16
    assert totals.parameters == 16 * 8 * 9 + 16
    assert totals.weight_bytes == 4 * totals.parameters
    assert totals.unknown_ops == {("com.example", "Frobnicate"): 2}
    assert totals.resolved
    assert not graph_cost(Graph((nodes.node("Relu", (nodes.data(None),), nodes.tensor(None)),), ())).resolved


def test_attention_of_a_transformer_adds_what_timm_leaves_out(nodes):
    """ViT-B/16: 12 layers of 197 tokens, two products of 197 x 197 x 768 each: 17.56 - 16.87 G."""
    length, width = 197, 768
    product = prod((length, length, width))
    scores = nodes.node(
        "MatMul",
        (nodes.data(1, 12, length, 64), nodes.data(1, 12, 64, length)),
        nodes.tensor(1, 12, length, length),
    )
    values = nodes.node(
        "MatMul",
        (nodes.data(1, 12, length, length), nodes.data(1, 12, length, 64)),
        nodes.tensor(1, 12, length, 64),
    )
    totals = graph_cost(Graph((scores, values) * 12, ()))
    assert totals.macs == 12 * 2 * product
    assert totals.macs / 1e9 == pytest.approx(17.56 - 16.87, abs=0.03)
