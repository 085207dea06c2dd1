"""RetinaNet (Lin et al., arXiv 1708.02002).

Architecture: ``800``, the resolution, is MLPerf Inference's with ResNeXt-50 32x4d and 264 classes; ``resnet50-800``
torchvision's with ResNet-50 and 91. Anchors, box decoding and non-maximum suppression are left out.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.resnet import DEPTHS, bottleneck, stem

VARIANTS = {"": (32, 4, 264), "resnet50": (1, 64, 91)}
"""Groups of the backbone's 3x3 convolutions, their width for 64 channels, and classes."""

ANCHORS = 9
WIDTH = 256
"""Channels of the feature pyramid and the heads."""

NEAREST = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: class logits (batch, anchors, classes), boxes (batch, anchors, 4).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    variant, _, resolution = arch.rpartition("-")
    if variant not in VARIANTS:
        raise ValueError("want <resolution> or resnet50-<resolution>")
    groups, group_width, classes = VARIANTS[variant]
    net = Net(batch)
    x = stem(net, net.input(3, int(resolution), int(resolution)))
    stages = []
    for stage, blocks in enumerate(DEPTHS["50"]):
        for at in range(blocks):
            x = bottleneck(net, x, 64 << stage, 2 if stage and not at else 1, groups, group_width)
        stages.append(x)
    maps = _pyramid(net, stages[1:])
    scores = _Head(net, classes)
    boxes = _Head(net, 4)
    return net.model(net.concat([scores(x) for x in maps]), net.concat([boxes(x) for x in maps]))


def _pyramid(net: Net, stages: list[Tensor]) -> list[Tensor]:
    """Five maps: the stages from the deepest up with 3x3 convolutions, then two of half the size each."""
    maps: list[Tensor] = []
    upper: Tensor | None = None
    for stage in reversed(stages):
        lateral = net.conv(stage, WIDTH)
        if upper is not None:
            sizes = net.constant(lateral.shape)
            upper = net.op("Resize", [upper, "", "", sizes], lateral.shape, **NEAREST)
            lateral = net.add(lateral, upper)
        upper = lateral
        maps.insert(0, net.conv(lateral, WIDTH, 3))
    sixth = net.conv(maps[-1], WIDTH, 3, 2)
    return [*maps, sixth, net.conv(net.relu(sixth), WIDTH, 3, 2)]


class _Head:
    """Five 3x3 convolutions whose weights all maps share."""

    def __init__(self, net: Net, size: int) -> None:
        self.net = net
        self.size = size
        self.widths = (*[WIDTH] * 4, ANCHORS * size)
        self.weights = [(net.weight(width, WIDTH, 3, 3), net.weight(width)) for width in self.widths]

    def __call__(self, x: Tensor) -> Tensor:
        """(batch, anchors, size) of one map."""
        net = self.net
        for at, (width, weights) in enumerate(zip(self.widths, self.weights, strict=True)):
            x = net.conv(net.relu(x) if at else x, width, 3, weights=weights)
        x = net.reshape(x, ANCHORS, self.size, *x.shape[2:])
        return net.reshape(net.transpose(x, 0, 3, 4, 1, 2), -1, self.size)
