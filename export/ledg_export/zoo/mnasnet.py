"""MnasNet-B1 (Tan et al., arXiv 1807.11626) as in torchvision, 1000 classes.

Architecture: ``<width>-<resolution>``, e.g. ``0.5-224``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, divisible
from ledg_export.zoo.mobilenet_v2 import inverted_residual

STAGES = (
    (3, 24, 3, 3, 2),
    (3, 40, 5, 3, 2),
    (6, 80, 5, 3, 2),
    (6, 96, 3, 2, 1),
    (6, 192, 5, 4, 2),
    (6, 320, 3, 1, 1),
)
"""(expansion, channels, kernel, blocks, stride of the first block)."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    width, resolution = arch.split("-")
    net = Net(batch)
    x = net.input(3, int(resolution), int(resolution))
    x = net.relu(net.conv(x, _width(32, width), 3, 2))
    x = net.conv(net.relu(net.depthwise(x, 3)), _width(16, width))
    for expansion, channels, kernel, blocks, stride in STAGES:
        for block in range(blocks):
            expanded, step = x.shape[1] * expansion, 1 if block else stride
            x = inverted_residual(net, x, expanded, _width(channels, width), kernel, step, "relu")
    x = net.relu(net.conv(x, 1280))
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _width(channels: int, multiplier: str) -> int:
    return divisible(channels * float(multiplier))
