"""Layers of ncnn with weights, and pooling: layer parameters -> ONNX nodes, with shapes tracked on the way.

Parameter numbers are those of ncnn's operator reference (docs/developer-guide/operators.md). An activation
fused into a layer becomes a node of its own, as in the .onnx file that a user has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ledg_export.zoo.ncnn_writer import GraphWriter, Shape

if TYPE_CHECKING:
    from ledg_export.zoo.ncnn_param import Layer

_SAME_UPPER, _SAME_LOWER = -233, -234


def _fused(layer: Layer) -> bool:
    return layer.integer(9) != 0


def _result(layer: Layer) -> str | None:
    """Name of the layer's own tensor: its blob, unless an activation follows inside the layer."""
    return None if _fused(layer) else layer.outputs[0]


def _activate(writer: GraphWriter, layer: Layer, tensor: str) -> None:
    """Append the activation fused into ``layer`` (parameters 9 and 10), if there is one."""
    if _fused(layer):
        activation(writer, layer.integer(9), layer.array(10), tensor, layer.outputs[0])


def activation(writer: GraphWriter, kind: int, values: Sequence[float], tensor: str, output: str) -> None:
    """Append an activation of ncnn (1 ReLU, 2 leaky, 3 clip, 4 sigmoid, 5 Mish, 6 hard swish) after ``tensor``."""
    shape = writer.shape(tensor)
    if kind == 1:
        writer.node("Relu", [tensor], shape, output)
    elif kind == 2:
        writer.node("LeakyRelu", [tensor], shape, output, alpha=values[0])
    elif kind == 3:
        bounds = [writer.constant(value, np.float32) for value in values[:2]]
        writer.node("Clip", [tensor, *bounds], shape, output)
    elif kind == 4:
        writer.node("Sigmoid", [tensor], shape, output)
    elif kind == 5:
        gate = writer.node("Tanh", [writer.node("Softplus", [tensor], shape)], shape)
        writer.node("Mul", [tensor, gate], shape, output)
    elif kind == 6:
        writer.node("HardSwish", [tensor], shape, output)
    else:
        raise ValueError(f"unknown ncnn activation type {kind}")


def _window(layer: Layer, first: int, second: int, default: int) -> tuple[int, int]:
    """(height, width) of a parameter pair whose second key falls back to the first."""
    width = layer.integer(first, default)
    return layer.integer(second, width), width


def _pads(layer: Layer, size: Shape, extent: Sequence[int], stride: Sequence[int]) -> list[int]:
    """ONNX pads (top, left, bottom, right) of a convolution: given ones, or "same" (-233 upper, -234 lower)."""
    left = layer.integer(4)
    if left not in (_SAME_UPPER, _SAME_LOWER):
        top, right = layer.integer(14, left), layer.integer(15, left)
        return [top, left, layer.integer(16, top), right]
    total = [max(0, e + (n - 1) // s * s - n) for n, e, s in zip(size, extent, stride, strict=True)]
    small, large = [pad // 2 for pad in total], [pad - pad // 2 for pad in total]
    return [*small, *large] if left == _SAME_UPPER else [*large, *small]


def _check(layer: Layer, key: int, *dims: int) -> None:
    if layer.integer(key) != prod(dims):
        raise ValueError(
            f"layer {layer.name!r}: {layer.integer(key)} weights do not fit {'x'.join(map(str, dims))}"
        )


def _convolution(writer: GraphWriter, layer: Layer) -> None:
    batch, channels, *size = writer.shape(layer.inputs[0])
    out, groups = layer.integer(0), layer.integer(7, 1)
    kernel, dilation = _window(layer, 1, 11, 0), _window(layer, 2, 12, 1)
    stride = _window(layer, 3, 13, 1)
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    pads = _pads(layer, tuple(size), extent, stride)
    _check(layer, 6, out, channels // groups, *kernel)
    result = [(n + pads[i] + pads[i + 2] - extent[i]) // stride[i] + 1 for i, n in enumerate(size)]
    weights = [
        writer.weight((out, channels // groups, *kernel)),
        *([writer.weight((out,))] if layer.integer(5) else []),
    ]
    tensor = writer.node(
        "Conv", [layer.inputs[0], *weights], (batch, out, *result), _result(layer),
        kernel_shape=kernel, strides=stride, pads=pads, dilations=dilation, group=groups,
    )  # fmt: skip
    _activate(writer, layer, tensor)


def _deconvolution(writer: GraphWriter, layer: Layer) -> None:
    batch, channels, *size = writer.shape(layer.inputs[0])
    out, groups = layer.integer(0), layer.integer(7, 1)
    kernel, dilation = _window(layer, 1, 11, 0), _window(layer, 2, 12, 1)
    stride = _window(layer, 3, 13, 1)
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    pads = _pads(layer, tuple(size), extent, stride)
    extra = [layer.integer(19), layer.integer(18)]
    _check(layer, 6, channels, out // groups, *kernel)
    result = [(n - 1) * stride[i] + extent[i] - pads[i] - pads[i + 2] + extra[i] for i, n in enumerate(size)]
    weights = [
        writer.weight((channels, out // groups, *kernel)),
        *([writer.weight((out,))] if layer.integer(5) else []),
    ]
    tensor = writer.node(
        "ConvTranspose", [layer.inputs[0], *weights], (batch, out, *result), _result(layer),
        kernel_shape=kernel, strides=stride, pads=pads, dilations=dilation, group=groups, output_padding=extra,
    )  # fmt: skip
    _activate(writer, layer, tensor)


def _inner_product(writer: GraphWriter, layer: Layer) -> None:
    tensor, out, bias = layer.inputs[0], layer.integer(0), bool(layer.integer(1))
    shape = writer.shape(tensor)
    rows_wise = len(shape) == 3 and shape[-1] * out == layer.integer(2)
    if rows_wise:
        _activate(writer, layer, _linear(writer, tensor, out, bias, _result(layer)))
        return
    features = prod(shape[1:])
    _check(layer, 2, out, features)
    if len(shape) > 2:
        tensor = writer.node("Flatten", [tensor], (shape[0], features), axis=1)
    weights = [writer.weight((out, features)), *([writer.weight((out,))] if bias else [])]
    dense = writer.node("Gemm", [tensor, *weights], (shape[0], out), _result(layer), transB=1)
    _activate(writer, layer, dense)


def _linear(writer: GraphWriter, tensor: str, out: int, bias: bool = True, output: str | None = None) -> str:
    """A dense layer over the last axis: MatMul, then Add."""
    *rows, features = writer.shape(tensor)
    result = (*rows, out)
    product = writer.node(
        "MatMul", [tensor, writer.weight((features, out))], result, None if bias else output
    )
    return writer.node("Add", [product, writer.weight((out,))], result, output) if bias else product


def _gemm(writer: GraphWriter, layer: Layer) -> None:
    if layer.integer(4) or not layer.integer(5) or layer.integer(2):
        raise ValueError(f"layer {layer.name!r}: only a Gemm with a constant right side is supported")
    shape = writer.shape(layer.inputs[0])
    if shape[-1] != layer.integer(9):
        raise ValueError(f"layer {layer.name!r}: K is {layer.integer(9)}, the input has {shape[-1]} columns")
    _linear(writer, layer.inputs[0], layer.integer(8), bool(layer.integer(6)), layer.outputs[0])


def _attention(writer: GraphWriter, layer: Layer) -> None:
    width, heads = layer.integer(0), layer.integer(1)
    query = layer.inputs[0]
    key = layer.inputs[1] if len(layer.inputs) > 1 else query
    value = layer.inputs[2] if len(layer.inputs) > 2 else key
    _check(layer, 2, width, writer.shape(query)[-1])
    batch, rows, _ = writer.shape(query)
    columns, depth = writer.shape(key)[1], width // heads

    def split(tensor: str, count: int, perm: Sequence[int]) -> str:
        grid = (batch, count, heads, depth)
        parts = writer.node(
            "Reshape", [_linear(writer, tensor, width), writer.constant(grid, np.int64)], grid
        )
        return writer.node("Transpose", [parts], tuple(grid[axis] for axis in perm), perm=perm)

    queries = split(query, rows, (0, 2, 1, 3))
    keys, values = split(key, columns, (0, 2, 3, 1)), split(value, columns, (0, 2, 1, 3))
    queries = writer.node("Mul", [queries, writer.constant(depth**-0.5, np.float32)], writer.shape(queries))
    square = (batch, heads, rows, columns)
    scores = writer.node("Softmax", [writer.node("MatMul", [queries, keys], square)], square, axis=-1)
    mixed = writer.node("MatMul", [scores, values], (batch, heads, rows, depth))
    mixed = writer.node("Transpose", [mixed], (batch, rows, heads, depth), perm=(0, 2, 1, 3))
    flat = (batch, rows, width)
    mixed = writer.node("Reshape", [mixed, writer.constant(flat, np.int64)], flat)
    _linear(writer, mixed, writer.shape(query)[-1], True, layer.outputs[0])


def _layer_norm(writer: GraphWriter, layer: Layer) -> None:
    shape, size = writer.shape(layer.inputs[0]), layer.integer(0)
    weights = (
        [writer.weight((size,)), writer.weight((size,))] if layer.integer(2, 1) else [writer.weight((size,))]
    )
    writer.node(
        "LayerNormalization",
        [layer.inputs[0], *weights],
        shape,
        layer.outputs[0],
        axis=-1,
        epsilon=layer.number(1, 1e-3),
    )


def _pooling(writer: GraphWriter, layer: Layer) -> None:
    tensor, maximum = layer.inputs[0], layer.integer(0) == 0
    batch, channels, *size = writer.shape(tensor)
    if layer.integer(4):
        op = "GlobalMaxPool" if maximum else "GlobalAveragePool"
        writer.node(op, [tensor], (batch, channels, 1, 1), layer.outputs[0])
        return
    if layer.integer(7):
        raise ValueError(f"layer {layer.name!r}: adaptive pooling is not supported")
    kernel, stride = _window(layer, 1, 11, 0), _window(layer, 2, 12, 1)
    left = layer.integer(3)
    top = layer.integer(13, left)
    pads = [top, left, layer.integer(15, top), layer.integer(14, left)]
    mode = layer.integer(5)
    if (
        mode == 0
    ):  # "full": the last window may hang over; written as padding, so that no rounding rule differs
        for axis, length in enumerate(size):
            tail = (length + pads[axis] + pads[axis + 2] - kernel[axis]) % stride[axis]
            pads[axis + 2] += stride[axis] - tail if tail else 0
    elif mode in (2, 3):
        total = [max(0, k + (n - 1) // s * s - n) for n, k, s in zip(size, kernel, stride, strict=True)]
        small, large = [pad // 2 for pad in total], [pad - pad // 2 for pad in total]
        pads = [*small, *large] if mode == 2 else [*large, *small]
    result = [(n + pads[i] + pads[i + 2] - kernel[i]) // stride[i] + 1 for i, n in enumerate(size)]
    attributes = {} if maximum else {"count_include_pad": layer.integer(6)}
    writer.node(
        "MaxPool" if maximum else "AveragePool", [tensor], (batch, channels, *result), layer.outputs[0],
        kernel_shape=kernel, strides=stride, pads=pads, **attributes,
    )  # fmt: skip


def _batch_norm(writer: GraphWriter, layer: Layer) -> None:
    shape = writer.shape(layer.inputs[0])
    weights = [writer.weight((shape[1],)) for _ in range(4)]
    writer.node(
        "BatchNormalization", [layer.inputs[0], *weights], shape, layer.outputs[0], epsilon=layer.number(1)
    )


LEARNED: Mapping[str, Callable[[GraphWriter, Layer], None]] = {
    "Convolution": _convolution, "ConvolutionDepthWise": _convolution, "Deconvolution": _deconvolution,
    "DeconvolutionDepthWise": _deconvolution, "InnerProduct": _inner_product, "Gemm": _gemm,
    "MultiHeadAttention": _attention, "LayerNorm": _layer_norm, "BatchNorm": _batch_norm, "Pooling": _pooling,
}  # fmt: skip
"""Emitters by layer type."""
