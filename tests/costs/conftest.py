"""Nodes whose multiply-adds and operations were worked out by hand, and what builds others."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from graph_nodes import data, node, tensor, weight

from ledg_rt.graph import Node


def conv(repeats=1, dtype="float32"):
    """1 x 8 x 10 x 10 to 16 channels, 3 x 3, padded, with a bias."""
    inputs = (data(1, 8, 10, 10, dtype=dtype), weight(16, 8, 3, 3, dtype=dtype), weight(16, dtype=dtype))
    return node("Conv", inputs, tensor(1, 16, 10, 10, dtype=dtype), repeats=repeats, kernel_shape=(3, 3))


MICROSOFT = "com.microsoft"
SCALE, ZERO = weight(), weight(dtype="uint8")

MACS = {
    # output elements x (channels in / group) x kernel
    "Conv 2D": (conv(), (1 * 16 * 10 * 10) * 8 * 3 * 3),
    "Conv 2D, strided": (
        node("Conv", (data(2, 3, 8, 8), weight(4, 3, 3, 3)), tensor(2, 4, 4, 4)),
        (2 * 4 * 4 * 4) * 3 * 9,
    ),
    "Conv grouped by 4": (
        node("Conv", (data(1, 8, 10, 10), weight(16, 2, 3, 3)), tensor(1, 16, 10, 10), group=4),
        (16 * 10 * 10) * (8 // 4) * 9,
    ),
    "Conv depthwise": (
        node("Conv", (data(1, 8, 10, 10), weight(8, 1, 5, 5)), tensor(1, 8, 10, 10), group=8),
        (8 * 10 * 10) * 1 * 25,
    ),
    "Conv 1D": (node("Conv", (data(2, 4, 20), weight(6, 4, 5)), tensor(2, 6, 16)), (2 * 6 * 16) * 4 * 5),
    "Conv 3D": (
        node("Conv", (data(1, 2, 6, 6, 6), weight(4, 2, 3, 3, 3)), tensor(1, 4, 4, 4, 4)),
        (4 * 4 * 4 * 4) * 2 * 27,
    ),
    # every input element is spread over channels out x kernel
    "ConvTranspose": (
        node("ConvTranspose", (data(1, 8, 5, 5), weight(8, 4, 2, 2)), tensor(1, 4, 10, 10), strides=(2, 2)),
        (8 * 5 * 5) * 4 * 2 * 2,
    ),
    "ConvTranspose grouped by 2": (
        node("ConvTranspose", (data(1, 8, 5, 5), weight(8, 2, 2, 2)), tensor(1, 4, 10, 10), group=2),
        (8 * 5 * 5) * (4 // 2) * 2 * 2,
    ),
    # rows x columns x shared
    "Gemm": (node("Gemm", (data(2, 5), weight(5, 7), weight(7)), tensor(2, 7)), 2 * 7 * 5),
    "Gemm transA": (node("Gemm", (data(5, 2), weight(5, 7)), tensor(2, 7), transA=1), 2 * 7 * 5),
    "Gemm transB": (node("Gemm", (data(2, 5), weight(7, 5)), tensor(2, 7), transB=1), 2 * 7 * 5),
    "Gemm transA, transB": (
        node("Gemm", (data(5, 2), weight(7, 5)), tensor(2, 7), transA=1, transB=1),
        2 * 7 * 5,
    ),
    "MatMul": (node("MatMul", (data(2, 5), weight(5, 7)), tensor(2, 7)), 2 * 7 * 5),
    "MatMul of vectors": (node("MatMul", (data(5), data(5)), tensor()), 5),
    "MatMul batched": (node("MatMul", (data(3, 2, 5), data(3, 5, 7)), tensor(3, 2, 7)), 3 * 2 * 7 * 5),
    "MatMul of attention": (
        node("MatMul", (data(1, 12, 197, 64), data(1, 12, 64, 197)), tensor(1, 12, 197, 197)),
        12 * 197 * 197 * 64,
    ),
    "MatMul broadcasting": (
        node("MatMul", (data(4, 1, 2, 5), data(3, 5, 7)), tensor(4, 3, 2, 7)),
        4 * 3 * 2 * 7 * 5,
    ),
    # the product of all index sizes
    "Einsum, matrix product": (
        node("Einsum", (data(2, 5), data(5, 7)), tensor(2, 7), equation="ij,jk->ik"),
        2 * 5 * 7,
    ),
    "Einsum, attention": (
        node(
            "Einsum",
            (data(1, 9, 4, 8), data(1, 11, 4, 8)),
            tensor(1, 4, 9, 11),
            equation="bqhd, bkhd -> bhqk",
        ),
        1 * 9 * 11 * 4 * 8,
    ),
    "Einsum, ellipsis": (
        node("Einsum", (data(2, 3, 4, 5), data(5, 6)), tensor(2, 3, 4, 6), equation="...ij,jk->...ik"),
        (2 * 3) * 4 * 5 * 6,
    ),
    "QLinearConv": (
        node(
            "QLinearConv",
            (
                data(1, 8, 10, 10, dtype="uint8"),
                SCALE,
                ZERO,
                weight(16, 8, 3, 3, dtype="int8"),
                SCALE,
                ZERO,
                SCALE,
                ZERO,
                weight(16, dtype="int32"),
            ),
            tensor(1, 16, 10, 10, dtype="uint8"),
        ),
        (16 * 10 * 10) * 8 * 9,
    ),
    "ConvInteger": (
        node(
            "ConvInteger",
            (data(1, 2, 4, 4, dtype="uint8"), weight(3, 2, 1, 1, dtype="uint8")),
            tensor(1, 3, 4, 4, dtype="int32"),
        ),
        (3 * 4 * 4) * 2,
    ),
    "QLinearMatMul": (
        node(
            "QLinearMatMul",
            (data(2, 5, dtype="uint8"), SCALE, ZERO, weight(5, 7, dtype="int8"), SCALE, ZERO, SCALE, ZERO),
            tensor(2, 7, dtype="uint8"),
        ),
        2 * 7 * 5,
    ),
    "MatMulInteger": (
        node(
            "MatMulInteger",
            (data(2, 5, dtype="uint8"), weight(5, 7, dtype="int8"), ZERO, ZERO),
            tensor(2, 7, dtype="int32"),
        ),
        2 * 7 * 5,
    ),
    "MatMulNBits": (  # B is packed [N, K / block, block / 2]: 64 x 4 x 16 bytes for 64 x 128 weights
        node(
            "MatMulNBits",
            (data(1, 3, 128), weight(64, 4, 16, dtype="uint8"), weight(64 * 4)),
            tensor(1, 3, 64),
            domain=MICROSOFT,
            K=128,
            N=64,
            bits=4,
            block_size=32,
        ),
        3 * 64 * 128,
    ),
    "com.microsoft Attention": (  # the three projections, then Q K^T and its product with V
        node(
            "Attention",
            (data(2, 10, 24), weight(24, 3 * 24), weight(3 * 24)),
            tensor(2, 10, 24),
            domain=MICROSOFT,
            num_heads=4,
        ),
        2 * 10 * 24 * (3 * 24) + 2 * (2 * 10 * 10 * 24),
    ),
    "com.microsoft MultiHeadAttention": (  # 6 queries on 9 keys; values are narrower than keys
        node(
            "MultiHeadAttention",
            (data(2, 6, 32), data(2, 9, 32), data(2, 9, 16)),
            tensor(2, 6, 16),
            domain=MICROSOFT,
            num_heads=4,
        ),
        2 * 6 * 9 * 32 + 2 * 6 * 9 * 16,
    ),
    "Attention": (  # the standard operator has no projections; [batch, heads, length, width]
        node("Attention", (data(1, 4, 6, 8), data(1, 4, 9, 8), data(1, 4, 9, 8)), tensor(1, 4, 6, 8)),
        2 * (4 * 6 * 9 * 8),
    ),
    # queries, keys and values packed [batch, length, heads, 3, width]: 6 tokens on 6, 4 heads of 8, there and back
    "com.microsoft MultiHeadAttention, packed": (
        node("MultiHeadAttention", (data(2, 6, 4, 3, 8),), tensor(2, 6, 32), domain=MICROSOFT, num_heads=4),
        2 * 2 * 6 * 6 * 32,
    ),
    # keys and values packed [batch, length, heads, 2, width]: 6 tokens on 9
    "com.microsoft MultiHeadAttention, packed keys": (
        node(
            "MultiHeadAttention",
            (data(2, 6, 32), data(2, 9, 4, 2, 8)),
            tensor(2, 6, 32),
            domain=MICROSOFT,
            num_heads=4,
        ),
        2 * 2 * 6 * 9 * 32,
    ),
    # one new token, 100 in the cache; 8 heads of queries share 2 of keys
    "com.microsoft GroupQueryAttention": (
        node(
            "GroupQueryAttention",
            (data(1, 1, 64), data(1, 1, 16), data(1, 1, 16), data(1, 2, 100, 8), data(1, 2, 100, 8)),
            tensor(1, 1, 64),
            domain=MICROSOFT,
            num_heads=8,
            kv_num_heads=2,
        ),
        2 * 101 * 64,
    ),
    # standard operator, 8 heads of queries on 2 of keys, [batch, heads, length, width]
    "Attention, shared keys": (
        node("Attention", (data(1, 8, 6, 8), data(1, 2, 9, 8), data(1, 2, 9, 8)), tensor(1, 8, 6, 8)),
        2 * 6 * 9 * 64,
    ),
    # steps x batch x directions x gates x hidden x (input + hidden)
    "LSTM bidirectional": (
        node(
            "LSTM",
            (data(7, 2, 10), weight(2, 4 * 6, 10), weight(2, 4 * 6, 6), weight(2, 8 * 6)),
            tensor(7, 2, 2, 6),
            hidden_size=6,
            direction="bidirectional",
        ),
        7 * 2 * 2 * (4 * 6) * (10 + 6),
    ),
    "LSTM": (
        node(
            "LSTM",
            (data(7, 2, 10), weight(1, 4 * 6, 10), weight(1, 4 * 6, 6)),
            tensor(7, 1, 2, 6),
            hidden_size=6,
        ),
        7 * 2 * (4 * 6) * (10 + 6),
    ),
    "GRU bidirectional": (
        node(
            "GRU",
            (data(7, 2, 10), weight(2, 3 * 6, 10), weight(2, 3 * 6, 6)),
            tensor(7, 2, 2, 6),
            hidden_size=6,
            direction="bidirectional",
        ),
        7 * 2 * 2 * (3 * 6) * (10 + 6),
    ),
}
"""Node -> multiply-adds."""

IMAGE = data(2, 8, 4, 4)  # 256 elements
FLOPS = {
    "MaxPool": (
        node("MaxPool", (data(1, 8, 8, 8),), tensor(1, 8, 4, 4), kernel_shape=(3, 3)),
        (8 * 4 * 4) * 9,
    ),
    "AveragePool 1D": (
        node("AveragePool", (data(1, 8, 8),), tensor(1, 8, 4), kernel_shape=(2,)),
        (8 * 4) * 2,
    ),
    "GlobalAveragePool": (node("GlobalAveragePool", (IMAGE,), tensor(2, 8, 1, 1)), 256),
    "BatchNormalization": (node("BatchNormalization", (IMAGE, *[weight(8)] * 4), IMAGE.type), 2 * 256),
    "LayerNormalization": (
        node("LayerNormalization", (data(2, 5, 8), weight(8), weight(8)), tensor(2, 5, 8)),
        8 * 80,
    ),
    "Relu": (node("Relu", (IMAGE,), IMAGE.type), 256),
    "Sigmoid": (node("Sigmoid", (IMAGE,), IMAGE.type), 6 * 256),
    "Add": (node("Add", (IMAGE, IMAGE), IMAGE.type), 256),
    "Add broadcasting": (node("Add", (data(2, 1, 4), data(3, 1)), tensor(2, 3, 4)), 2 * 3 * 4),
    "Sum of three": (node("Sum", (IMAGE, IMAGE, IMAGE), IMAGE.type), 2 * 256),
    "ReduceMean": (node("ReduceMean", (IMAGE, weight(2, dtype="int64")), tensor(2, 8, 1, 1)), 256),
    "Softmax": (node("Softmax", (data(2, 10),), tensor(2, 10)), 8 * 20),
    "QuantizeLinear": (
        node("QuantizeLinear", (IMAGE, SCALE, ZERO), tensor(2, 8, 4, 4, dtype="uint8")),
        2 * 256,
    ),
    "DequantizeLinear": (node("DequantizeLinear", (data(5, dtype="uint8"), SCALE, ZERO), tensor(5)), 2 * 5),
    "Transpose": (node("Transpose", (data(2, 3),), tensor(3, 2), perm=(1, 0)), 0),
    "Concat": (node("Concat", (data(2, 3), data(2, 4)), tensor(2, 7), axis=1), 0),
    "Gather": (node("Gather", (weight(100, 8), data(5, dtype="int64")), tensor(5, 8)), 0),
}
"""Node -> operations, of nodes that multiply and add nothing."""


@pytest.fixture(params=MACS)
def multiplying(request) -> tuple[Node, int]:
    """A node and its multiply-adds."""
    return MACS[request.param]


@pytest.fixture(params=FLOPS)
def working(request) -> tuple[Node, int]:
    """A node without multiply-adds, and its operations."""
    return FLOPS[request.param]


@pytest.fixture
def case() -> Callable[[str], Node]:
    """The node of either table by its name."""
    return {name: call for name, (call, _) in (MACS | FLOPS).items()}.__getitem__


@pytest.fixture
def nodes() -> SimpleNamespace:
    """What makes nodes: ``node``, and ``tensor``, ``data`` and ``weight`` for what it returns and reads; ``conv``."""
    return SimpleNamespace(tensor=tensor, data=data, weight=weight, node=node, conv=conv)
