"""Blocks of the YOLO networks since v3: convolutions with their activation, C3, C2f, spatial pyramids, necks.

Networks end with their last convolutions: most deployments decode boxes and suppress overlaps outside of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

from ledg_export.zoo.builder import Net, Tensor

CLASSES = 80
"""Classes of COCO."""


class Scale(NamedTuple):
    """Multipliers of depth and width; no width scales from more than ``widest`` channels."""

    depth: float
    width: float
    widest: int = 1024


class Blocks:
    """Layers of one network: its graph, its scale and its activation (``silu``, ``relu`` or ``leaky``)."""

    def __init__(self, net: Net, scale: Scale, act: str = "silu") -> None:
        self.net = net
        self.scale = scale
        self.act = act

    def width(self, channels: int) -> int:
        """Channels at this scale, a multiple of eight."""
        return ceil(min(channels, self.scale.widest) * self.scale.width / 8) * 8

    def depth(self, blocks: int) -> int:
        """Blocks at this scale, at least one."""
        return max(1, round(blocks * self.scale.depth))

    def conv(
        self, x: Tensor, channels: int, kernel: int = 1, stride: int = 1, pad: int | None = None
    ) -> Tensor:
        """Convolution with folded normalization, then the activation."""
        x = self.net.conv(x, channels, kernel, stride, pad=pad)
        if self.act == "silu":
            return self.net.op("Mul", [x, self.net.activation(x, "sigmoid")], x.shape)
        if self.act == "leaky":
            return self.net.op("LeakyRelu", [x], x.shape, alpha=0.1)
        return self.net.activation(x, self.act)

    def bottleneck(self, x: Tensor, first: int, shortcut: bool) -> Tensor:
        """Convolution of kernel ``first`` and a 3x3 one, both as wide as ``x``; a sum if ``shortcut``."""
        y = self.conv(self.conv(x, x.shape[1], first), x.shape[1], 3)
        return self.net.add(x, y) if shortcut else y

    def c3(self, x: Tensor, channels: int, blocks: int, shortcut: bool) -> Tensor:
        """Bottlenecks on one half of the channels, joined with the other half (v5, YOLOX)."""
        y = self.conv(x, channels // 2)
        for _ in range(self.depth(blocks)):
            y = self.bottleneck(y, 1, shortcut)
        return self.conv(self.net.concat([y, self.conv(x, channels // 2)]), channels)

    def c2f(self, x: Tensor, channels: int, blocks: int, shortcut: bool) -> Tensor:
        """Bottlenecks in a row, all of whose outputs are joined (v8)."""
        half = channels // 2
        x = self.conv(x, channels)
        shape = (x.shape[0], half, *x.shape[2:])
        parts = self.net.ops("Split", [x, self.net.constant((half, half))], [shape, shape], axis=1)
        for _ in range(self.depth(blocks)):
            parts.append(self.bottleneck(parts[-1], 3, shortcut))
        return self.conv(self.net.concat(parts), channels)

    def sppf(self, x: Tensor, channels: int) -> Tensor:
        """Three poolings in a row, joined with their input (v5, v8)."""
        parts = [self.conv(x, x.shape[1] // 2)]
        for _ in range(3):
            parts.append(self.net.pool("MaxPool", parts[-1], 5, 1, pad=2))
        return self.conv(self.net.concat(parts), channels)

    def spp(self, x: Tensor, channels: int) -> Tensor:
        """Three poolings beside each other, joined with their input (YOLOX)."""
        x = self.conv(x, x.shape[1] // 2)
        pooled = [self.net.pool("MaxPool", x, kernel, 1, pad=kernel // 2) for kernel in (5, 9, 13)]
        return self.conv(self.net.concat([x, *pooled]), channels)

    def upsample(self, x: Tensor) -> Tensor:
        """Twice the size, by the nearest pixel."""
        shape = (*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
        return self.net.op("Resize", [x, "", "", self.net.constant(shape)], shape, mode="nearest")

    def neck(
        self, levels: Sequence[Tensor], block: Callable[[Tensor, int, int, bool], Tensor], reduce: bool
    ) -> list[Tensor]:
        """Paths from the coarsest of three levels to the finest and back; ``reduce`` narrows before upsampling.

        Returns the features of strides 8, 16 and 32.
        """
        fine, middle, coarse = levels
        narrow = self.conv(coarse, self.width(512)) if reduce else coarse
        x = block(self.net.concat([self.upsample(narrow), middle]), self.width(512), 3, False)
        side = self.conv(x, self.width(256)) if reduce else x
        small = block(self.net.concat([self.upsample(side), fine]), self.width(256), 3, False)
        down = self.conv(small, self.width(256), 3, 2)
        medium = block(self.net.concat([down, side]), self.width(512), 3, False)
        down = self.conv(medium, self.width(512), 3, 2)
        return [small, medium, block(self.net.concat([down, narrow]), self.width(1024), 3, False)]

    def branch(self, x: Tensor, channels: int, outputs: int) -> Tensor:
        """Two 3x3 convolutions and a bare 1x1 one."""
        return self.net.conv(self.conv(self.conv(x, channels, 3), channels, 3), outputs)
