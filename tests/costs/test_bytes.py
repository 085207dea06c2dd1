"""Bytes, elements and parameters against figures worked out by hand."""

import pytest

from ledg_rt.costs import is_view, node_cost


def test_bytes_and_parameters_of_a_convolution(nodes):
    cost = node_cost(nodes.conv())
    weights = 16 * 8 * 3 * 3 + 16
    assert cost.input_bytes == 4 * 8 * 10 * 10
    assert cost.output_bytes == 4 * 16 * 10 * 10
    assert cost.parameters == cost.float_weights == weights
    assert cost.weight_bytes == 4 * weights
    assert cost.float_elements == 8 * 10 * 10 + 16 * 10 * 10 + weights
    assert cost.fixed_bytes == 0


def test_half_precision_halves_bytes_and_leaves_elements(nodes):
    single, half = node_cost(nodes.conv()), node_cost(nodes.conv(dtype="float16"))
    for name in ("input_bytes", "output_bytes", "weight_bytes"):
        assert 2 * getattr(half, name) == getattr(single, name), name
    for name in ("macs", "flops", "parameters", "float_elements", "float_weights"):
        assert getattr(half, name) == getattr(single, name), name


def test_integer_weight_keeps_its_bytes_and_float_data_counts_as_elements(nodes):
    call = nodes.node(
        "Conv",
        (nodes.data(1, 8, 10, 10), nodes.weight(16, 8, 3, 3, dtype="int8")),
        nodes.tensor(1, 16, 10, 10),
    )
    cost = node_cost(call)
    assert cost.fixed_bytes == cost.weight_bytes == cost.parameters == 16 * 8 * 3 * 3
    assert cost.float_elements == 8 * 10 * 10 + 16 * 10 * 10
    assert cost.float_weights == 0


def test_bytes_of_a_quantized_convolution(case):
    cost = node_cost(case("QLinearConv"))
    constants = 16 * 8 * 9 + 4 * 16 + 3 * 4 + 3 * 1  # int8 weight, int32 bias, three scales and zero points
    assert cost.weight_bytes == constants
    assert cost.parameters == 16 * 8 * 9 + 16
    assert cost.float_elements == cost.float_weights == 3
    assert cost.fixed_bytes == 8 * 10 * 10 + 16 * 10 * 10 + constants - 3 * 4


def test_four_bit_weights_are_read_packed(case):
    cost = node_cost(case("MatMulNBits"))
    assert (
        cost.weight_bytes == 64 * 128 // 2 + 4 * 64 * 4
    )  # half a byte a weight, a float scale a block of 32
    assert cost.fixed_bytes == 64 * 128 // 2
    assert cost.float_elements == 3 * 128 + 3 * 64 + 64 * 4


def test_bytes_of_quantization(case):
    cost = node_cost(case("QuantizeLinear"))
    assert (cost.input_bytes, cost.output_bytes) == (4 * 256, 256)
    assert cost.float_elements == 256 + 1  # and the scale
    assert cost.fixed_bytes == 256 + 1  # and the zero point
    assert cost.parameters == 0


def test_running_statistics_are_stored_but_not_learned(case):
    cost = node_cost(case("BatchNormalization"))
    assert cost.parameters == 2 * 8
    assert cost.weight_bytes == 4 * 4 * 8


def test_parameters_of_other_operators(case):
    assert node_cost(case("LayerNormalization")).parameters == 8 + 8
    assert node_cost(case("Gemm")).parameters == 5 * 7 + 7
    lstm = node_cost(case("LSTM bidirectional"))
    assert lstm.parameters == 2 * (4 * 6) * (10 + 6) + 2 * 8 * 6
    assert node_cost(case("MatMul batched")).parameters == 0


def test_broadcast_operands_are_read_at_their_own_size(case):
    cost = node_cost(case("Add broadcasting"))
    assert cost.input_bytes == 4 * (2 * 1 * 4 + 3 * 1)
    assert cost.output_bytes == 4 * (2 * 3 * 4)


def test_moved_data_is_read_and_written(case):
    transpose, concat = node_cost(case("Transpose")), node_cost(case("Concat"))
    assert (transpose.input_bytes, transpose.output_bytes, transpose.float_elements) == (4 * 6, 4 * 6, 6 + 6)
    assert (concat.input_bytes, concat.output_bytes, concat.float_elements) == (4 * (6 + 8), 4 * 14, 14 + 14)


@pytest.mark.parametrize("op", ["Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"])
def test_view_costs_nothing(op, nodes):
    call = nodes.node(op, (nodes.data(2, 3, 4), nodes.weight(2, dtype="int64")), nodes.tensor(2, 12))
    cost = node_cost(call)
    assert is_view(call)
    assert (cost.macs, cost.flops, cost.input_bytes, cost.output_bytes, cost.weight_bytes) == (0, 0, 0, 0, 0)
    assert (cost.parameters, cost.float_elements, cost.fixed_bytes) == (0, 0, 0)
    assert cost.known


def test_lookup_reads_its_rows_and_keeps_the_whole_table(case):
    cost = node_cost(case("Gather"))
    assert cost.input_bytes == 5 * 8  # int64 indices
    assert cost.float_weights == 5 * 8  # rows read, not 100 x 8
    assert cost.float_elements == 5 * 8 + 5 * 8
    assert cost.output_bytes == 4 * 5 * 8
    assert cost.parameters == 100 * 8
    assert cost.weight_bytes == 4 * 100 * 8


def test_repeats_multiply_the_work_and_not_the_weights(nodes):
    once, thrice = node_cost(nodes.conv()), node_cost(nodes.conv(repeats=3))
    for name in (
        "macs",
        "flops",
        "input_bytes",
        "output_bytes",
        "float_elements",
        "float_weights",
        "fixed_bytes",
    ):
        assert getattr(thrice, name) == 3 * getattr(once, name), name
    assert thrice.parameters == once.parameters
    assert thrice.weight_bytes == once.weight_bytes


def test_slice_of_an_activation_reads_what_it_returns_and_has_no_weights(nodes):
    cost = node_cost(
        nodes.node("Slice", (nodes.data(1, 64, 8, 8), nodes.weight(1)), nodes.tensor(1, 16, 8, 8))
    )
    assert (cost.float_weights, cost.weight_bytes, cost.input_bytes) == (0, 0, 4 * 16 * 8 * 8)
