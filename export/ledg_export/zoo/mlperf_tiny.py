"""The four networks of MLPerf Tiny (Banbury et al., arXiv 2106.07597).

Architecture: ``ad`` (anomaly detection: autoencoder), ``ic`` (image classification: ResNet-8), ``kws``
(keyword spotting: DS-CNN) or ``vww`` (visual wake words: MobileNet v1 0.25, 96x96).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.mobilenet_v1 import backbone
from ledg_export.zoo.resnet import basic


def anomaly_detection(net: Net) -> Tensor:
    """640 features of a spectrogram through 8 and back."""
    x = net.input(640)
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = net.relu(net.dense(x, width))
    return net.dense(x, 640)


def image_classification(net: Net) -> Tensor:
    """CIFAR-10: a stem and three residual blocks."""
    x = net.relu(net.conv(net.input(3, 32, 32), 16, 3))
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        x = basic(net, x, width, stride)
    return net.softmax(net.dense(net.flatten(net.mean(x)), 10))


def keyword_spotting(net: Net) -> Tensor:
    """49 frames of 10 coefficients, 12 classes."""
    x = net.relu(net.conv(net.input(1, 49, 10), 64, (10, 4), 2))
    for _ in range(4):
        x = net.relu(net.depthwise(x, 3))
        x = net.relu(net.conv(x, 64))
    return net.softmax(net.dense(net.flatten(net.mean(x)), 12))


def visual_wake_words(net: Net) -> Tensor:
    """Is there a person?"""
    x = backbone(net, net.input(3, 96, 96), 0.25, "relu")[-1]
    return net.softmax(net.dense(net.flatten(net.mean(x)), 2))


_TASKS: Mapping[str, Callable[[Net], Tensor]] = {
    "ad": anomaly_detection, "ic": image_classification, "kws": keyword_spotting, "vww": visual_wake_words,
}  # fmt: skip


def build(arch: str, batch: int) -> ModelProto:
    """The network of a task.

    Raises:
        ValueError: ``arch`` is none of the four.

    """
    if arch not in _TASKS:
        raise ValueError(f"want one of {', '.join(_TASKS)}")
    net = Net(batch, same=True)
    return net.model(_TASKS[arch](net))
