"""The space of Accel-NASBench (Ahmad et al., MLSys 2024 workshop): EfficientNet-B0's skeleton with ReLU, 224x224.

Architecture: ``<expansions>/<kernels>/<layers>/<gates>``, seven values each, separated by spaces; a gate is 0 or 1.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net
from ledg_export.zoo.mobilenet_v2 import inverted_residual

STAGES = ((16, 1), (24, 2), (40, 2), (80, 2), (112, 1), (192, 2), (320, 1))
"""(channels, stride of the first block)."""

RATIO = 4
"""Channel gates have this many times fewer channels than the input of their block."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    lists = [[int(word) for word in part.split()] for part in arch.split("/")]
    if [len(values) for values in lists] != [len(STAGES)] * 4:
        raise ValueError(f"want {len(STAGES)} expansions, kernels, layers and gates")
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, 224, 224), 32, 3, 2))
    for (channels, stride), expansion, kernel, layers, gate in zip(STAGES, *lists, strict=True):
        for block in range(layers):
            width, step = x.shape[1], 1 if block else stride
            se = width // RATIO if gate else 0
            x = inverted_residual(net, x, width * expansion, channels, kernel, step, "relu", se)
    x = net.relu(net.conv(x, 1280))
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))
