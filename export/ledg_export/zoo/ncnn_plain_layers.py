"""Layers of ncnn that compute element by element or move data: layer parameters -> ONNX nodes.

Parameter numbers are those of ncnn's operator reference (docs/developer-guide/operators.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from ledg_export.zoo.ncnn_layers import activation
from ledg_export.zoo.ncnn_writer import GraphWriter, Shape

if TYPE_CHECKING:
    from ledg_export.zoo.ncnn_param import Layer

_ABSENT = -233

_BINARY = {0: "Add", 1: "Sub", 2: "Mul", 3: "Div", 4: "Max", 5: "Min", 6: "Pow", 7: "Sub", 8: "Div"}
_REVERSED = (7, 8)


def _binary(writer: GraphWriter, layer: Layer) -> None:
    kind = layer.integer(0)
    if layer.integer(1):
        operands = [layer.inputs[0], writer.constant(layer.number(2), np.float32)]
        shape = writer.shape(layer.inputs[0])
    else:
        operands, shape = _aligned(writer, layer.inputs)
    if kind in _REVERSED:
        operands = operands[::-1]
    writer.node(_BINARY[kind], operands, shape, layer.outputs[0])


def _aligned(writer: GraphWriter, blobs: Sequence[str]) -> tuple[list[str], Shape]:
    """Operands of one rank and their joint shape: ncnn spreads a vector over the channels."""
    rank = max(len(writer.shape(blob)) for blob in blobs)
    operands = []
    for blob in blobs:
        shape = writer.shape(blob)
        if len(shape) == 2 < rank:
            shape = (*shape, *(1,) * (rank - 2))
            blob = writer.node("Reshape", [blob, writer.constant(shape, np.int64)], shape)
        operands.append(blob)
    return operands, tuple(np.broadcast_shapes(*(writer.shape(blob) for blob in operands)))


def _eltwise(writer: GraphWriter, layer: Layer) -> None:
    op = {0: "Mul", 1: "Add", 2: "Max"}[layer.integer(0)]
    total, *others = layer.inputs
    for position, other in enumerate(others):
        last = position == len(others) - 1
        total = writer.node(op, [total, other], writer.shape(other), layer.outputs[0] if last else None)


def _same_shape(op: str, **attributes: Any) -> Callable[[GraphWriter, Layer], None]:
    def emit(writer: GraphWriter, layer: Layer) -> None:
        writer.node(op, [layer.inputs[0]], writer.shape(layer.inputs[0]), layer.outputs[0], **attributes)

    return emit


def _relu(writer: GraphWriter, layer: Layer) -> None:
    slope = layer.number(0)
    activation(writer, 2 if slope else 1, [slope], layer.inputs[0], layer.outputs[0])


def _swish(writer: GraphWriter, layer: Layer) -> None:
    shape = writer.shape(layer.inputs[0])
    gate = writer.node("Sigmoid", [layer.inputs[0]], shape)
    writer.node("Mul", [layer.inputs[0], gate], shape, layer.outputs[0])


def _gelu(writer: GraphWriter, layer: Layer) -> None:
    # ncnn's "fast" flag picks an approximation of the same function; a .onnx file has the erf form.
    tensor, shape = layer.inputs[0], writer.shape(layer.inputs[0])
    inner = writer.node("Div", [tensor, writer.constant(2**0.5, np.float32)], shape)
    gate = writer.node("Add", [writer.node("Erf", [inner], shape), writer.constant(1.0, np.float32)], shape)
    product = writer.node("Mul", [tensor, gate], shape)
    writer.node("Mul", [product, writer.constant(0.5, np.float32)], shape, layer.outputs[0])


def _hard_sigmoid(writer: GraphWriter, layer: Layer) -> None:
    _same_shape("HardSigmoid", alpha=layer.number(0, 0.2), beta=layer.number(1, 0.5))(writer, layer)


def _lrn(writer: GraphWriter, layer: Layer) -> None:
    _same_shape(
        "LRN",
        size=layer.integer(1, 5),
        alpha=layer.number(2, 1.0),
        beta=layer.number(3, 0.75),
        bias=layer.number(4, 1.0),
    )(writer, layer)


def _softmax(writer: GraphWriter, layer: Layer) -> None:
    _same_shape("Softmax", axis=layer.integer(0) + 1)(writer, layer)


def _concat(writer: GraphWriter, layer: Layer) -> None:
    axis = layer.integer(0) + 1
    blobs = []
    for blob in layer.inputs:
        shape = (writer.batch, *writer.shape(blob)[1:])
        if writer.shape(blob) != shape:  # a constant, stored once, joined to every image of the batch
            blob = writer.node("Expand", [blob, writer.constant(shape, np.int64)], shape)
        blobs.append(blob)
    result = list(writer.shape(blobs[0]))
    result[axis] = sum(writer.shape(blob)[axis] for blob in blobs)
    writer.node("Concat", blobs, tuple(result), layer.outputs[0], axis=axis)


def _slice(writer: GraphWriter, layer: Layer) -> None:
    axis, shape = layer.integer(1) + 1, writer.shape(layer.inputs[0])
    sizes = [int(size) for size in layer.array(0)]
    left = shape[axis]
    for position, size in enumerate(sizes):  # -233 shares out evenly what is left
        sizes[position] = left // (len(sizes) - position) if size == _ABSENT else size
        left -= sizes[position]
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    writer.nodes(
        "Split", [layer.inputs[0], writer.constant(sizes, np.int64)], parts, layer.outputs, axis=axis
    )


def _crop(writer: GraphWriter, layer: Layer) -> None:
    if len(layer.inputs) > 1:
        raise ValueError(f"layer {layer.name!r}: cropping to a reference is not supported")
    shape = list(writer.shape(layer.inputs[0]))
    if layer.array(9):
        axes = [int(axis) + 1 for axis in layer.array(11)] or list(range(1, len(layer.array(9)) + 1))
        starts, ends = [int(v) for v in layer.array(9)], [int(v) for v in layer.array(10)]
    else:
        axes = [1, 2, 3]
        starts = [layer.integer(key) for key in (2, 1, 0)]
        ends = [start + layer.integer(key) for start, key in zip(starts, (5, 4, 3), strict=True)]
    for axis, start, end in zip(axes, starts, ends, strict=True):
        shape[axis] = len(range(*slice(start, end).indices(shape[axis])))
    bounds = [writer.constant(values, np.int64) for values in (starts, ends, axes)]
    writer.node("Slice", [layer.inputs[0], *bounds], tuple(shape), layer.outputs[0])


def _shuffle(writer: GraphWriter, layer: Layer) -> None:
    shape = writer.shape(layer.inputs[0])
    batch, channels, *size = shape
    groups = channels // layer.integer(0) if layer.integer(1) else layer.integer(0)
    split = (batch, groups, channels // groups, *size)
    tensor = writer.node("Reshape", [layer.inputs[0], writer.constant(split, np.int64)], split)
    swapped = (batch, channels // groups, groups, *size)
    tensor = writer.node("Transpose", [tensor], swapped, perm=(0, 2, 1, 3, 4))
    writer.node("Reshape", [tensor, writer.constant(shape, np.int64)], shape, layer.outputs[0])


_PERMUTE = {
    0: (0, 1, 2, 3),
    1: (0, 1, 3, 2),
    2: (0, 2, 1, 3),
    3: (0, 2, 3, 1),
    4: (0, 3, 1, 2),
    5: (0, 3, 2, 1),
}


def _permute(writer: GraphWriter, layer: Layer) -> None:
    shape, order = writer.shape(layer.inputs[0]), layer.integer(0)
    perm = _PERMUTE[order] if len(shape) == 4 else (0, 2, 1) if order == 1 else tuple(range(len(shape)))
    result = tuple(shape[axis] for axis in perm)
    writer.node("Transpose", [layer.inputs[0]], result, layer.outputs[0], perm=perm)


def _flatten(writer: GraphWriter, layer: Layer) -> None:
    batch, *rest = writer.shape(layer.inputs[0])
    writer.node("Flatten", [layer.inputs[0]], (batch, prod(rest)), layer.outputs[0], axis=1)


def _reshape(writer: GraphWriter, layer: Layer) -> None:
    batch, *rest = writer.shape(layer.inputs[0])
    given = [layer.integer(key, _ABSENT) for key in (2, 1, 0)]
    wanted = [size for size in given if size != _ABSENT]
    if 0 in wanted:
        raise ValueError(f"layer {layer.name!r}: a kept dimension is not supported")
    known = prod(size for size in wanted if size != -1)
    shape = (batch, *(prod(rest) // known if size == -1 else size for size in wanted))
    writer.node("Reshape", [layer.inputs[0], writer.constant(shape, np.int64)], shape, layer.outputs[0])


def _reduction(writer: GraphWriter, layer: Layer) -> None:
    ops = {0: "ReduceSum", 3: "ReduceMean", 4: "ReduceMax", 5: "ReduceMin"}
    kind, keep = layer.integer(0), layer.integer(4)
    if kind not in ops or layer.integer(1, 1):
        raise ValueError(f"layer {layer.name!r}: this reduction is not supported")
    shape, axes = writer.shape(layer.inputs[0]), [int(axis) + 1 for axis in layer.array(3)]
    result = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
    if ops[kind] == "ReduceSum":  # the one reduction whose axes are an input in opset 17
        inputs, attributes = [layer.inputs[0], writer.constant(axes, np.int64)], {}
    else:
        inputs, attributes = [layer.inputs[0]], {"axes": axes}
    writer.node(ops[kind], inputs, result, layer.outputs[0], keepdims=keep, **attributes)


def _padding(writer: GraphWriter, layer: Layer) -> None:
    top, bottom, left, right = (layer.integer(key) for key in range(4))
    begin, end = [0, layer.integer(7), top, left], [0, layer.integer(8), bottom, right]
    shape = tuple(n + a + b for n, a, b in zip(writer.shape(layer.inputs[0]), begin, end, strict=True))
    mode = ("constant", "edge", "reflect")[layer.integer(4)]
    pads = writer.constant([*begin, *end], np.int64)
    writer.node("Pad", [layer.inputs[0], pads], shape, layer.outputs[0], mode=mode)


def _memory(writer: GraphWriter, layer: Layer) -> None:
    dims = [layer.integer(key) for key in (2, 1, 0) if layer.integer(key)]
    writer.alias(layer.outputs[0], writer.weight((1, *dims)))


def _resize(writer: GraphWriter, layer: Layer) -> None:
    batch, channels, *size = writer.shape(layer.inputs[0])
    mode = {1: "nearest", 2: "linear", 3: "cubic"}[layer.integer(0)]
    place = "align_corners" if layer.integer(6) else "asymmetric" if mode == "nearest" else "half_pixel"
    scales = [layer.number(1, 1.0), layer.number(2, 1.0)]
    given = [layer.integer(3), layer.integer(4)]
    shape = (batch, channels, *(g or int(n * s) for n, s, g in zip(size, scales, given, strict=True)))
    if all(given):
        how = ["", "", writer.constant(shape, np.int64)]
    else:
        how = ["", writer.constant([1.0, 1.0, *scales], np.float32)]
    writer.node(
        "Resize",
        [layer.inputs[0], *how],
        shape,
        layer.outputs[0],
        mode=mode,
        coordinate_transformation_mode=place,
    )


PLAIN: Mapping[str, Callable[[GraphWriter, Layer], None]] = {
    "BinaryOp": _binary, "Eltwise": _eltwise, "ReLU": _relu, "Swish": _swish, "GELU": _gelu, "HardSigmoid": _hard_sigmoid,
    "HardSwish": _same_shape("HardSwish"), "Sigmoid": _same_shape("Sigmoid"), "LRN": _lrn, "Softmax": _softmax,
    "Concat": _concat, "Slice": _slice, "Crop": _crop, "ShuffleChannel": _shuffle, "Permute": _permute,
    "Flatten": _flatten, "Reshape": _reshape, "Reduction": _reduction, "Padding": _padding, "MemoryData": _memory,
    "Interp": _resize,
}  # fmt: skip
"""Emitters by layer type."""
