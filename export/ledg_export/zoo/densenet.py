"""DenseNet (Huang et al., arXiv 1608.06993) as in torchvision, 1000 classes.

Architecture: ``<121|161|169|201>-<resolution>``. The normalization in front of a layer's first convolution
cannot be folded; the one between its two convolutions is.
"""

from __future__ import annotations

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

VARIANTS = {
    "121": (64, 32, (6, 12, 24, 16)), "161": (96, 48, (6, 12, 36, 24)), "169": (64, 32, (6, 12, 32, 32)),
    "201": (64, 32, (6, 12, 48, 32)),
}  # fmt: skip
"""(channels of the stem, channels that a layer adds, layers of each block)."""


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    variant, resolution = arch.split("-")
    if variant not in VARIANTS:
        raise ValueError(f"want one of {', '.join(VARIANTS)}")
    channels, growth, blocks = VARIANTS[variant]
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, int(resolution), int(resolution)), channels, 7, 2))
    x = net.pool("MaxPool", x, 3, 2, pad=1)
    for at, layers in enumerate(blocks):
        if at:
            x = net.conv(net.relu(net.batch_norm(x)), x.shape[1] // 2, bias=False)
            x = net.pool("AveragePool", x, 2, 2)
        x = _block(net, x, growth, layers)
    x = net.relu(net.batch_norm(x))
    return net.model(net.dense(net.flatten(net.mean(x)), 1000))


def _block(net: Net, x: Tensor, growth: int, layers: int) -> Tensor:
    features = [x]
    for _ in range(layers):
        joined = net.concat(features) if len(features) > 1 else x
        y = net.relu(net.conv(net.relu(net.batch_norm(joined)), 4 * growth))
        features.append(net.conv(y, growth, 3, bias=False))
    return net.concat(features)
