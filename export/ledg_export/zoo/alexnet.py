"""AlexNet in one column (Krizhevsky, arXiv 1404.5997) as in torchvision, 1000 classes.

Architecture: ``224``, the resolution.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net

CONVOLUTIONS = (
    (64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False), (256, 3, 1, 1, True),
)  # fmt: skip
"""(channels, kernel, stride, padding, whether pooling follows)."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not a resolution whose maps end at 6x6, which the dense layers want.

    """
    net = Net(batch)
    x = net.input(3, int(arch), int(arch))
    for channels, kernel, stride, pad, pooled in CONVOLUTIONS:
        x = net.relu(net.conv(x, channels, kernel, stride, pad=pad))
        if pooled:
            x = net.pool("MaxPool", x, 3, 2)
    if x.shape[2:] != (6, 6):
        raise ValueError(f"the maps end at {x.shape[2]}x{x.shape[3]}, not 6x6; want 224")
    x = net.flatten(x)
    for _ in range(2):
        x = net.relu(net.dense(x, 4096))
    return net.model(net.dense(x, 1000))
