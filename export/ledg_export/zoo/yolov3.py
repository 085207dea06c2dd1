"""YOLOv3 (Redmon and Farhadi, arXiv 1804.02767), 80 classes of COCO, up to the last convolutions.

Architecture: ``[tiny-]<resolution>``, e.g. ``416``, ``tiny-416``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.yolo_blocks import CLASSES, Blocks, Scale

STAGES = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))
"""(channels, residual blocks) of each stage of Darknet-53."""

OUTPUTS = 3 * (5 + CLASSES)


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: the predictions of strides 32, 16 and, of the large one, 8.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    *option, resolution = arch.split("-")
    if option not in ([], ["tiny"]):
        raise ValueError("want [tiny-]<resolution>")
    net = Net(batch)
    blocks = Blocks(net, Scale(1, 1), "leaky")
    x = net.input(3, int(resolution), int(resolution))
    return net.model(*(_tiny(blocks, x) if option else _large(blocks, x)))


def _large(blocks: Blocks, x: Tensor) -> list[Tensor]:
    x = blocks.conv(x, 32, 3)
    levels = []
    for channels, count in STAGES:
        x = blocks.conv(x, channels, 3, 2)
        for _ in range(count):
            x = blocks.net.add(x, blocks.conv(blocks.conv(x, channels // 2), channels, 3))
        levels.append(x)
    outputs: list[Tensor] = []
    for level in reversed(levels[2:]):
        width = level.shape[1] // 2
        if outputs:
            x = blocks.net.concat([blocks.upsample(blocks.conv(x, width)), level])
        for wide in (False, True, False, True, False):
            x = blocks.conv(x, width << wide, 3 if wide else 1)
        outputs.append(blocks.net.conv(blocks.conv(x, 2 * width, 3), OUTPUTS))
    return outputs


def _tiny(blocks: Blocks, x: Tensor) -> list[Tensor]:
    net = blocks.net
    for channels in (16, 32, 64, 128):
        x = net.pool("MaxPool", blocks.conv(x, channels, 3), 2, 2)
    fine = blocks.conv(x, 256, 3)
    x = blocks.conv(net.pool("MaxPool", fine, 2, 2), 512, 3)
    # A pooling of stride 1 that keeps the size: the odd pixel is at the end.
    x = net.op("MaxPool", [x], x.shape, kernel_shape=(2, 2), pads=(0, 0, 1, 1), strides=(1, 1))
    x = blocks.conv(blocks.conv(x, 1024, 3), 256)
    coarse = net.conv(blocks.conv(x, 512, 3), OUTPUTS)
    x = net.concat([blocks.upsample(blocks.conv(x, 128)), fine])
    return [coarse, net.conv(blocks.conv(x, 256, 3), OUTPUTS)]
