"""MobileNet v2 (Sandler et al., arXiv 1801.04381) as TensorFlow-Slim publishes it, 1001 classes.

Architecture: ``<alpha>-<resolution>``, e.g. ``0.35-96``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor, divisible

STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""(expansion, channels, blocks, stride of the first block)."""


def inverted_residual(
    net: Net, x: Tensor, expanded: int, channels: int, kernel: int, stride: int,
    act: str = "relu6", se: int = 0,
) -> Tensor:  # fmt: skip
    """Expand (unless ``expanded`` is the input's width), depthwise, gates of ``se`` channels, project, add."""
    y = net.activation(net.conv(x, expanded), act) if expanded != x.shape[1] else x
    return narrowed(net, x, y, channels, kernel, stride, act, se)


def narrowed(
    net: Net, x: Tensor, y: Tensor, channels: int, kernel: int, stride: int, act: str, se: int
) -> Tensor:
    """What follows the expansion ``y`` of ``x``: depthwise, gates of ``se`` channels, project, add."""
    y = net.activation(net.depthwise(y, kernel, stride), act)
    if se:
        y = net.squeeze_excite(y, se)
    y = net.conv(y, channels)
    return net.add(x, y) if x.shape == y.shape else y


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    alpha, resolution = (float(part) for part in arch.split("-"))
    net = Net(batch, same=True)
    x = net.input(3, int(resolution), int(resolution))
    x = net.activation(net.conv(x, divisible(32 * alpha), 3, 2), "relu6")
    for expansion, channels, blocks, stride in STAGES:
        for block in range(blocks):
            expanded = divisible(x.shape[1] * expansion)
            width = divisible(channels * alpha)
            x = inverted_residual(net, x, expanded, width, 3, 1 if block else stride)
    x = net.activation(net.conv(x, divisible(1280 * max(1.0, alpha))), "relu6")
    x = net.conv(net.mean(x), 1001)
    return net.model(net.softmax(net.reshape(x, 1001)))
