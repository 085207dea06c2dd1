"""YOLOv8 (Ultralytics) of COCO, up to the last convolutions.

Architecture: ``<n|s|m|l|x>[-seg|-pose]-<resolution>``, e.g. ``n-640``, ``s-seg-640``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net
from ledg_export.zoo.yolo_blocks import CLASSES, Blocks, Scale

SCALES = {
    "n": Scale(1 / 3, 0.25), "s": Scale(1 / 3, 0.5), "m": Scale(2 / 3, 0.75, 768), "l": Scale(1, 1, 512),
    "x": Scale(1, 1.25, 512),
}  # fmt: skip
STAGES = ((128, 3), (256, 6), (512, 6), (1024, 3))
"""(channels, blocks) of each stage."""

BOX = 4 * 16
"""Each side of a box is a distribution over 16 bins."""

TASKS = {"seg": 32, "pose": 17 * 3}
"""Outputs of the third branch: mask coefficients, or a place and a visibility of each keypoint."""


def build(arch: str, batch: int) -> ModelProto:
    """The network; outputs: boxes, classes (and what the task adds) of strides 8, 16 and 32; masks last.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, *task, resolution = arch.split("-")
    if size not in SCALES or (task and (len(task) > 1 or task[0] not in TASKS)):
        raise ValueError("want <n|s|m|l|x>[-seg|-pose]-<resolution>")
    net = Net(batch)
    blocks = Blocks(net, SCALES[size])
    x = blocks.conv(net.input(3, int(resolution), int(resolution)), blocks.width(64), 3, 2)
    levels = []
    for channels, count in STAGES:
        x = blocks.conv(x, blocks.width(channels), 3, 2)
        x = blocks.c2f(x, blocks.width(channels), count, True)
        levels.append(x)
    levels[-1] = blocks.sppf(x, blocks.width(1024))
    features = blocks.neck(levels[1:], blocks.c2f, reduce=False)
    finest = features[0].shape[1]
    classes = 1 if task == ["pose"] else CLASSES
    outputs = []
    for x in features:
        outputs.append(blocks.branch(x, max(16, finest // 4, BOX), BOX))
        outputs.append(blocks.branch(x, max(finest, min(classes, 100)), classes))
        outputs.extend(blocks.branch(x, max(finest // 4, TASKS[name]), TASKS[name]) for name in task)
    if task == ["seg"]:
        x = blocks.conv(features[0], blocks.width(256), 3)
        x = blocks.conv(net.conv_transpose(x, x.shape[1], 2, 2), x.shape[1], 3)
        outputs.append(blocks.conv(x, TASKS["seg"]))
    return net.model(*outputs)
