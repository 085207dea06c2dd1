"""SSD with MobileNet v1 as in MLPerf Inference (TensorFlow Object Detection API, COCO): 91 classes.

Architecture: ``300``, the resolution. Box decoding and non-maximum suppression are left out.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.mobilenet_v1 import backbone

CLASSES = 91

EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 128))
"""(channels of the 1x1, channels of the 3x3 of stride 2) of each feature layer after the backbone."""

ANCHORS = (3, 6, 6, 6, 6, 6)
"""Anchors at a place of each of the six maps."""


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: boxes (batch, anchors, 4), scores (batch, anchors, 91).

    Raises:
        ValueError: ``arch`` is not a resolution.

    """
    net = Net(batch, same=True)
    features = backbone(net, net.input(3, int(arch), int(arch)), 1.0)
    maps = [features[11], features[13]]
    for inner, outer in EXTRAS:
        x = net.activation(net.conv(maps[-1], inner), "relu6")
        maps.append(net.activation(net.conv(x, outer, 3, 2), "relu6"))
    boxes: list[Tensor] = []
    scores: list[Tensor] = []
    for x, anchors in zip(maps, ANCHORS, strict=True):
        for results, size in ((boxes, 4), (scores, CLASSES)):
            head = net.transpose(net.conv(x, anchors * size), 0, 2, 3, 1)
            results.append(net.reshape(head, -1, size))
    return net.model(net.concat(boxes), net.activation(net.concat(scores), "sigmoid"))
