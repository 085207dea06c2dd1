"""Writes weight-less ONNX graphs layer by layer, with the shape of every tensor at hand.

Batch normalization after a convolution is folded into it, as exporters do: such a convolution has a bias.
A weight is an initializer with dimensions and no data; small constants (shapes, bounds) carry theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8

Shape = tuple[int, ...]


class Tensor(NamedTuple):
    """A value of the graph: its name and its shape, batch first."""

    name: str
    shape: Shape


class Net:
    """A graph under construction.

    ``batch``: leading dimension of the inputs. ``same``: convolutions without explicit ``pad`` follow
    TensorFlow's SAME rule (output = ceil(input / stride), odd pixel at the end) instead of PyTorch's
    usual ``kernel // 2`` on both sides.
    """

    def __init__(self, batch: int, same: bool = False) -> None:
        if batch < 1:
            raise ValueError(f"batch must be positive, not {batch}")
        self.batch = batch
        self.same = same
        self._graph = GraphProto(name="zoo")
        self._constants: dict[tuple[int, ...] | float, str] = {}

    # The graph itself

    def input(self, *dims: int, name: str = "input", dtype: int = TensorProto.FLOAT) -> Tensor:
        """A graph input of shape (batch, *dims).

        Raises:
            ValueError: a dimension is not positive.

        """
        if min(dims) < 1:
            raise ValueError(f"dimensions must be positive, not {dims}")
        tensor = Tensor(name, (self.batch, *dims))
        self._graph.input.append(helper.make_tensor_value_info(name, dtype, tensor.shape))
        return tensor

    def weight(self, *dims: int) -> str:
        """A float32 initializer that has dimensions and no data."""
        name = f"w{len(self._graph.initializer)}"
        self._graph.initializer.append(TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims))
        return name

    def constant(self, values: tuple[int, ...] | float) -> str:
        """An initializer with data: a tuple is an int64 vector, a number a float32 scalar."""
        if values not in self._constants:
            name = f"c{len(self._graph.initializer)}"
            array = np.array(values, "int64" if isinstance(values, tuple) else "float32")
            self._graph.initializer.append(numpy_helper.from_array(array, name))
            self._constants[values] = name
        return self._constants[values]

    def op(self, kind: str, inputs: Sequence[Tensor | str], shape: Shape, **attributes: Any) -> Tensor:
        """One node with one output of ``shape``."""
        return self.ops(kind, inputs, [shape], **attributes)[0]

    def ops(
        self, kind: str, inputs: Sequence[Tensor | str], shapes: Sequence[Shape], **attributes: Any
    ) -> list[Tensor]:
        """One node with several outputs.

        Raises:
            ValueError: a shape is empty, since the input is too small for the architecture.

        """
        if min(map(min, shapes)) < 1:
            raise ValueError("the resolution is too small for this architecture")
        at = len(self._graph.node)
        outputs = [Tensor(f"t{at}" if not i else f"t{at}_{i}", shape) for i, shape in enumerate(shapes)]
        self._graph.node.append(
            NodeProto(
                op_type=kind,
                input=[item if isinstance(item, str) else item.name for item in inputs],
                output=[tensor.name for tensor in outputs],
                attribute=[_attribute(name, value) for name, value in attributes.items()],
            )
        )
        return outputs

    def model(self, *outputs: Tensor) -> ModelProto:
        """The finished model with these float32 outputs, named as the tensors are."""
        self._graph.output.extend(
            helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.shape) for tensor in outputs
        )
        return helper.make_model(
            self._graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
            producer_name="ledg-export",
        )  # fmt: skip

    # Layers with weights

    def conv(
        self, x: Tensor, channels: int, kernel: int | Shape = 1, stride: int = 1, *, groups: int = 1,
        pad: int | None = None, bias: bool = True, weights: Sequence[str] | None = None,
    ) -> Tensor:  # fmt: skip
        """A convolution over all spatial axes of ``x``, with folded batch normalization or its own bias.

        ``weights``: initializers that exist already, where convolutions share them.

        Raises:
            ValueError: the channels do not divide into ``groups``.

        """
        inner, axes = x.shape[1], len(x.shape) - 2
        if inner % groups or channels % groups:
            raise ValueError(f"{inner} -> {channels} channels do not divide into {groups} groups")
        window = (kernel,) * axes if isinstance(kernel, int) else kernel
        if pad is None and self.same:
            margins = [_same(size, edge, stride) for size, edge in zip(x.shape[2:], window, strict=True)]
        else:
            margins = [(edge // 2 if pad is None else pad,) * 2 for edge in window]
        spatial = tuple(
            (size + low + high - edge) // stride + 1
            for size, (low, high), edge in zip(x.shape[2:], margins, window, strict=True)
        )
        pads = tuple(low for low, _ in margins) + tuple(high for _, high in margins)
        if weights is None:
            weights = [self.weight(channels, inner // groups, *window)]
            if bias:
                weights.append(self.weight(channels))
        return self.op(
            "Conv", [x, *weights], (x.shape[0], channels, *spatial), dilations=(1,) * axes, group=groups,
            kernel_shape=window, pads=pads, strides=(stride,) * axes,
        )  # fmt: skip

    def depthwise(self, x: Tensor, kernel: int, stride: int = 1) -> Tensor:
        """A convolution of each channel with itself."""
        return self.conv(x, x.shape[1], kernel, stride, groups=x.shape[1])

    def conv_transpose(self, x: Tensor, channels: int, kernel: int, stride: int) -> Tensor:
        """A transposed convolution without padding, with bias."""
        axes = len(x.shape) - 2
        weights = [self.weight(x.shape[1], channels, *(kernel,) * axes), self.weight(channels)]
        spatial = tuple((size - 1) * stride + kernel for size in x.shape[2:])
        return self.op(
            "ConvTranspose", [x, *weights], (x.shape[0], channels, *spatial),
            kernel_shape=(kernel,) * axes, strides=(stride,) * axes,
        )  # fmt: skip

    def dense(self, x: Tensor, features: int) -> Tensor:
        """A fully connected layer over (batch, features), with bias."""
        weights = [self.weight(features, x.shape[1]), self.weight(features)]
        return self.op("Gemm", [x, *weights], (x.shape[0], features), alpha=1.0, beta=1.0, transB=1)

    def linear(self, x: Tensor, features: int) -> Tensor:
        """A fully connected layer over the last axis of a sequence: MatMul, then Add of the bias."""
        shape = (*x.shape[:-1], features)
        product = self.op("MatMul", [x, self.weight(x.shape[-1], features)], shape)
        return self.op("Add", [self.weight(features), product], shape)

    def norm(self, kind: str, x: Tensor, **attributes: Any) -> Tensor:
        """A normalization with scale and bias: InstanceNormalization, or LayerNormalization (last axis)."""
        size = x.shape[-1] if kind == "LayerNormalization" else x.shape[1]
        return self.op(kind, [x, self.weight(size), self.weight(size)], x.shape, **attributes)

    def batch_norm(self, x: Tensor) -> Tensor:
        """A batch normalization that follows no convolution, so that it cannot be folded."""
        weights = [self.weight(x.shape[1]) for _ in range(4)]
        return self.op("BatchNormalization", [x, *weights], x.shape, epsilon=1e-5, momentum=0.9)

    # Element by element

    def activation(self, x: Tensor, kind: str) -> Tensor:
        """``relu``, ``relu6``, ``hardswish``, ``hardsigmoid`` or ``sigmoid``; ``""`` is none."""
        if kind == "":
            return x
        if kind == "relu6":
            return self.op("Clip", [x, self.constant(0.0), self.constant(6.0)], x.shape)
        if kind == "hardsigmoid":
            return self.op("HardSigmoid", [x], x.shape, alpha=1 / 6, beta=0.5)
        return self.op(_ACTIVATIONS[kind], [x], x.shape)

    def relu(self, x: Tensor) -> Tensor:
        """max(x, 0)."""
        return self.op("Relu", [x], x.shape)

    def add(self, left: Tensor, right: Tensor) -> Tensor:
        """Sum of two tensors of the same shape."""
        return self.op("Add", [left, right], left.shape)

    def scaled(self, kind: str, x: Tensor, value: float) -> Tensor:
        """``x`` Mul, Div, Add or Sub a scalar."""
        return self.op(kind, [x, self.constant(value)], x.shape)

    def softmax(self, x: Tensor, axis: int = -1) -> Tensor:
        """Softmax over one axis."""
        return self.op("Softmax", [x], x.shape, axis=axis)

    def squeeze_excite(self, x: Tensor, channels: int) -> Tensor:
        """Channel gates: mean, two 1x1 convolutions with relu between, hard sigmoid, product."""
        gate = self.relu(self.conv(self.mean(x), channels))
        gate = self.activation(self.conv(gate, x.shape[1]), "hardsigmoid")
        return self.op("Mul", [x, gate], x.shape)

    # Pooling and shapes

    def pool(
        self, kind: str, x: Tensor, kernel: int, stride: int, *, pad: int = 0, ceil: bool = False
    ) -> Tensor:
        """``MaxPool`` or ``AveragePool``; padding does not enter an average. ``ceil`` keeps partial windows."""
        spatial = tuple(_pooled(size + 2 * pad, kernel, stride, ceil) for size in x.shape[2:])
        axes = len(spatial)
        return self.op(
            kind, [x], (*x.shape[:2], *spatial), ceil_mode=int(ceil), kernel_shape=(kernel,) * axes,
            pads=(pad,) * 2 * axes, strides=(stride,) * axes,
        )  # fmt: skip

    def mean(self, x: Tensor) -> Tensor:
        """Global average pooling; the spatial axes stay, with size 1."""
        return self.op("GlobalAveragePool", [x], (*x.shape[:2], *(1 for _ in x.shape[2:])))

    def flatten(self, x: Tensor) -> Tensor:
        """(batch, everything else)."""
        return self.op("Flatten", [x], (x.shape[0], prod(x.shape[1:])), axis=1)

    def reshape(self, x: Tensor, *dims: int) -> Tensor:
        """The same elements as (batch, *dims); one of ``dims`` may be -1."""
        known = -prod(dims) if -1 in dims else 0
        resolved = tuple(prod(x.shape[1:]) // known if size == -1 else size for size in dims)
        return self.op("Reshape", [x, self.constant((x.shape[0], *dims))], (x.shape[0], *resolved))

    def transpose(self, x: Tensor, *order: int) -> Tensor:
        """Axes in another order."""
        return self.op("Transpose", [x], tuple(x.shape[axis] for axis in order), perm=order)

    def matmul(self, left: Tensor, right: Tensor) -> Tensor:
        """Matrix product of two activations over their last two axes."""
        return self.op("MatMul", [left, right], (*left.shape[:-1], right.shape[-1]))

    def concat(self, parts: Sequence[Tensor], axis: int = 1) -> Tensor:
        """Parts joined along one axis."""
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return self.op("Concat", parts, tuple(shape), axis=axis)

    def shuffle(self, x: Tensor, groups: int) -> Tensor:
        """ShuffleNet's exchange of channels between groups: reshape, transpose, reshape."""
        _, channels, *spatial = x.shape
        grouped = self.reshape(x, groups, channels // groups, *spatial)
        return self.reshape(self.transpose(grouped, 0, 2, 1, 3, 4), channels, *spatial)


_ACTIVATIONS = {"relu": "Relu", "hardswish": "HardSwish", "sigmoid": "Sigmoid"}


@lru_cache(maxsize=4096)
def _attribute(name: str, value: Any) -> AttributeProto:
    # Making an attribute costs more than copying one, and a graph repeats few different ones.
    return helper.make_attribute(name, value)


def _same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
    return total // 2, total - total // 2


def _pooled(size: int, kernel: int, stride: int, ceil: bool) -> int:
    return (size - kernel + (stride - 1 if ceil else 0)) // stride + 1


def divisible(value: float, divisor: int = 8) -> int:
    """``value`` rounded to a multiple of ``divisor``, never below 90 % of it (TensorFlow's MobileNet rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded
