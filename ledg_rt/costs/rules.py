"""Arithmetic of each operator family: (multiply-adds, other operations) of one run of a node.

A rule reads shapes and attributes as the file gives them, hostile ones included: sizes that are missing
count as 1, attributes that make no sense as their default, and nothing comes out negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from math import prod

from ledg_rt.graph import Node, TensorType

Rule = Callable[[Node], tuple[int, int]]
"""(multiply-adds, other operations) of one run of a node."""

_SAMPLE = 8
"""Operations of one bilinear sample: four products, three sums, and the share of its coordinates."""


def elements(tensor: TensorType | None) -> int:
    """Elements of a tensor that may be omitted."""
    return tensor.elements if tensor is not None else 0


def output_elements(node: Node) -> int:
    """Elements of all outputs of one run."""
    return sum(out.elements for out in node.outputs)


def slot_type(node: Node, at: int) -> TensorType | None:
    """Type of the input in slot ``at``; None where it is omitted."""
    slot = node.inputs[at] if at < len(node.inputs) else None
    return slot.type if slot is not None else None


def _dims(tensor: TensorType | None) -> tuple[int, ...]:
    shape = tensor.shape if tensor is not None else None
    return tuple(1 if dim is None else dim for dim in shape) if shape else ()


def _size(value: object, default: int) -> int:
    """``value`` where it is a finite number above 0."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value)
    return value if isinstance(value, int) and value > 0 else default


def _attribute(node: Node, name: str, default: int) -> int:
    return _size(node.attributes.get(name), default)


def _flag(node: Node, name: str) -> bool:
    return bool(_attribute(node, name, 0))


def conv(weight_at: int) -> Rule:
    """Each output element takes (channels in / group) x kernel multiply-adds."""

    def rule(node: Node) -> tuple[int, int]:
        return elements(node.outputs[0]) * prod(_dims(slot_type(node, weight_at))[1:]), 0

    return rule


def deform_conv(node: Node) -> tuple[int, int]:
    """A convolution over values that are sampled first: one a kernel position, channel and output pixel."""
    macs, _ = conv(1)(node)
    out, channels = _dims(node.outputs[0]), _dims(slot_type(node, 0))[1:2]
    kernel = _dims(slot_type(node, 1))[2:]
    return macs, _SAMPLE * prod((*out[:1], *out[2:], *channels, *kernel))


def conv_transpose(node: Node) -> tuple[int, int]:
    """Each input element is spread over (channels out / group) x kernel."""
    return elements(slot_type(node, 0)) * prod(_dims(slot_type(node, 1))[1:]), 0


def matmul(node: Node) -> tuple[int, int]:
    """Output elements times the shared dimension, the last of A (the one before where A is transposed)."""
    a = _dims(slot_type(node, 0))
    shared = (a[-2] if _flag(node, "transA") and len(a) > 1 else a[-1]) if a else 1
    return elements(node.outputs[0]) * shared, 0


def packed_matmul(node: Node) -> tuple[int, int]:
    """MatMulNBits and its like: B is packed, K is an attribute."""
    return elements(node.outputs[0]) * _attribute(node, "K", 1), 0


def einsum(node: Node) -> tuple[int, int]:
    """The product of all index sizes; one operand alone is summed or moved, never multiplied."""
    text = str(node.attributes.get("equation", "")).replace(" ", "")
    terms = text.split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for term, slot in zip(terms, node.inputs, strict=False):
        dims = _dims(slot.type if slot is not None else None)
        before, _, after = term.partition("...")
        # Dimensions of an ellipsis broadcast from the right, so they are numbered from there.
        hidden = [f"...{at}" for at in range(len(dims) - len(before + after), 0, -1)] if "..." in term else []
        for index, size in zip((*before, *hidden, *after), dims, strict=False):
            sizes[index] = max(sizes.get(index, 1), size)
    work = prod(sizes.values())
    return (work, 0) if len(terms) > 1 else (0, work)


_PAST_KEY: Mapping[str, int] = {"GroupQueryAttention": 3, "Attention": 4, "MultiHeadAttention": 6}
"""Slot of the cached keys [batch, heads, past, width]."""


def attention(node: Node) -> tuple[int, int]:
    """Q K^T and its product with V, plus softmax.

    Operands are [batch, length, width], [batch, heads, length, width], or packed [batch, length, heads, parts,
    width] (com.microsoft); tokens of a cache add to the keys.
    """
    query, key = (_dims(slot_type(node, at)) for at in range(2))
    if len(query) < 3:
        return 0, output_elements(node)
    heads = _attribute(node, "num_heads", _attribute(node, "q_num_heads", query[1] if len(query) == 4 else 1))
    length = query[2] if len(query) == 4 else query[1]
    fresh = length if len(key) < 3 else key[2] if len(key) == 4 else key[1]
    past = _dims(slot_type(node, _PAST_KEY[node.op]))
    scores = query[0] * length * (fresh + (past[2] if len(past) == 4 else 0))
    out = _dims(node.outputs[0]) or (1,)
    into = (
        query[-1] if len(query) == 3 and len(key) >= 3 else heads * query[-1] if len(query) != 3 else out[-1]
    )
    return scores * (into + (out[-1] if len(out) == 3 else heads * out[-1])), 8 * heads * scores


def fused_attention(past_at: int) -> Rule:
    """com.microsoft Attention and QAttention: input [batch, length, in] times weights [in, Q + K + V].

    The three are of one width unless ``qkv_hidden_sizes`` says otherwise; cached keys and values [2, batch,
    heads, past, width] in slot ``past_at`` add to the new ones.
    """

    def rule(node: Node) -> tuple[int, int]:
        data, weight = _dims(slot_type(node, 0)), _dims(slot_type(node, 1))
        if len(data) < 3 or len(weight) < 2:
            return 0, output_elements(node)
        sizes = node.attributes.get("qkv_hidden_sizes")
        third = weight[1] // 3
        queries, _, values = (
            (_size(size, third) for size in sizes)
            if isinstance(sizes, tuple) and len(sizes) == 3
            else (third,) * 3
        )
        past = _dims(slot_type(node, past_at))
        batch, length = data[:2]
        scores = batch * length * (length + (past[3] if len(past) == 5 else 0))
        macs = batch * length * data[2] * weight[1] + scores * (queries + values)
        return macs, 8 * scores * _attribute(node, "num_heads", 1)

    return rule


def pool(node: Node) -> tuple[int, int]:
    """One operation a window element and output."""
    kernel = node.attributes.get("kernel_shape")
    window = prod(_size(size, 1) for size in kernel) if isinstance(kernel, tuple) else 1
    return 0, elements(node.outputs[0]) * window


def roi_align(node: Node) -> tuple[int, int]:
    """``sampling_ratio`` squared bilinear samples an output; at 0 it follows the boxes: one is the least."""
    return 0, _SAMPLE * elements(node.outputs[0]) * _attribute(node, "sampling_ratio", 1) ** 2


def per_input(weight: int) -> Rule:
    """``weight`` operations an element of the first input."""
    return lambda node: (0, weight * elements(slot_type(node, 0)))


def per_output(weight: int) -> Rule:
    """``weight`` operations an element of the outputs."""
    return lambda node: (0, weight * output_elements(node))


def variadic(node: Node) -> tuple[int, int]:
    """One operation an output and operand after the first."""
    return 0, output_elements(node) * max(1, len(node.inputs) - 1)


def recurrent(gates: int) -> Rule:
    """Per step, batch and direction: gates x hidden x (input + hidden); X is [steps, batch, input]."""

    def rule(node: Node) -> tuple[int, int]:
        data, weight, hidden_weight = (_dims(slot_type(node, at)) for at in range(3))
        if len(data) < 3 or len(weight) < 3 or len(hidden_weight) < 3:
            return 0, output_elements(node)
        hidden = hidden_weight[2]
        units = data[0] * data[1] * weight[0] * gates * hidden
        return units * (weight[2] + hidden), 5 * units

    return rule
