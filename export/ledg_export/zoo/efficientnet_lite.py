"""EfficientNet-Lite (TensorFlow TPU repository, 2020; after Tan and Le, arXiv 1905.11946), 1000 classes.

Architecture: ``0`` to ``4``. No channel gates, relu6 for swish, and stem, head and the depth of the first
and last stage are not scaled.
"""

from __future__ import annotations

from math import ceil

from onnx import ModelProto

from ledg_export.zoo.builder import Net, divisible
from ledg_export.zoo.mobilenet_v2 import inverted_residual

SCALES = {
    "0": (1.0, 1.0, 224), "1": (1.0, 1.1, 240), "2": (1.1, 1.2, 260), "3": (1.2, 1.4, 280), "4": (1.4, 1.8, 300),
}  # fmt: skip
"""(width, depth, resolution)."""

STAGES = (
    (1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 3, 2), (6, 112, 5, 3, 1),
    (6, 192, 5, 4, 2), (6, 320, 3, 1, 1),
)  # fmt: skip
"""(expansion, channels, kernel, blocks, stride of the first block)."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    if arch not in SCALES:
        raise ValueError("want 0 to 4")
    width, depth, resolution = SCALES[arch]
    net = Net(batch, same=True)
    x = net.activation(net.conv(net.input(3, resolution, resolution), 32, 3, 2), "relu6")
    for at, (expansion, channels, kernel, blocks, stride) in enumerate(STAGES):
        repeats = blocks if at in (0, len(STAGES) - 1) else ceil(blocks * depth)
        for block in range(repeats):
            step = 1 if block else stride
            x = inverted_residual(net, x, x.shape[1] * expansion, divisible(channels * width), kernel, step)
    x = net.activation(net.conv(x, 1280), "relu6")
    return net.model(net.softmax(net.dense(net.flatten(net.mean(x)), 1000)))
