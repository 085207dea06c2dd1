"""SqueezeNet (Iandola et al., arXiv 1602.07360) as in torchvision, 1000 classes.

Architecture: ``<1.0|1.1>-<resolution>``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

SQUEEZED = (16, 16, 32, 32, 48, 48, 64, 64)
"""Channels of the 1x1 convolution of each of the eight fire modules; each expands to 2 x 4 times as many."""

_VARIANTS = {"1.0": (96, 7, (0, 3, 7)), "1.1": (64, 3, (0, 2, 4))}
"""Channels and kernel of the stem, and the fire modules that pooling comes before."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    version, resolution = arch.split("-")
    if version not in _VARIANTS:
        raise ValueError(f"want one of {', '.join(_VARIANTS)}")
    channels, kernel, pooled = _VARIANTS[version]
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, int(resolution), int(resolution)), channels, kernel, 2, pad=0))
    for at, squeezed in enumerate(SQUEEZED):
        if at in pooled:
            x = net.pool("MaxPool", x, 3, 2, ceil=True)
        x = _fire(net, x, squeezed)
    x = net.relu(net.conv(x, 1000))
    return net.model(net.flatten(net.mean(x)))


def _fire(net: Net, x: Tensor, squeezed: int) -> Tensor:
    x = net.relu(net.conv(x, squeezed))
    return net.concat([net.relu(net.conv(x, 4 * squeezed, kernel)) for kernel in (1, 3)])
