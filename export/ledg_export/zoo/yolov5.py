"""YOLOv5 (Ultralytics, since release 6.0), 80 classes of COCO, up to the last convolutions.

Architecture: ``<n|s|m|l|x>[_relu][-seg]-<resolution>``, e.g. ``s-640``, ``s_relu-640``, ``m-seg-640``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net
from ledg_export.zoo.yolo_blocks import CLASSES, Blocks, Scale

SCALES = {
    "n": Scale(1 / 3, 0.25), "s": Scale(1 / 3, 0.5), "m": Scale(2 / 3, 0.75), "l": Scale(1, 1), "x": Scale(4 / 3, 1.25),
}  # fmt: skip
STAGES = ((128, 3), (256, 6), (512, 9), (1024, 3))
"""(channels, blocks) of each stage."""

ANCHORS = 3
MASKS = 32


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: the predictions of strides 8, 16 and 32, with ``-seg`` also the mask prototypes.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, *task, resolution = arch.split("-")
    name, *option = size.split("_")
    if name not in SCALES or task not in ([], ["seg"]) or option not in ([], ["relu"]):
        raise ValueError("want <n|s|m|l|x>[_relu][-seg]-<resolution>")
    net = Net(batch)
    blocks = Blocks(net, SCALES[name], "relu" if option else "silu")
    x = blocks.conv(net.input(3, int(resolution), int(resolution)), blocks.width(64), 6, 2, pad=2)
    levels = []
    for channels, count in STAGES:
        x = blocks.conv(x, blocks.width(channels), 3, 2)
        x = blocks.c3(x, blocks.width(channels), count, True)
        levels.append(x)
    levels[-1] = blocks.sppf(x, blocks.width(1024))
    features = blocks.neck(levels[1:], blocks.c3, reduce=True)
    outputs = [net.conv(x, ANCHORS * (5 + CLASSES + MASKS * len(task))) for x in features]
    if task:
        x = blocks.upsample(blocks.conv(features[0], blocks.width(256), 3))
        outputs.append(blocks.conv(blocks.conv(x, blocks.width(256), 3), MASKS))
    return net.model(*outputs)
