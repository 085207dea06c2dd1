"""Operators beyond convolutions and plain products: figures worked out by hand, hostile attributes."""

import math

import onnx.defs
import pytest
from graph_nodes import data, node, tensor, weight

from ledg_rt.costs import graph_cost, is_view, node_cost, op_family
from ledg_rt.graph import Graph, Input, Node, TensorType

MICROSOFT = "com.microsoft"
SCALE, ZERO = weight(), weight(dtype="uint8")
IMAGE = data(1, 8, 4, 4)


def test_ellipsis_of_two_operands_broadcasts_each_dimension():
    call = node(
        "Einsum", (data(3, 1, 2, 5), data(1, 4, 5, 7)), tensor(3, 4, 2, 7), equation="...ij,...jk->...ik"
    )
    assert node_cost(call).macs == (3 * 4) * 2 * 5 * 7


def test_ellipses_of_different_rank_meet_at_the_right():
    call = node(
        "Einsum", (data(3, 4, 2, 5), data(4, 5, 7)), tensor(3, 4, 2, 7), equation="...ij,...jk->...ik"
    )
    assert node_cost(call).macs == (3 * 4) * 2 * 5 * 7


def test_ellipsis_in_the_middle():
    call = node("Einsum", (data(2, 3, 4, 5), data(5, 6)), tensor(2, 3, 4, 6), equation="i...j,jk->i...k")
    assert node_cost(call).macs == 2 * (3 * 4) * 5 * 6


@pytest.mark.parametrize("equation", ["ij->ji", "ij->i"])
def test_einsum_of_one_operand_multiplies_nothing(equation):
    cost = node_cost(node("Einsum", (data(4, 6),), tensor(6, 4), equation=equation))
    assert (cost.macs, cost.flops) == (0, 4 * 6)


def test_attention_with_projections_of_different_widths():
    """Weights [24, 16 + 16 + 32]: queries and keys of 16, values of 32."""
    call = node(
        "Attention", (data(2, 10, 24), weight(24, 64), weight(64)), tensor(2, 10, 32), domain=MICROSOFT,
        num_heads=4, qkv_hidden_sizes=(16, 16, 32),
    )  # fmt: skip
    assert node_cost(call).macs == 2 * 10 * 24 * 64 + 2 * 10 * 10 * (16 + 32)


def test_attention_with_projections_reads_its_cache():
    """One new token on 99 cached ones."""
    call = node(
        "Attention", (data(1, 1, 24), weight(24, 72), weight(72), None, data(2, 1, 4, 99, 6)),
        tensor(1, 1, 24), domain=MICROSOFT, num_heads=4,
    )  # fmt: skip
    assert node_cost(call).macs == 24 * 72 + 100 * (24 + 24)


def test_quantized_attention():
    """QAttention: cached keys are the ninth input."""
    call = node(
        "QAttention",
        (data(1, 2, 24, dtype="uint8"), weight(24, 72, dtype="int8"), weight(72), SCALE, SCALE, None, ZERO, ZERO,
         data(2, 1, 4, 8, 6)),
        tensor(1, 2, 24), domain=MICROSOFT, num_heads=4,
    )  # fmt: skip
    cost = node_cost(call)
    assert cost.known
    assert cost.macs == 2 * 24 * 72 + 2 * 10 * (24 + 24)


@pytest.mark.parametrize("op", ["MatMulNBits", "MatMulBnb4", "MatMulFpQ4"])
def test_packed_weights_count_what_they_hold(op):
    call = node(
        op, (data(3, 128), weight(64 * 64, dtype="uint8"), weight(64)), tensor(3, 64), domain=MICROSOFT, K=128, N=64
    )  # fmt: skip
    cost = node_cost(call)
    assert cost.known
    assert cost.macs == 3 * 64 * 128


def test_deformable_convolution_samples_before_it_multiplies():
    """Each of 4 x 4 pixels samples 8 channels at 3 x 3 places, at 8 operations a bilinear sample."""
    call = node(
        "DeformConv", (IMAGE, weight(16, 8, 3, 3), data(1, 18, 4, 4)), tensor(1, 16, 4, 4), kernel_shape=(3, 3)
    )  # fmt: skip
    cost = node_cost(call)
    assert cost.macs == (16 * 4 * 4) * 8 * 9
    assert cost.flops == 2 * cost.macs + 8 * (4 * 4 * 8 * 9)


@pytest.mark.parametrize(("ratio", "samples"), [(0, 1), (1, 1), (2, 4)])
def test_region_pooling_samples_by_its_output_and_not_by_its_map(ratio, samples):
    call = node(
        "RoiAlign", (data(1, 8, 200, 200), data(5, 4), data(5, dtype="int64")), tensor(5, 8, 7, 7),
        output_height=7, output_width=7, sampling_ratio=ratio,
    )  # fmt: skip
    assert node_cost(call).flops == 8 * samples * (5 * 8 * 7 * 7)


@pytest.mark.parametrize(
    ("call", "read"),
    [
        # data, int64 indices and updates
        (
            node("ScatterND", (data(100, 8), data(5, 1, dtype="int64"), data(5, 8)), tensor(100, 8)),
            4 * 100 * 8 + 8 * 5 + 4 * 5 * 8,
        ),
        (node("GridSample", (data(1, 3, 8, 8), data(1, 4, 4, 2)), tensor(1, 3, 4, 4)), 4 * (3 * 64 + 32)),
        # the third input is a shape
        (
            node(
                "MaxUnpool",
                (data(1, 1, 2, 2), data(1, 1, 2, 2, dtype="int64"), data(4, dtype="int64")),
                tensor(1, 1, 4, 4),
            ),
            4 * 4 + 8 * 4,
        ),
        (node("Reshape", (data(2, 3), data(1, dtype="int64")), tensor(6)), 0),
        (node("Pad", (data(2, 3), data(4, dtype="int64")), tensor(4, 5)), 4 * 6),
    ],
    ids=lambda value: value.op if isinstance(value, Node) else "",
)
def test_movement_reads_its_data(call, read):
    assert node_cost(call).input_bytes == read


def test_quantized_concatenation_reads_every_part():
    """Scale and zero point of the output, then data, scale and zero point of each part."""
    part = data(1, 8, 4, 4, dtype="uint8")
    call = node(
        "QLinearConcat", (SCALE, ZERO, part, SCALE, ZERO, part, SCALE, ZERO),
        tensor(1, 16, 4, 4, dtype="uint8"), domain=MICROSOFT, axis=1,
    )  # fmt: skip
    assert node_cost(call).input_bytes == 2 * 8 * 16 + 3 * (4 + 1)


@pytest.mark.parametrize(
    ("call", "family"),
    [
        (node("Conv", (IMAGE, weight(8, 1, 3, 3)), IMAGE.type, group=8), "depthwise_conv"),
        (node("Conv", (IMAGE, weight(8, 2, 3, 3)), IMAGE.type, group=4), "conv"),
        (node("Conv", (data(1, 1, 4, 4), weight(8, 1, 3, 3)), IMAGE.type), "conv"),
        (node("Gather", (weight(100, 8), data(5, dtype="int64")), tensor(5, 8)), "embedding"),
        (node("Gather", (data(100, 8), weight(5, dtype="int64")), tensor(5, 8)), "movement"),
        (node("Gather", (weight(9), data(1)), tensor(1), domain="com.example"), "unknown"),
        (node("GroupQueryAttention", (IMAGE,), IMAGE.type, domain=MICROSOFT), "attention"),
        (node("LSTM", (), IMAGE.type), "recurrent"),
        (node("DequantizeLinear", (IMAGE,), IMAGE.type), "quantize"),
        (node("BitCast", (IMAGE,), tensor(1, 8, 4, 4, dtype="int32")), "view"),
    ],
    ids=lambda value: value.op if isinstance(value, Node) else value,
)
def test_family(call, family):
    assert op_family(call) == family
    assert is_view(call) == (family == "view")


def test_depthwise_convolution_has_learned_parameters():
    assert node_cost(node("Conv", (IMAGE, weight(8, 1, 3, 3)), IMAGE.type, group=8)).parameters == 8 * 9


def test_activations_are_what_nodes_write():
    relu = node("Relu", (IMAGE,), IMAGE.type, repeats=3)
    view = node("Reshape", (IMAGE, weight(2, dtype="int64")), tensor(8, 16))
    odd = node("Frobnicate", (IMAGE,), tensor(2, 5), domain="com.example")
    assert graph_cost(Graph((relu, view, odd), ())).activation_elements == 3 * 128 + 2 * 5


# Control flow is expanded by the reader; losses, text and images are not what a deployed network computes.
LEFT_OUT = {
    "Constant", "If", "ImageDecoder", "Loop", "NegativeLogLikelihoodLoss", "RegexFullMatch", "Scan", "SequenceMap",
    "SoftmaxCrossEntropyLoss", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer",
}  # fmt: skip
STANDARD = sorted(
    {
        schema.name
        for schema in onnx.defs.get_all_schemas_with_history()
        if schema.domain == "" and schema.since_version <= 24 and not schema.deprecated
    }
)


def test_every_standard_operator_is_known():
    unknown = {op for op in STANDARD if not node_cost(node(op, (IMAGE,), IMAGE.type)).known}
    assert unknown == LEFT_OUT


CONTRIB = (
    "Attention", "MultiHeadAttention", "GroupQueryAttention", "QAttention", "MatMulNBits", "FusedMatMul", "QGemm",
    "NhwcMaxPool",
)  # fmt: skip
NAMES = (
    "transA", "K", "num_heads", "q_num_heads", "kernel_shape", "equation", "group", "sampling_ratio", "qkv_hidden_sizes",
)  # fmt: skip
HOSTILE = (
    math.nan, math.inf, -math.inf, -3, 0, 2**63 - 1, "x", "...->,,", (), (math.nan,), (-1, 0), ("a", "b", "c"),
)  # fmt: skip


SHAPES = (None, (), (0,), (None, 3), (2, 3, 4), (1, 2, 3, 4), (2**40,) * 5)
CALLS = [*((op, "") for op in STANDARD), *((op, MICROSOFT) for op in CONTRIB)]


def check(op, domain, shape, attributes):
    slot = TensorType("float32", shape)
    inputs = tuple(Input(slot, constant=at % 2 == 1) for at in range(6))
    for outputs in ((slot,), ()):
        cost = node_cost(Node(op, inputs, outputs, attributes, domain))
        assert cost.macs >= 0
        assert cost.flops >= 2 * cost.macs
        assert cost.input_bytes >= 0


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_breaks_a_cost(shape):
    for op, domain in CALLS:
        check(op, domain, shape, {})


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("name", NAMES)
def test_no_attribute_breaks_a_cost(name, value):
    for op, domain in CALLS:
        for shape in ((2, 3, 4), (1, 2, 3, 4)):
            check(op, domain, shape, {name: value})
