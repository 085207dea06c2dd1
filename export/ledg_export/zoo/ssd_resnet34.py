"""SSD with ResNet-34 as in MLPerf Inference ("SSD-large", COCO): 81 classes.

Architecture: ``1200``, the resolution. Box decoding and non-maximum suppression are left out.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.resnet import DEPTHS, basic, stem

CLASSES = 81

EXTRAS = ((256, 512, 2, 1), (256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 2, 0), (128, 256, 1, 0))
"""(channels of the 1x1; channels, stride and padding of the 3x3) of each layer after the backbone."""

ANCHORS = (4, 6, 6, 6, 4, 4)
"""Anchors at a place of each of the six maps; a place is every third pixel."""


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: boxes (batch, 4, anchors), class logits (batch, 81, anchors).

    Raises:
        ValueError: ``arch`` is not a resolution.

    """
    net = Net(batch)
    x = stem(net, net.input(3, int(arch), int(arch)))
    for stage, blocks in enumerate(DEPTHS["34"][:3]):
        for at in range(blocks):
            # The third stage keeps its resolution, the fourth is left out.
            x = basic(net, x, 64 << stage, 2 if stage == 1 and not at else 1)
    maps = [x]
    for inner, outer, stride, pad in EXTRAS:
        x = net.relu(net.conv(x, inner))
        x = net.relu(net.conv(x, outer, 3, stride, pad=pad))
        maps.append(x)
    boxes: list[Tensor] = []
    scores: list[Tensor] = []
    for x, anchors in zip(maps, ANCHORS, strict=True):
        for results, size in ((boxes, 4), (scores, CLASSES)):
            results.append(net.reshape(net.conv(x, anchors * size, 3, 3), size, -1))
    return net.model(net.concat(boxes, 2), net.concat(scores, 2))
