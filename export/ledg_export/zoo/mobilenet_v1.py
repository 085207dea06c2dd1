"""MobileNet v1 (Howard et al., arXiv 1704.04861) as TensorFlow-Slim publishes it, 1001 classes.

Architecture: ``<alpha>-<resolution>``, e.g. ``0.25-128``.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
"""(channels, stride) of each separable convolution."""


def backbone(net: Net, x: Tensor, alpha: float, act: str = "relu6") -> list[Tensor]:
    """The stem and the separable convolutions, before the pooling: the output of each of the 14."""
    features = [net.activation(net.conv(x, _width(32, alpha), 3, 2), act)]
    for channels, stride in BLOCKS:
        x = net.activation(net.depthwise(features[-1], 3, stride), act)
        features.append(net.activation(net.conv(x, _width(channels, alpha)), act))
    return features


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    alpha, resolution = arch.split("-")
    net = Net(batch, same=True)
    x = backbone(net, net.input(3, int(resolution), int(resolution)), float(alpha))[-1]
    x = net.conv(net.mean(x), 1001)
    return net.model(net.softmax(net.reshape(x, 1001)))


def _width(channels: int, alpha: float) -> int:
    return max(8, int(channels * alpha))
