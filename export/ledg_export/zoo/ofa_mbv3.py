"""Sub-networks of Once-for-All's MobileNetV3 (Cai et al., arXiv 1908.09791), 1000 classes.

Architecture: ``<kernels>/<expansions>/<depths>/<resolution>[/<width>]``: 20 kernels and 20 expansions (4 a stage, of
which the first ``depth`` are used), 5 depths, each list separated by spaces; the width is 1.0 unless it is given
(the authors have 1.0 and 1.2).
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, divisible
from ledg_export.zoo.mobilenet_v2 import inverted_residual

STAGES = (
    (24, 2, "relu", False), (40, 2, "relu", True), (80, 2, "hardswish", False), (112, 1, "hardswish", True),
    (160, 2, "hardswish", True),
)  # fmt: skip
"""(channels, stride of the first block, activation, channel gates)."""

BLOCKS = 4
"""Blocks of a stage at full depth."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    *lists, size, width = arch.split("/") if arch.count("/") > 3 else (*arch.split("/"), "1.0")
    kernels, expansions, depths = ([int(word) for word in part.split()] for part in lists)
    resolution = int(size)

    def scaled(channels: int) -> int:
        return divisible(channels * float(width))

    if [len(kernels), len(expansions), len(depths)] != [BLOCKS * len(STAGES)] * 2 + [len(STAGES)]:
        raise ValueError("want 20 kernels, 20 expansions, 5 depths and a resolution")
    if not all(1 <= depth <= BLOCKS for depth in depths):
        raise ValueError(f"a depth is 1 to {BLOCKS}")
    net = Net(batch)
    x = net.activation(net.conv(net.input(3, resolution, resolution), scaled(16), 3, 2), "hardswish")
    x = inverted_residual(net, x, scaled(16), scaled(16), 3, 1, "relu")
    for stage, (channels, stride, act, gates) in enumerate(STAGES):
        for block in range(depths[stage]):
            place = BLOCKS * stage + block
            expanded = divisible(x.shape[1] * expansions[place])
            se = divisible(expanded // 4) if gates else 0
            step = 1 if block else stride
            x = inverted_residual(net, x, expanded, scaled(channels), kernels[place], step, act, se)
    x = net.mean(net.activation(net.conv(x, scaled(960)), "hardswish"))
    x = net.activation(net.conv(x, scaled(1280), bias=False), "hardswish")
    return net.model(net.dense(net.flatten(x), 1000))
