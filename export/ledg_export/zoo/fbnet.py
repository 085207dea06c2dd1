"""FBNet's space (Wu et al., arXiv 1812.03443), for CIFAR-100 as HW-NAS-Bench (arXiv 2103.10584) sets it, or ImageNet.

Architecture: 22 operations separated by spaces, ``k3_e1``, ``k5_e1_g2``, ..., ``skip``; ``@imagenet`` behind them for
the networks that the authors released. For CIFAR-100 the stem and the first two stages keep the resolution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

STAGES = ((16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""(channels, blocks, stride of the first block)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a data set changes. ``halved``: the stem and the second stage halve the resolution."""

    resolution: int
    halved: bool
    head: int
    classes: int


SETTINGS: Mapping[str, Setting] = {
    "cifar100": Setting(32, False, 1504, 100), "imagenet": Setting(224, True, 1984, 1000),
}  # fmt: skip

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
    operations, _, dataset = arch.partition("@")
    names = operations.split()
    setting = SETTINGS.get(dataset or "cifar100")
    if len(names) != sum(blocks for _, blocks, _ in STAGES) or not set(names) <= {*BLOCKS, "skip"}:
        raise ValueError(f"want {sum(blocks for _, blocks, _ in STAGES)} of {' '.join(BLOCKS)} skip")
    if setting is None:
        raise ValueError(f"want @{' or @'.join(SETTINGS)}, or nothing for the first")
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, setting.resolution, setting.resolution), 16, 3, 1 + setting.halved))
    left = iter(names)
    for stage, (channels, blocks, stride) in enumerate(STAGES):
        for block in range(blocks):
            step = 1 if block or (stage == 1 and not setting.halved) else stride
            x = _block(net, x, next(left), channels, step)
    x = net.relu(net.conv(x, setting.head))
    return net.model(net.dense(net.flatten(net.mean(x)), setting.classes))


def _skip(net: Net, x: Tensor, channels: int, stride: int) -> Tensor:
    if stride == 1 and channels == x.shape[1]:
        return x
    return net.relu(net.conv(x, channels, 1, stride))


def _block(net: Net, x: Tensor, name: str, channels: int, stride: int) -> Tensor:
    if name == "skip":
        return _skip(net, x, channels, stride)
    kernel, expansion, groups = BLOCKS[name]
    # The first convolution stays when the expansion is 1.
    y = net.relu(net.conv(x, x.shape[1] * expansion, groups=groups))
    if groups > 1:
        y = net.shuffle(y, groups)
    y = net.relu(net.depthwise(y, kernel, stride))
    y = net.conv(y, channels, groups=groups)
    return net.add(y, x) if y.shape == x.shape else y
