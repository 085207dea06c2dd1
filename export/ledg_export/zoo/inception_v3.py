"""Inception v3 (Szegedy et al., arXiv 1512.00567) as in torchvision, 1000 classes, without the auxiliary classifier.

Architecture: ``299``, the resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Shape, Tensor

Step = tuple[int, int | Shape]
"""Channels and kernel of one convolution of a branch."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not a resolution, or one that is too small.

    """
    net = Net(batch)
    x = _conv(net, net.input(3, int(arch), int(arch)), 32, 3, 2, 0)
    x = _conv(net, _conv(net, x, 32, 3, 1, 0), 64, 3)
    x = net.pool("MaxPool", x, 3, 2)
    x = _conv(net, _conv(net, x, 80), 192, 3, 1, 0)
    x = net.pool("MaxPool", x, 3, 2)
    for pooled in (32, 64, 64):
        branches = [[(64, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)]]
        x = _module(net, x, branches, pooled)
    x = _reduction(net, x, [[(384, 3)], [(64, 1), (96, 3), (96, 3)]])
    for inner in (128, 160, 160, 192):
        x = _module(net, x, _factorized(inner), 192)
    x = _reduction(net, x, [[(192, 1), (320, 3)], [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)]])
    for _ in range(2):
        x = _wide(net, x)
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _conv(
    net: Net, x: Tensor, channels: int, kernel: int | Shape = 1, stride: int = 1, pad: int | None = None
) -> Tensor:
    return net.relu(net.conv(x, channels, kernel, stride, pad=pad))


def _branch(net: Net, x: Tensor, steps: Sequence[Step]) -> Tensor:
    for channels, kernel in steps:
        x = _conv(net, x, channels, kernel)
    return x


def _pooled(net: Net, x: Tensor, channels: int) -> Tensor:
    return _conv(net, net.pool("AveragePool", x, 3, 1, pad=1), channels)


def _module(net: Net, x: Tensor, branches: Sequence[Sequence[Step]], pooled: int) -> Tensor:
    return net.concat([*(_branch(net, x, steps) for steps in branches), _pooled(net, x, pooled)])


def _factorized(inner: int) -> list[list[Step]]:
    """Branches of 7x7 convolutions that are split into 1x7 and 7x1."""
    row, column = (1, 7), (7, 1)
    double: list[Step] = [(inner, 1), (inner, column), (inner, row), (inner, column), (192, row)]
    return [[(192, 1)], [(inner, 1), (inner, row), (192, column)], double]


def _reduction(net: Net, x: Tensor, branches: Sequence[Sequence[Step]]) -> Tensor:
    """Branches whose last convolution halves the size, beside a pooling."""
    ends = []
    for *steps, (channels, kernel) in branches:
        ends.append(_conv(net, _branch(net, x, steps), channels, kernel, 2, 0))
    return net.concat([*ends, net.pool("MaxPool", x, 3, 2)])


def _wide(net: Net, x: Tensor) -> Tensor:
    """3x3 convolutions whose outputs are those of a 1x3 and a 3x1 beside each other."""
    parts = [_conv(net, x, 320)]
    for steps in ([(384, 1)], [(448, 1), (384, 3)]):
        inner = _branch(net, x, steps)
        parts += [_conv(net, inner, 384, (1, 3)), _conv(net, inner, 384, (3, 1))]
    return net.concat([*parts, _pooled(net, x, 192)])
