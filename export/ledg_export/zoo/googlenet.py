"""GoogLeNet (Szegedy et al., arXiv 1409.4842) as in torchvision, 1000 classes, without auxiliary classifiers.

Architecture: ``224``, the resolution. As in torchvision the third branch has a 3x3 convolution.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

MODULES = (
    (64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), None,
    (192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128), None,
    (256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128),
)  # fmt: skip
"""Channels: 1x1; reduction and 3x3; reduction and second 3x3; after the pooling. ``None`` is a pooling."""

_POOLS = (3, 2)
"""Kernels of the poolings between modules, in order."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not a resolution.

    """
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, int(arch), int(arch)), 64, 7, 2))
    x = net.pool("MaxPool", x, 3, 2, ceil=True)
    x = net.relu(net.conv(x, 64))
    x = net.relu(net.conv(x, 192, 3))
    x = net.pool("MaxPool", x, 3, 2, ceil=True)
    pools = iter(_POOLS)
    for widths in MODULES:
        x = _inception(net, x, *widths) if widths else net.pool("MaxPool", x, next(pools), 2, ceil=True)
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _inception(
    net: Net, x: Tensor, first: int, inner2: int, second: int, inner3: int, third: int, last: int
) -> Tensor:
    branches = [net.relu(net.conv(x, first))]
    for inner, channels in ((inner2, second), (inner3, third)):
        branches.append(net.relu(net.conv(net.relu(net.conv(x, inner)), channels, 3)))
    pooled = net.pool("MaxPool", x, 3, 1, pad=1, ceil=True)
    return net.concat([*branches, net.relu(net.conv(pooled, last))])
