"""ShuffleNet v2 (Ma et al., arXiv 1807.11164) as in torchvision, 1000 classes.

Architecture: ``<0.5|1.0|1.5|2.0>-<resolution>``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

WIDTHS = {
    "0.5": (48, 96, 192, 1024), "1.0": (116, 232, 464, 1024), "1.5": (176, 352, 704, 1024),
    "2.0": (244, 488, 976, 2048),
}  # fmt: skip
"""Channels of the three stages and of the last convolution."""

BLOCKS = (4, 8, 4)


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    width, resolution = arch.split("-")
    if width not in WIDTHS:
        raise ValueError(f"want one of {', '.join(WIDTHS)}")
    *stages, last = WIDTHS[width]
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, int(resolution), int(resolution)), 24, 3, 2))
    x = net.pool("MaxPool", x, 3, 2, pad=1)
    for channels, blocks in zip(stages, BLOCKS, strict=True):
        x = _halving(net, x, channels // 2)
        for _ in range(blocks - 1):
            x = _unit(net, x, channels // 2)
    x = net.relu(net.conv(x, last))
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _halving(net: Net, x: Tensor, half: int) -> Tensor:
    left = net.relu(net.conv(net.depthwise(x, 3, 2), half))
    return net.shuffle(net.concat([left, _branch(net, x, half, 2)]), 2)


def _unit(net: Net, x: Tensor, half: int) -> Tensor:
    shape = (x.shape[0], half, *x.shape[2:])
    left, right = net.ops("Split", [x, net.constant((half, half))], [shape, shape], axis=1)
    return net.shuffle(net.concat([left, _branch(net, right, half, 1)]), 2)


def _branch(net: Net, x: Tensor, half: int, stride: int) -> Tensor:
    x = net.depthwise(net.relu(net.conv(x, half)), 3, stride)
    return net.relu(net.conv(x, half))
