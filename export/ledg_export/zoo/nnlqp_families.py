"""The ten families of NNLQP (Liu et al., ICPP 2022): published networks with random widths and kernels, 224x224.

Architecture: ``<family>-<seed>``, e.g. ``resnet-17``; equal seeds give equal graphs. As in nn-Meter (Zhang et al.,
MobiSys 2021), whose variants NNLQP took over, structure and depth are the published network's, each layer's channels
are drawn around the published ones and each spatial kernel from a few sizes. Ranges and draws are ours: the graphs of
the data set are not among them. ``nasbench201`` is a random cell on 32x32, as published. ``<family>-published`` is what
the draws are around: the same layers with the published channels and kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from onnx import ModelProto

from ledg_export.zoo import efficientnet, mnasnet, mobilenet_v2, mobilenet_v3, nasbench201, squeezenet, vgg
from ledg_export.zoo.builder import Net, Tensor, divisible
from ledg_export.zoo.googlenet import MODULES
from ledg_export.zoo.resnet import DEPTHS

RESOLUTION = 224
CLASSES = 1000
WIDTHS = (0.2, 1.8)
"""Channels are the published ones times a number from this range."""

KERNELS = (3, 5, 7)


PUBLISHED = "published"
"""In place of a seed: nothing is drawn."""


class Published:
    """Widths and kernels as published."""

    def width(self, published: int) -> int:
        """``published`` itself."""
        return published

    def kernel(self, published: int = 3) -> int:
        """``published`` itself."""
        return published


class Draw(Published):
    """Widths and kernels of one network, from its seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def width(self, published: int) -> int:
        """Channels around ``published``, a multiple of eight."""
        return divisible(published * self._random.uniform(*WIDTHS))

    def kernel(self, published: int = 3) -> int:
        """An odd kernel, whatever ``published`` is."""
        return self._random.choice(KERNELS)

    def cell(self) -> str:
        """A NAS-Bench-201 cell with an operation on each of its six edges."""
        nodes = (
            "|".join(f"{self._random.choice(nasbench201.OPERATIONS)}~{source}" for source in range(count))
            for count in (1, 2, 3)
        )
        return "+".join(f"|{node}|" for node in nodes)


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    name, _, seed = arch.rpartition("-")
    if name not in FAMILIES or not (seed.isdecimal() or (seed == PUBLISHED and name in _FEATURES)):
        raise ValueError(
            f"want <family>-<seed>, a family of {', '.join(FAMILIES)}, or <family>-{PUBLISHED} of all but nasbench201"
        )
    if name == "nasbench201":
        return nasbench201.build(cell_of(arch), batch)
    draw = Published() if seed == PUBLISHED else Draw(int(seed))
    net = Net(batch)
    x = _FEATURES[name](net, net.input(3, RESOLUTION, RESOLUTION), draw)
    return net.model(net.dense(x if len(x.shape) == 2 else net.flatten(net.mean(x)), CLASSES))


def cell_of(arch: str) -> str:
    """The cell that ``nasbench201-<seed>`` repeats, as NAS-Bench-201 writes it."""
    return Draw(int(arch.rpartition("-")[2])).cell()


def _alexnet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.pool("MaxPool", net.relu(net.conv(x, draw.width(64), draw.kernel(7) + 4, 4)), 3, 2)
    x = net.pool("MaxPool", net.relu(net.conv(x, draw.width(192), draw.kernel(5))), 3, 2)
    for channels in (384, 256, 256):
        x = net.relu(net.conv(x, draw.width(channels), draw.kernel()))
    x = net.flatten(net.pool("MaxPool", x, 3, 2))
    for features in (4096, 4096):
        x = net.relu(net.dense(x, draw.width(features)))
    return x


def _vgg(net: Net, x: Tensor, draw: Published) -> Tensor:
    for channels, count in zip(vgg.WIDTHS, vgg.DEPTHS["16"], strict=True):
        for _ in range(count):
            x = net.relu(net.conv(x, draw.width(channels), draw.kernel()))
        x = net.pool("MaxPool", x, 2, 2)
    x = net.flatten(x)
    for features in (4096, 4096):
        x = net.relu(net.dense(x, draw.width(features)))
    return x


def _googlenet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.pool("MaxPool", net.relu(net.conv(x, draw.width(64), draw.kernel(7), 2)), 3, 2, ceil=True)
    x = net.relu(net.conv(net.relu(net.conv(x, draw.width(64))), draw.width(192), draw.kernel()))
    x = net.pool("MaxPool", x, 3, 2, ceil=True)
    for widths in MODULES:
        if widths is None:
            x = net.pool("MaxPool", x, 3, 2, ceil=True)
            continue
        first, inner2, second, inner3, third, last = (draw.width(channels) for channels in widths)
        parts = [net.relu(net.conv(x, first))]
        for inner, channels in ((inner2, second), (inner3, third)):
            parts.append(net.relu(net.conv(net.relu(net.conv(x, inner)), channels, draw.kernel())))
        x = net.concat([*parts, net.relu(net.conv(net.pool("MaxPool", x, 3, 1, pad=1), last))])
    return x


def _resnet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.pool("MaxPool", net.relu(net.conv(x, draw.width(64), draw.kernel(7), 2)), 3, 2, pad=1)
    for stage, blocks in enumerate(DEPTHS["18"]):
        channels = draw.width(64 << stage)  # one a stage: the sums need equal ones
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = net.relu(net.conv(x, draw.width(64 << stage), draw.kernel(), stride))
            y = net.conv(y, channels, draw.kernel())
            shortcut = x if x.shape == y.shape else net.conv(x, channels, 1, stride)
            x = net.relu(net.add(y, shortcut))
    return x


def _squeezenet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.relu(net.conv(x, draw.width(64), draw.kernel(), 2))
    for at, squeezed in enumerate(squeezenet.SQUEEZED):
        if at in (0, 2, 4):  # as in version 1.1
            x = net.pool("MaxPool", x, 3, 2, ceil=True)
        x = net.relu(net.conv(x, draw.width(squeezed)))
        parts = [net.conv(x, draw.width(4 * squeezed)), net.conv(x, draw.width(4 * squeezed), draw.kernel())]
        x = net.concat([net.relu(part) for part in parts])
    return x


def _mobilenet_v2(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.activation(net.conv(x, draw.width(32), 3, 2), "relu6")
    for expansion, channels, blocks, stride in mobilenet_v2.STAGES:
        width = draw.width(channels)
        for block in range(blocks):
            step = 1 if block else stride
            x = mobilenet_v2.inverted_residual(net, x, x.shape[1] * expansion, width, draw.kernel(), step)
    return net.activation(net.conv(x, draw.width(1280)), "relu6")


def _mobilenet_v3(net: Net, x: Tensor, draw: Published) -> Tensor:
    width, published = draw.width(16), 16
    x = net.activation(net.conv(x, width, 3, 2), "hardswish")
    for expansion, channels, kernel, stride, gates, act in mobilenet_v3.LARGE:
        # Blocks that are added to each other keep their width.
        width = width if channels == published and stride == 1 else draw.width(channels)
        published = channels
        expanded = divisible(x.shape[1] * expansion)
        x = mobilenet_v2.inverted_residual(
            net, x, expanded, width, draw.kernel(kernel), stride, act, divisible(expanded / 4) if gates else 0
        )
    return net.activation(net.conv(x, draw.width(960)), "hardswish")


def _mnasnet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = net.relu(net.conv(x, draw.width(32), 3, 2))
    x = net.conv(net.relu(net.depthwise(x, draw.kernel())), draw.width(16))
    for expansion, channels, kernel, blocks, stride in mnasnet.STAGES:
        width = draw.width(channels)
        for block in range(blocks):
            step = 1 if block else stride
            x = mobilenet_v2.inverted_residual(
                net, x, x.shape[1] * expansion, width, draw.kernel(kernel), step, "relu"
            )
    return net.relu(net.conv(x, draw.width(1280)))


def _efficientnet(net: Net, x: Tensor, draw: Published) -> Tensor:
    x = efficientnet.swish(net, net.conv(x, draw.width(32), 3, 2))
    for expansion, channels, kernel, blocks, stride in efficientnet.STAGES:
        width = draw.width(channels)
        for block in range(blocks):
            x = efficientnet.mbconv(net, x, expansion, width, draw.kernel(kernel), 1 if block else stride)
    return efficientnet.swish(net, net.conv(x, draw.width(1280)))


_FEATURES: Mapping[str, Callable[[Net, Tensor, Published], Tensor]] = {
    "alexnet": _alexnet, "efficientnet": _efficientnet, "googlenet": _googlenet, "mnasnet": _mnasnet,
    "mobilenet_v2": _mobilenet_v2, "mobilenet_v3": _mobilenet_v3, "resnet": _resnet, "squeezenet": _squeezenet,
    "vgg": _vgg,
}  # fmt: skip

FAMILIES = (*_FEATURES, "nasbench201")
"""Families by the names that all sources share."""
