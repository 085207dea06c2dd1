"""EfficientNet (Tan and Le, arXiv 1905.11946), 1000 classes.

Architecture: ``b0`` to ``b7``, each at its own resolution.
"""

from __future__ import annotations

from math import ceil

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor, divisible

SCALES = {
    "b0": (1.0, 1.0, 224), "b1": (1.0, 1.1, 240), "b2": (1.1, 1.2, 260), "b3": (1.2, 1.4, 300),
    "b4": (1.4, 1.8, 380), "b5": (1.6, 2.2, 456), "b6": (1.8, 2.6, 528), "b7": (2.0, 3.1, 600),
}  # fmt: skip
"""(width, depth, resolution)."""

STAGES = (
    (1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 3, 2), (6, 112, 5, 3, 1),
    (6, 192, 5, 4, 2), (6, 320, 3, 1, 1),
)  # fmt: skip
"""(expansion, channels, kernel, blocks, stride of the first block)."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    if arch not in SCALES:
        raise ValueError("want b0 to b7")
    width, depth, resolution = SCALES[arch]
    net = Net(batch, same=True)
    x = swish(net, net.conv(net.input(3, resolution, resolution), divisible(32 * width), 3, 2))
    for expansion, channels, kernel, blocks, stride in STAGES:
        for block in range(ceil(blocks * depth)):
            x = mbconv(net, x, expansion, divisible(channels * width), kernel, 1 if block else stride)
    x = swish(net, net.conv(x, divisible(1280 * width)))
    return net.model(net.softmax(net.dense(net.flatten(net.mean(x)), 1000)))


def swish(net: Net, x: Tensor) -> Tensor:
    """``x`` times its sigmoid, as exporters write it."""
    return net.op("Mul", [x, net.activation(x, "sigmoid")], x.shape)


def mbconv(net: Net, x: Tensor, expansion: int, channels: int, kernel: int, stride: int) -> Tensor:
    """Expand, depthwise, gates from a quarter of the block's input channels, project, add."""
    y = swish(net, net.conv(x, x.shape[1] * expansion)) if expansion > 1 else x
    y = swish(net, net.depthwise(y, kernel, stride))
    gate = swish(net, net.conv(net.mean(y), max(1, x.shape[1] // 4)))
    gate = net.activation(net.conv(gate, y.shape[1]), "sigmoid")
    y = net.conv(net.op("Mul", [y, gate], y.shape), channels)
    return net.add(x, y) if x.shape == y.shape else y
