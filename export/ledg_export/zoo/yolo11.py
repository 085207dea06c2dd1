"""YOLO11 (Ultralytics, 2024), 80 classes of COCO, up to the last convolutions.

Architecture: ``<n|s|m|l|x>-<resolution>``, e.g. ``n-640``.
"""

from __future__ import annotations

from math import sqrt

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.yolo_blocks import CLASSES, Blocks, Scale

SCALES = {
    "n": Scale(0.5, 0.25), "s": Scale(0.5, 0.5), "m": Scale(0.5, 1, 512), "l": Scale(1, 1, 512), "x": Scale(1, 1.5, 512),
}  # fmt: skip
STAGES = ((128, 256, 4, False), (256, 512, 4, False), (512, 512, 2, True), (1024, 1024, 2, True))
"""(channels of the halving convolution, of the stage, their ratio to the inner ones, nested) of each stage."""

_NESTED = "mlx"
"""Sizes that nest their blocks everywhere."""

HEAD_WIDTH = 64
BOX = 4 * 16


def build(arch: str, batch: int) -> ModelProto:
    """The detector; outputs: boxes and classes of strides 8, 16 and 32.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, _, resolution = arch.partition("-")
    if size not in SCALES:
        raise ValueError("want <n|s|m|l|x>-<resolution>")
    net = Net(batch)
    blocks = Blocks(net, SCALES[size])
    x = blocks.conv(net.input(3, int(resolution), int(resolution)), blocks.width(64), 3, 2)
    levels = []
    for halving, channels, ratio, nested in STAGES:
        x = blocks.conv(x, blocks.width(halving), 3, 2)
        x = _c3k2(blocks, x, blocks.width(channels), nested or size in _NESTED, ratio)
        levels.append(x)
    levels[-1] = _attention_stage(blocks, blocks.sppf(x, blocks.width(1024)))

    def block(x: Tensor, channels: int, _: int, __: bool) -> Tensor:
        return _c3k2(blocks, x, channels, size in _NESTED or channels == blocks.width(1024))

    features = blocks.neck(levels[1:], block, reduce=False)
    finest = features[0].shape[1]
    outputs = []
    for x in features:
        outputs += [blocks.branch(x, max(finest // 4, BOX), BOX), _classes(blocks, x, max(finest, CLASSES))]
    return net.model(*outputs)


def _c3k2(blocks: Blocks, x: Tensor, channels: int, nested: bool, ratio: int = 2) -> Tensor:
    """C2f with bottlenecks of half the width, or nested blocks of two bottlenecks, each with a sum."""
    net, inner = blocks.net, channels // ratio
    x = blocks.conv(x, 2 * inner)
    parts = _halves(net, x)
    for _ in range(blocks.depth(2)):
        part = parts[-1]
        if nested:
            y = blocks.conv(part, inner // 2)
            for _ in range(2):
                y = blocks.bottleneck(y, 3, True)
            parts.append(blocks.conv(net.concat([y, blocks.conv(part, inner // 2)]), inner))
        else:
            y = blocks.conv(blocks.conv(part, inner // 2, 3), inner, 3)
            parts.append(net.add(part, y))
    return blocks.conv(net.concat(parts), channels)


def _attention_stage(blocks: Blocks, x: Tensor) -> Tensor:
    """One half of the channels through blocks of attention, joined with the other half."""
    net, channels = blocks.net, x.shape[1]
    kept, y = _halves(net, blocks.conv(x, channels))
    for _ in range(blocks.depth(2)):
        y = net.add(y, _attention(net, y))
        y = net.add(y, net.conv(blocks.conv(y, 2 * y.shape[1]), y.shape[1]))
    return blocks.conv(net.concat([kept, y]), channels)


def _attention(net: Net, x: Tensor) -> Tensor:
    """Attention over all pixels with keys of half the values' width, and a 3x3 encoding of places."""
    batch, channels, height, width = x.shape
    heads, places = channels // HEAD_WIDTH, height * width
    key = HEAD_WIDTH // 2
    joined = net.reshape(net.conv(x, 2 * channels), heads, 2 * key + HEAD_WIDTH, places)
    sizes = (key, key, HEAD_WIDTH)
    shapes = [(batch, heads, size, places) for size in sizes]
    query, keys, values = net.ops("Split", [joined, net.constant(sizes)], shapes, axis=2)
    scores = net.scaled("Mul", net.matmul(net.transpose(query, 0, 1, 3, 2), keys), 1 / sqrt(key))
    mixed = net.matmul(values, net.transpose(net.softmax(scores), 0, 1, 3, 2))
    placed = net.depthwise(net.reshape(values, channels, height, width), 3)
    return net.conv(net.add(net.reshape(mixed, channels, height, width), placed), channels)


def _classes(blocks: Blocks, x: Tensor, channels: int) -> Tensor:
    """Two separable convolutions and a bare 1x1 one."""
    for _ in range(2):
        x = blocks.net.depthwise(x, 3)
        x = blocks.net.op("Mul", [x, blocks.net.activation(x, "sigmoid")], x.shape)
        x = blocks.conv(x, channels)
    return blocks.net.conv(x, CLASSES)


def _halves(net: Net, x: Tensor) -> list[Tensor]:
    half = x.shape[1] // 2
    shape = (x.shape[0], half, *x.shape[2:])
    return net.ops("Split", [x, net.constant((half, half))], [shape, shape], axis=1)
