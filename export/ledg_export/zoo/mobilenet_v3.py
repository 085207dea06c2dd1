"""MobileNet v3 (Howard et al., arXiv 1905.02244) as TensorFlow-Slim publishes it, 1001 classes.

Architecture: ``<large|small>[-minimalistic]-<resolution>-<width>``, e.g. ``small-minimalistic-224-1.0``.
The minimalistic ones have no channel gates, no hard-swish and 3x3 kernels only.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, divisible
from ledg_export.zoo.mobilenet_v2 import inverted_residual

LARGE = (
    (1, 16, 3, 1, False, "relu"), (4, 24, 3, 2, False, "relu"), (3, 24, 3, 1, False, "relu"),
    (3, 40, 5, 2, True, "relu"), (3, 40, 5, 1, True, "relu"), (3, 40, 5, 1, True, "relu"),
    (6, 80, 3, 2, False, "hardswish"), (2.5, 80, 3, 1, False, "hardswish"),
    (184 / 80, 80, 3, 1, False, "hardswish"), (184 / 80, 80, 3, 1, False, "hardswish"),
    (6, 112, 3, 1, True, "hardswish"), (6, 112, 3, 1, True, "hardswish"),
    (6, 160, 5, 2, True, "hardswish"), (6, 160, 5, 1, True, "hardswish"), (6, 160, 5, 1, True, "hardswish"),
)  # fmt: skip
"""(expansion, channels, kernel, stride, channel gates, activation) of each block."""

SMALL = (
    (1, 16, 3, 2, True, "relu"), (72 / 16, 24, 3, 2, False, "relu"), (88 / 24, 24, 3, 1, False, "relu"),
    (4, 40, 5, 2, True, "hardswish"), (6, 40, 5, 1, True, "hardswish"), (6, 40, 5, 1, True, "hardswish"),
    (3, 48, 5, 1, True, "hardswish"), (3, 48, 5, 1, True, "hardswish"),
    (6, 96, 5, 2, True, "hardswish"), (6, 96, 5, 1, True, "hardswish"), (6, 96, 5, 1, True, "hardswish"),
)  # fmt: skip

_SIZES = {"large": (LARGE, 960, 1280), "small": (SMALL, 576, 1024)}


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, *options, resolution, multiplier = arch.split("-")
    if size not in _SIZES or options not in ([], ["minimalistic"]):
        raise ValueError("want <large|small>[-minimalistic]-<resolution>-<width>")
    blocks, last, head = _SIZES[size]
    width, minimalistic = float(multiplier), bool(options)
    act = "relu" if minimalistic else "hardswish"
    net = Net(batch, same=True)
    x = net.input(3, int(resolution), int(resolution))
    x = net.activation(net.conv(x, divisible(16 * width), 3, 2), act)
    for expansion, channels, kernel, stride, gates, block_act in blocks:
        expanded = divisible(x.shape[1] * expansion)
        x = inverted_residual(
            net, x, expanded, divisible(channels * width), 3 if minimalistic else kernel, stride,
            "relu" if minimalistic else block_act, divisible(expanded / 4) if gates and not minimalistic else 0,
        )  # fmt: skip
    x = net.activation(net.conv(x, divisible(last * width)), act)
    # Slim leaves the last layer as wide as it is for multipliers below 1.
    x = net.activation(net.conv(net.mean(x), divisible(head * max(1.0, width))), act)
    return net.model(net.softmax(net.reshape(net.conv(x, 1001), 1001)))
