"""VGG (Simonyan and Zisserman, arXiv 1409.1556) as in torchvision, 1000 classes.

Architecture: ``<11|13|16|19>-<resolution>``; the variants with batch normalization are the same graph.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net

DEPTHS = {"11": (1, 1, 2, 2, 2), "13": (2, 2, 2, 2, 2), "16": (2, 2, 3, 3, 3), "19": (2, 2, 4, 4, 4)}
"""Convolutions of each stage."""

WIDTHS = (64, 128, 256, 512, 512)


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above, or its maps do not end at 7x7, which the dense layers want.

    """
    depth, resolution = arch.split("-")
    if depth not in DEPTHS or int(resolution) // 32 != 7:
        raise ValueError(f"want one of {', '.join(DEPTHS)} and a resolution from 224 to 255")
    net = Net(batch)
    x = net.input(3, int(resolution), int(resolution))
    for width, convolutions in zip(WIDTHS, DEPTHS[depth], strict=True):
        for _ in range(convolutions):
            x = net.relu(net.conv(x, width, 3))
        x = net.pool("MaxPool", x, 2, 2)
    x = net.flatten(x)
    for _ in range(2):
        x = net.relu(net.dense(x, 4096))
    return net.model(net.dense(x, 1000))
