"""YOLOX (Ge et al., arXiv 2107.08430), 80 classes of COCO, up to the last convolutions.

Architecture: ``<tiny|s|m|l|x>[_leaky]-<resolution>``, e.g. ``s-640``; ``_leaky`` has leaky ReLU for SiLU.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.yolo_blocks import CLASSES, Blocks, Scale

SCALES = {
    "tiny": Scale(1 / 3, 0.375), "s": Scale(1 / 3, 0.5), "m": Scale(2 / 3, 0.75), "l": Scale(1, 1),
    "x": Scale(4 / 3, 1.25),
}  # fmt: skip
STAGES = ((128, 3), (256, 9), (512, 9), (1024, 3))
"""(channels, blocks) of each stage."""


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: box, object and classes of strides 8, 16 and 32.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, _, resolution = arch.partition("-")
    name, *option = size.split("_")
    if name not in SCALES or option not in ([], ["leaky"]):
        raise ValueError("want <tiny|s|m|l|x>[_leaky]-<resolution>")
    net = Net(batch)
    blocks = Blocks(net, SCALES[name], "leaky" if option else "silu")
    x = blocks.conv(_focus(net, net.input(3, int(resolution), int(resolution))), blocks.width(64), 3)
    levels = []
    for channels, count in STAGES:
        x = blocks.conv(x, blocks.width(channels), 3, 2)
        if channels == STAGES[-1][0]:
            x = blocks.spp(x, blocks.width(channels))
        x = blocks.c3(x, blocks.width(channels), count, channels != STAGES[-1][0])
        levels.append(x)
    outputs = []
    for x in blocks.neck(levels[1:], blocks.c3, reduce=True):
        x = blocks.conv(x, blocks.width(256))
        classes, boxes = (blocks.conv(blocks.conv(x, x.shape[1], 3), x.shape[1], 3) for _ in range(2))
        outputs += [net.conv(boxes, 4), net.conv(boxes, 1), net.conv(classes, CLASSES)]
    return net.model(*outputs)


def _focus(net: Net, x: Tensor) -> Tensor:
    """Each 2x2 square of pixels as one of four times the channels."""
    parts = []
    for column in (0, 1):
        for row in (0, 1):
            rows = _every_second(net, x, 2, row)
            parts.append(_every_second(net, rows, 3, column))
    return net.concat(parts)


def _every_second(net: Net, x: Tensor, axis: int, start: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] //= 2
    window = [net.constant((value,)) for value in (start, x.shape[axis], axis, 2)]
    return net.op("Slice", [x, *window], tuple(shape))
