"""FBNet's space (Wu et al., arXiv 1812.03443) for 32x32 images, as HW-NAS-Bench (arXiv 2103.10584) sets it.

Architecture: 22 operations separated by spaces, ``k3_e1``, ``k5_e1_g2``, ..., ``skip``. In that setting the
stem and the first two stages keep the resolution, the head has 1504 channels, and there are 100 classes.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

STAGES = ((16, 1, 1), (24, 4, 1), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""(channels, blocks, stride of the first block)."""

BLOCKS = {
    f"k{kernel}_e{expansion}" + (f"_g{groups}" if groups > 1 else ""): (kernel, expansion, groups)
    for kernel in (3, 5)
    for expansion, groups in ((1, 1), (1, 2), (3, 1), (6, 1))
}
"""(kernel, expansion, groups of the 1x1 convolutions) by name."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    places = [(channels, 1 if at else stride) for channels, blocks, stride in STAGES for at in range(blocks)]
    names = arch.split()
    if len(names) != len(places) or not set(names) <= {*BLOCKS, "skip"}:
        raise ValueError(f"want {len(places)} of {' '.join(BLOCKS)} skip")
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, 32, 32), 16, 3))
    for name, (channels, stride) in zip(names, places, strict=True):
        x = _skip(net, x, channels, stride) if name == "skip" else _block(net, x, name, channels, stride)
    x = net.relu(net.conv(x, 1504))
    return net.model(net.dense(net.flatten(net.mean(x)), 100))


def _skip(net: Net, x: Tensor, channels: int, stride: int) -> Tensor:
    if stride == 1 and channels == x.shape[1]:
        return x
    return net.relu(net.conv(x, channels, 1, stride))


def _block(net: Net, x: Tensor, name: str, channels: int, stride: int) -> Tensor:
    kernel, expansion, groups = BLOCKS[name]
    # The first convolution stays when the expansion is 1.
    y = net.relu(net.conv(x, x.shape[1] * expansion, groups=groups))
    if groups > 1:
        y = net.shuffle(y, groups)
    y = net.relu(net.depthwise(y, kernel, stride))
    y = net.conv(y, channels, groups=groups)
    return net.add(y, x) if y.shape == x.shape else y
