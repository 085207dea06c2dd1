"""MobileNet v3 as PaddleClas publishes it: a head of 1280 channels at every size and width, 1000 classes.

Architecture: ``<large|small>-<width>-<resolution>``, e.g. ``small-0.35-224``. The first block is expanded
too, by a 1x1 convolution of as many channels.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, divisible
from ledg_export.zoo.mobilenet_v2 import narrowed
from ledg_export.zoo.mobilenet_v3 import LARGE, SMALL

HEAD = 1280

_SIZES = {"large": (LARGE, 960), "small": (SMALL, 576)}


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, multiplier, resolution = arch.split("-")
    if size not in _SIZES:
        raise ValueError("want <large|small>-<width>-<resolution>")
    blocks, last = _SIZES[size]
    width = float(multiplier)
    net = Net(batch)
    x = net.input(3, int(resolution), int(resolution))
    x = net.activation(net.conv(x, divisible(16 * width), 3, 2), "hardswish")
    published = 16
    for expansion, channels, kernel, stride, gates, act in blocks:
        # The width scales the expanded channels of the paper, not those of the block before.
        expanded = divisible(round(published * expansion) * width)
        se = expanded // 4 if gates else 0
        y = net.activation(net.conv(x, expanded), act)
        x = narrowed(net, x, y, divisible(channels * width), kernel, stride, act, se)
        published = channels
    x = net.activation(net.conv(x, divisible(last * width)), "hardswish")
    x = net.activation(net.conv(net.mean(x), HEAD, bias=False), "hardswish")
    return net.model(net.softmax(net.dense(net.flatten(x), 1000)))
