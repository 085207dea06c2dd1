"""3D U-Net as MLPerf trains it for KiTS19 and runs it since Inference v2.0, on one window of a volume.

Architecture: ``128``, the edge of the cubic window. One input channel, three classes.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

FILTERS = (32, 64, 128, 256, 320)
"""Channels of each level; the bottleneck below has as many as the last."""


def build(arch: str, batch: int) -> ModelProto:
    """The segmentation network; output: logits (batch, 3, edge, edge, edge).

    Raises:
        ValueError: ``arch`` is not a positive multiple of 32.

    """
    edge = int(arch)
    if edge < 1 or edge % 32:
        raise ValueError("the edge is a positive multiple of 32")
    net = Net(batch)
    x = _block(net, _block(net, net.input(1, edge, edge, edge), FILTERS[0]), FILTERS[0])
    levels = [x]
    for channels in (*FILTERS[1:], FILTERS[-1]):
        x = _block(net, _block(net, x, channels, 2), channels)
        levels.append(x)
    for skip in reversed(levels[:-1]):
        channels = skip.shape[1]
        x = net.concat([net.conv_transpose(x, channels, 2, 2), skip])
        x = _block(net, _block(net, x, channels), channels)
    return net.model(net.conv(x, 3))


def _block(net: Net, x: Tensor, channels: int, stride: int = 1) -> Tensor:
    x = net.conv(x, channels, 3, stride, bias=False)
    return net.relu(net.norm("InstanceNormalization", x, epsilon=1e-5))
