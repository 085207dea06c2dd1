"""Single operators as models of one node, for tables that time operators.

Architecture: ``<operator>/<sizes>``, sizes separated by dashes; the batch is the leading dimension of every input.

``bmm/M-N-K``: (batch, M, K) x (batch, K, N). ``linear/N-K``: (batch, K) times a weight, with bias.
``conv/in-out-kernel-size-stride-padding``: a square convolution with bias. Everything else is ``<operator>/H`` on
(batch, H): two inputs for ``add``, ``div``, ``mul``, ``pow``, one and a number for the same with a ``u`` behind, one for
``gelu``, ``relu``, ``tanh``, ``softmax`` and ``ln``, a layer normalization with scale and bias.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

GELU_OPSET = 20
"""First opset with Gelu as one operator."""

_BINARY = {"add": "Add", "div": "Div", "mul": "Mul", "pow": "Pow"}
_UNARY: Mapping[str, Callable[[Net, Tensor], Tensor]] = {
    "gelu": lambda net, x: net.op("Gelu", [x], x.shape),
    "ln": lambda net, x: net.norm("LayerNormalization", x),
    "relu": lambda net, x: net.relu(x),
    "softmax": lambda net, x: net.softmax(x),
    "tanh": lambda net, x: net.op("Tanh", [x], x.shape),
}
SIZES: Mapping[str, int] = {"bmm": 3, "linear": 2, "conv": 6}
"""Sizes of an operator that has more than one."""


def build(arch: str, batch: int) -> ModelProto:
    """The operator.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    name, _, text = arch.partition("/")
    sizes = [int(word) for word in text.split("-")]
    if len(sizes) != SIZES.get(name, 1):
        raise ValueError(f"{name!r} has {SIZES.get(name, 1)} sizes, not {len(sizes)}")
    net = Net(batch)
    model = net.model(_operator(net, name, sizes))
    if name == "gelu":
        model.opset_import[0].version = GELU_OPSET
    return model


def _operator(net: Net, name: str, sizes: list[int]) -> Tensor:
    if name == "bmm":
        rows, columns, inner = sizes
        return net.matmul(net.input(rows, inner, name="left"), net.input(inner, columns, name="right"))
    if name == "linear":
        return net.dense(net.input(sizes[1]), sizes[0])
    if name == "conv":
        channels, out, kernel, size, stride, pad = sizes
        return net.conv(net.input(channels, size, size), out, kernel, stride, pad=pad)
    x = net.input(*sizes)
    if name in _UNARY:
        return _UNARY[name](net, x)
    if name in _BINARY:
        return net.op(_BINARY[name], [x, net.input(*sizes, name="other")], x.shape)
    if name.removesuffix("u") in _BINARY:
        return net.scaled(_BINARY[name.removesuffix("u")], x, 2.0)
    raise ValueError(f"unknown operator {name!r}")
