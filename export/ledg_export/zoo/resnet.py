"""ResNet (He et al., arXiv 1512.03385) as in torchvision, 1000 classes; 50 is MLPerf's ResNet-50 v1.5.

Architecture: ``<18|34|50|101|152>-<resolution>``. "v1.5": the stride is in the 3x3 convolution.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

DEPTHS = {
    "18": (2, 2, 2, 2), "34": (3, 4, 6, 3), "50": (3, 4, 6, 3), "101": (3, 4, 23, 3), "152": (3, 8, 36, 3),
}  # fmt: skip
"""Blocks of each stage."""

_BASIC = ("18", "34")


def basic(net: Net, x: Tensor, width: int, stride: int) -> Tensor:
    """Two 3x3 convolutions beside a shortcut."""
    y = net.conv(net.relu(net.conv(x, width, 3, stride)), width, 3)
    return _joined(net, x, y, stride)


def bottleneck(
    net: Net, x: Tensor, width: int, stride: int, groups: int = 1, group_width: int = 64
) -> Tensor:
    """1x1, 3x3, 1x1 convolutions beside a shortcut; grouped as in ResNeXt (arXiv 1611.05431)."""
    inner = width * group_width // 64 * groups
    y = net.relu(net.conv(x, inner))
    y = net.relu(net.conv(y, inner, 3, stride, groups=groups))
    return _joined(net, x, net.conv(y, 4 * width), stride)


def stem(net: Net, x: Tensor) -> Tensor:
    """7x7 convolution and 3x3 pooling, each of stride 2."""
    return net.pool("MaxPool", net.relu(net.conv(x, 64, 7, 2)), 3, 2, pad=1)


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    depth, resolution = arch.split("-")
    if depth not in DEPTHS:
        raise ValueError(f"want one of {', '.join(DEPTHS)}")
    net = Net(batch)
    x = stem(net, net.input(3, int(resolution), int(resolution)))
    block = basic if depth in _BASIC else bottleneck
    for stage, blocks in enumerate(DEPTHS[depth]):
        for at in range(blocks):
            x = block(net, x, 64 << stage, 2 if stage and not at else 1)
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _joined(net: Net, x: Tensor, y: Tensor, stride: int) -> Tensor:
    shortcut = x if x.shape == y.shape else net.conv(x, y.shape[1], 1, stride)
    return net.relu(net.add(y, shortcut))
