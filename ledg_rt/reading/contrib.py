"""Output types of operators outside the standard that real files use: ONNX Runtime's com.microsoft.

onnx has no schema for them. Shapes follow ONNX Runtime's ContribOperators documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from onnx import TypeProto

from ledg_rt.reading.protos import element_type, tensor_proto_type

if TYPE_CHECKING:
    from ledg_rt.reading.inference import Call

DOMAIN = "com.microsoft"

Shape = tuple[int | None, ...] | None

_SAME_AS_INPUT = frozenset((
    "Attention", "BiasGelu", "BiasSoftmax", "BiasSplitGelu", "FastGelu", "Gelu", "GroupNorm",
    "GroupQueryAttention", "LayerNormalization", "MultiHeadAttention", "PackedAttention",
    "PackedMultiHeadAttention", "QAttention", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax",
    "QuickGelu", "RotaryEmbedding", "SimplifiedLayerNormalization", "SkipGroupNorm",
    "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "QuantizeLinear", "DequantizeLinear",
))  # fmt: skip

_BROADCAST = {"QLinearAdd": (0, 3), "QLinearMul": (0, 3), "QLinearWhere": (1, 4), "BiasAdd": (0, 2)}


def knows(op: str, domain: str) -> bool:
    """Whether ``output_types`` has a rule for the operator."""
    return domain == DOMAIN and (op in _SAME_AS_INPUT or op in _BROADCAST or op in _RULES)


def output_types(call: Call) -> list[TypeProto] | None:
    """Types of all outputs, empty where open; ``None`` for operators without a rule."""
    if not knows(call.op, call.domain) or not call.inputs or call.inputs[0] is None:
        return None
    if call.op in _SAME_AS_INPUT:
        shape = _attention_shape(call) if "Attention" in call.op else _shape(call, 0)
    elif call.op in _BROADCAST:
        left, right = _BROADCAST[call.op]
        shape = _broadcast(_shape(call, left), _shape(call, right))
    else:
        shape = _RULES[call.op](call)
    first = tensor_proto_type(_element_type(call), shape)
    others = [TypeProto() for _ in call.node.output[1:]]
    if call.op in ("SkipLayerNormalization", "SkipSimplifiedLayerNormalization") and len(others) == 3:
        others[2] = first  # the sum that was normalised
    return [first, *others][: len(call.node.output)]


def _shape(call: Call, position: int) -> Shape:
    value = call.inputs[position] if position < len(call.inputs) else None
    return value.shape if value is not None else None


def _element_type(call: Call) -> int:
    source = {
        "QuantizeLinear": 2,
        "DequantizeLinear": 1,
        "MatMulIntegerToFloat": 2,
        "DynamicQuantizeMatMul": 0,
    }
    position = source.get(call.op, 0)
    value = call.inputs[position] if position < len(call.inputs) else None
    return element_type(value.type) if value is not None else 0


def _attention_shape(call: Call) -> Shape:
    """[batch, sequence, hidden of the values]; packed weights hold queries, keys and values."""
    data, weight = _shape(call, 0), _shape(call, 1)
    if call.op in ("Attention", "QAttention") and data and len(data) == 3 and weight and len(weight) == 2:
        sizes = call.attributes.get("qkv_hidden_sizes")
        if isinstance(sizes, tuple) and len(sizes) == 3:
            return (*data[:2], int(sizes[2]))
        return (*data[:2], weight[1] // 3 if weight[1] is not None else None)
    values = _shape(call, 2)
    if call.op == "MultiHeadAttention" and data and len(data) == 3 and values and len(values) == 3:
        return (*data[:2], values[2])
    return data


def _broadcast(left: Shape, right: Shape) -> Shape:
    if left is None or right is None or None in left or None in right:
        return None
    try:
        return np.broadcast_shapes(left, right)  # type: ignore[arg-type]
    except ValueError:
        return None


def _matmul(call: Call, right_at: int = 1) -> Shape:
    left, right = _shape(call, 0), _shape(call, right_at)
    if left is None or right is None or len(left) < 2 or len(right) < 2:
        return None
    if call.attributes.get("transA"):
        left = (*left[:-2], left[-1], left[-2])
    if call.attributes.get("transB"):
        right = (*right[:-2], right[-1], right[-2])
    if left[-1] is not None and right[-2] is not None and left[-1] != right[-2]:
        return None
    batch = _broadcast(left[:-2], right[:-2])
    return (*batch, left[-2], right[-1]) if batch is not None else None


def _quantized_gemm(call: Call) -> Shape:
    return _matmul(call, right_at=3)


def _matmul_n_bits(call: Call) -> Shape:
    data, width = _shape(call, 0), call.attributes.get("N")
    return (*data[:-1], width) if data and isinstance(width, int) else None


def _embedding(call: Call) -> Shape:
    ids, words = _shape(call, 0), _shape(call, 2)
    return (*ids, words[-1]) if ids is not None and words else None


def _quantized_concat(call: Call) -> Shape:
    axis = call.attributes.get("axis")
    shapes = [_shape(call, position) for position in range(2, len(call.inputs), 3)]
    if not isinstance(axis, int) or not shapes or any(shape is None or None in shape for shape in shapes):
        return None
    first = list(shapes[0] or ())
    if not -len(first) <= axis < len(first) or any(len(shape or ()) != len(first) for shape in shapes):
        return None
    first[axis] = sum((shape or ())[axis] or 0 for shape in shapes)
    return tuple(first)


def _quantized_global_pool(call: Call) -> Shape:
    data = _shape(call, 0)
    if not data or len(data) < 3:
        return None
    spatial = (1,) * (len(data) - 2)
    return (data[0], *spatial, data[-1]) if call.attributes.get("channels_last") else (*data[:2], *spatial)


def _fused_conv(call: Call) -> Shape:
    """Convolution arithmetic as in the ONNX operator reference, Conv, for explicit padding."""
    data, weight = _shape(call, 0), _shape(call, 1)
    if not data or not weight or len(data) != len(weight) or None in data or None in weight:
        return None
    rank = len(data) - 2
    strides, dilations, pads = (
        _whole(call, name, fill, count)
        for name, fill, count in (("strides", 1, rank), ("dilations", 1, rank), ("pads", 0, 2 * rank))
    )
    if min((*strides, *dilations), default=1) < 1 or len(pads) != 2 * rank or len(strides) != rank:
        return None
    same = str(call.attributes.get("auto_pad", "NOTSET")).startswith("SAME")
    out: list[int | None] = [data[0], weight[0]]
    for axis in range(rank):
        size, kernel = int(data[axis + 2] or 0), int(weight[axis + 2] or 0)
        reach = dilations[axis] * (kernel - 1) + 1
        padded = size + pads[axis] + pads[axis + rank]
        out.append(-(-size // strides[axis]) if same else (padded - reach) // strides[axis] + 1)
    return tuple(out) if all(size is not None and size > 0 for size in out) else None


def _whole(call: Call, name: str, fill: int, count: int) -> tuple[int, ...]:
    value = call.attributes.get(name)
    return tuple(int(entry) for entry in value) if isinstance(value, tuple) else (fill,) * count


_RULES: Mapping[str, Callable[[Call], Shape]] = {
    "FusedMatMul": _matmul, "FusedGemm": _matmul, "DynamicQuantizeMatMul": _matmul,
    "MatMulIntegerToFloat": _matmul, "QGemm": _quantized_gemm, "MatMulNBits": _matmul_n_bits,
    "MatMulBnb4": _matmul_n_bits, "MatMulFpQ4": _matmul_n_bits, "EmbedLayerNormalization": _embedding,
    "QLinearConcat": _quantized_concat, "QLinearGlobalAveragePool": _quantized_global_pool,
    "FusedConv": _fused_conv,
}  # fmt: skip
