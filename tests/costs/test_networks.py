"""Whole networks against published figures; those of timm are in test_timm.py."""

import os
from pathlib import Path

import onnx
import pytest

from ledg_export.zoo import build
from ledg_rt.costs import graph_cost
from ledg_rt.reading import read_graph

LIGHT = Path(os.path.dirname(onnx.__file__)) / "backend/test/data/light"


# The files that come with onnx, in 10^9 multiply-adds. torchvision's model pages: ResNet-50 4.09 and
# 25,557,032 parameters, VGG-19 19.63 and 143,667,240, DenseNet-121 2.83, SqueezeNet 1.1 (the file) 0.35 and
# 1,235,496. Inception v1's paper (Szegedy et al. 2014) has a budget of 1.5; 1.43 is what this file takes.
@pytest.mark.parametrize(
    ("name", "gmacs", "parameters"),
    [
        ("resnet50", 4.09, 25_557_032),
        ("vgg19", 19.63, 143_667_240),
        ("densenet121", 2.83, None),
        ("squeezenet", 0.35, 1_235_496),
        ("inception_v1", 1.43, None),
    ],
)
def test_networks_of_onnx(name, gmacs, parameters):
    totals = graph_cost(read_graph(LIGHT / f"light_{name}.onnx"))
    assert totals.macs / 1e9 == pytest.approx(gmacs, rel=0.01)
    assert parameters is None or totals.parameters == parameters
    assert totals.unknown_ops == {}
    assert totals.resolved


# Sandler et al. 2018 (300 M), Howard et al. 2017 (569 M), torchvision (4.09 G).
@pytest.mark.parametrize(
    ("architecture", "gmacs"),
    [("mobilenet_v2/1.0-224", 0.30), ("mobilenet_v1/1.0-224", 0.569), ("resnet/50-224", 4.09)],
)
def test_networks_of_the_zoo(architecture, gmacs):
    totals = graph_cost(read_graph(build(architecture).SerializeToString()))
    assert totals.macs / 1e9 == pytest.approx(gmacs, rel=0.01)
    assert totals.unknown_ops == {}
    assert totals.resolved
