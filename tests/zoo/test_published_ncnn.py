"""Multiply-accumulates and parameters of ncnn's .param networks against the published ones.

Each file of the benchmark is in one of the tables below: as published, published with a difference that is named and
counted, or without published figures and why. ``folded`` of the count is what folding takes from a normalization.
"""

import os
from math import prod
from pathlib import Path

import pytest

from ledg_export.zoo.ncnn_param import graph_name

DATA = os.environ.get("LEDG_DATA")
pytestmark = pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")

ACTIVATIONS = {"Relu", "LeakyRelu", "Sigmoid", "Mul", "Add"}

TORCHVISION = {
    "efficientnet_b0": (5_288_548, 0.386),
    "mnasnet": (4_383_312, 0.314),
    "regnety_400m": (4_344_144, 0.402),
    "shufflenet_v2": (2_278_604, 0.145),
    "vgg16": (138_357_544, 15.470),
}
"""torchvision's tables of weights: parameters, 10^9 multiply-adds."""

OPENVINO = {
    "alexnet": ("60.965", "1.5"),
    "efficientnetv2_b0": ("7.1094", "1.4641"),
    "mobilenet": ("4.221", "1.148"),
    "mobilenet_ssd": ("5.783", "2.316"),
    "shufflenet_v2": ("2.2705", "0.2957"),
    "vgg16": ("138.358", "30.974"),
    "yolov4-tiny": ("6.0535", "6.9289"),
}
"""Open Model Zoo, models/public/index.md, normalization folded: parameters in millions, 10^9 operations."""

DERIVED = (
    "googlenet", "mobilenet_v2", "mobilenet_v3", "proxylessnasnet", "resnet18", "resnet50", "shufflenet", "squeezenet",
    "vision_transformer",
)  # fmt: skip
AUTHORS = ("FastestDet", "nanodet_m", "yolo-fastest-1.1", "yolo-fastestv2")

UNPUBLISHED = {
    "blazeface": "neither the paper (arXiv 1907.05047) nor MediaPipe's model card gives a count",
    "mobilenet_yolo": "eric612/MobileNet-YOLO gives none of this version",
    "mobilenetv2_yolov3": "eric612/MobileNet-YOLO gives 1.22 G and 4.05 M, with normalization, of a later version",
    "squeezenet_ssd": "chuanqi305/SqueezeNet-SSD gives none",
}


def operations(found):
    """By the rule of Open Model Zoo: two a multiply-add, one a bias, an activation and a pooled value."""
    total = 2 * found.macs
    for node in found.model.graph.node:
        written = prod(found.shapes[node.output[0]])
        if node.op_type in {"Conv", "Gemm"} | ACTIVATIONS:
            total += written
        elif node.op_type in ("MaxPool", "AveragePool"):
            total += written * next(prod(item.ints) for item in node.attribute if item.name == "kernel_shape")
        elif node.op_type in ("GlobalAveragePool", "ReduceMean"):
            total += prod(found.shapes[node.input[0]])
    return total


def within(found, published):
    """Within 1 % of a figure, or its rounding."""
    rounding = 0.5 * 10.0 ** -len(published.partition(".")[2])
    return abs(found - float(published)) <= max(0.01 * float(published), rounding)


def test_every_network_is_in_a_table():
    files = {graph_name(path.name) for path in (Path(DATA) / "ncnn" / "param").glob("*.param")}
    assert files == {*TORCHVISION, *OPENVINO, *DERIVED, *AUTHORS, *UNPUBLISHED}


@pytest.mark.parametrize("name", TORCHVISION)
def test_networks_of_torchvision(count, name):
    parameters, gmacs = TORCHVISION[name]
    found = count(f"ncnn/{name}")
    assert found.parameters + (found.folded if name != "vgg16" else 0) == parameters
    assert round(found.macs / 1e9, 3) == pytest.approx(gmacs, abs=0.0005)


@pytest.mark.parametrize("name", OPENVINO)
def test_networks_of_open_model_zoo(count, name):
    millions, giga = OPENVINO[name]
    found = count(f"ncnn/{name}")
    assert f"{found.parameters / 1e6:.{len(millions.partition('.')[2])}f}" == millions
    assert within(operations(found) / 1e9, giga)


@pytest.mark.parametrize(("name", "parameters"), [("alexnet", 60_965_224), ("mobilenet", 4_231_976)])
def test_parameters_of_caffes_alexnet_and_keras_mobilenet(count, name, parameters):
    found = count(f"ncnn/{name}")
    assert found.parameters + (found.folded if name == "mobilenet" else 0) == parameters


def test_efficientnetv2_b0_by_timms_table(count):
    """0.73 G and 7.14 M; its counter, fvcore's, takes two operations a normalized value."""
    found = count("ncnn/efficientnetv2_b0")
    convolved = sum(
        prod(found.shapes[node.output[0]]) for node in found.model.graph.node if node.op_type == "Conv"
    )
    assert round((found.macs + 2 * convolved) / 1e9, 2) == 0.73
    assert round((found.parameters + found.folded) / 1e6, 2) == 7.14


def test_vision_transformer_is_vit_b_32_at_384(count):
    """timm's table, vit_base_patch32_384: 88.30 M, 13.06 G, where a normalized value takes five operations (fvcore)."""
    found = count("ncnn/vision_transformer")
    tokens, width, normalizations = (384 // 32) ** 2 + 1, 768, 2 * 12 + 1
    assert round(found.parameters / 1e6, 2) == 88.30
    assert round((found.macs + 5 * normalizations * tokens * width) / 1e9, 2) == 13.06


def test_squeezenet_is_version_1_1_with_a_padded_classifier(count):
    """torchvision's 1,235,496 parameters; Open Model Zoo's .785 G operations at 227 pixels, on maps of 14 not 16."""
    found = count("ncnn/squeezenet")
    padding = (16**2 - 14**2) * 1000
    assert found.parameters == 1_235_496
    assert within((operations(found) - padding * (2 * 512 + 3)) / 1e9, "0.785")


def test_resnet18_projects_in_its_first_stage(count):
    """torchvision's 11,689,512 and 1.814 G, and one 1x1 convolution of 64 channels more."""
    found = count("ncnn/resnet18")
    assert found.parameters + found.folded - (64 * 64 + 2 * 64) == 11_689_512
    assert round((found.macs - 56**2 * 64 * 64) / 1e9, 3) == 1.814


def test_resnet50_has_its_strides_in_the_first_convolutions(count):
    """torchvision's 25,557,032; its 4.089 G with the strides in the second ones (pytorchcv of this form: 3.878 G)."""
    found = count("ncnn/resnet50")
    later = sum(3 * (edge // 2) ** 2 * 2 * width * width for edge, width in ((56, 128), (28, 256), (14, 512)))
    assert found.parameters + found.folded == 25_557_032
    assert round((found.macs + later) / 1e9, 3) == 4.089
    assert within(found.macs / 1e9, "3.878")


def test_mobilenet_v2_expands_its_first_block(count):
    """torchvision's 3,504,872 and 0.301 G, and a 1x1 convolution of 32 channels more (shicai/MobileNet-Caffe)."""
    found = count("ncnn/mobilenet_v2")
    assert found.parameters + found.folded - (32 * 32 + 2 * 32) == 3_504_872
    assert round((found.macs - 112**2 * 32 * 32) / 1e9, 3) == 0.301


def test_googlenet_is_torchvisions_with_the_kernels_of_the_paper(count):
    """torchvision's has 3x3 kernels where the paper has 5x5: 6,624,904 parameters with normalization, 1.498 G."""
    found = count("ncnn/googlenet")
    third = [
        (16, 32, 28),
        (32, 96, 28),
        (16, 48, 14),
        (24, 64, 14),
        (24, 64, 14),
        (32, 64, 14),
        (32, 128, 14),
    ]
    third += [(32, 128, 7), (48, 128, 7)]  # channels in and out, size of the map
    more = 5 * 5 - 3 * 3
    assert found.parameters + found.folded - sum(more * a * b for a, b, _ in third) == 6_624_904
    assert round((found.macs - sum(more * a * b * edge**2 for a, b, edge in third)) / 1e9, 3) == 1.498


def test_proxylessnas_has_a_wider_first_block(count):
    """Mobile: pytorchcv's 4,080,512; 320 M (Cai et al., Once-for-All, table 2). Here its first block has 32 channels."""
    found = count("ncnn/proxylessnasnet")
    wider = (32 - 16) * 32 + (32 - 16) * 48  # into it, and out of it
    assert found.parameters + found.folded - wider - 2 * (32 - 16) == 4_080_512
    assert round((found.macs - 112**2 * wider) / 1e6) == 320


def test_shufflenet_narrows_the_first_unit_of_each_stage(count):
    """One wide, three groups: pytorchcv's 1,865,728; 137 M (arXiv 1707.01083, table 1).

    The middle of a stage's first unit has a quarter of the channels that it adds, not of those of the stage.
    """
    found = count("ncnn/shufflenet")
    more = more_macs = 0
    # Channels in and added, of the middle here and there, groups of the first convolution, sizes of the map.
    for inner, added, here, there, groups, size in (
        (24, 216, 54, 60, 1, 56), (240, 240, 60, 120, 3, 28), (480, 480, 120, 240, 3, 14),
    ):  # fmt: skip
        first, second, third = inner // groups, 9, added // 3
        more += (there - here) * (first + second + third + 2 * 2)
        more_macs += (there - here) * (first * size**2 + (second + third) * (size // 2) ** 2)
    assert found.parameters + found.folded + more == 1_865_728
    assert round((found.macs + more_macs) / 1e6) == 137


def inverted_residual(inner, wide, outer, kernel, size, stride, gate):
    """Parameters, two a channel of a normalization, and multiply-adds of a block with channel gates."""
    gates = 2 * wide * gate
    parameters = wide * (inner + kernel**2 + outer) + 2 * (2 * wide + outer) + gates + gate + wide
    macs = wide * (inner * size**2 + (kernel**2 + outer) * (size // stride) ** 2) + gates
    return parameters, macs


def test_mobilenet_v3_is_that_of_the_papers_first_version(count):
    """torchvision's large one, 5,483,032 and 216.6 M, is the final one.

    In the first, arXiv 1905.02244v1, the thirteenth block keeps the size, the fourteenth halves it. Here gates have
    a quarter of the channels of the depthwise convolution, not rounded to a multiple of eight.
    """
    found = count("ncnn/mobilenet_v3")
    there = [(112, 672, 160, 5, 14, 2, 168), (160, 960, 160, 5, 7, 1, 240)]
    here = [(112, 672, 160, 5, 14, 1, 168), (160, 672, 160, 5, 14, 2, 168)]
    for inner, wide, size, stride, rounded in (
        (24, 72, 56, 2, 24),
        (40, 120, 28, 1, 32),
        (40, 120, 28, 1, 32),
    ):
        there.append((inner, wide, 40, 5, size, stride, rounded))
        here.append((inner, wide, 40, 5, size, stride, wide // 4))
    parameters, macs = (
        sum(inverted_residual(*block)[at] for block in here)
        - sum(inverted_residual(*block)[at] for block in there)
        for at in (0, 1)
    )
    assert found.parameters + found.folded - parameters == 5_483_032
    assert round((found.macs - macs) / 1e6, 1) == 216.6


@pytest.mark.parametrize(
    ("name", "heads", "scales", "million_parameters", "gflops"),
    # Tables of dog-qiuqiu's repositories: Yolo-Fastest's parameters are Darknet's, four values a normalized channel.
    [("yolo-fastest-1.1", 2 * 255, 3, 0.35, 0.252), ("yolo-fastestv2", 0, 1, 0.25, 0.212)],
)
def test_yolo_fastest(count, name, heads, scales, million_parameters, gflops):
    found = count(f"ncnn/{name}")
    assert round((found.parameters + scales * (found.folded - heads)) / 1e6, 2) == million_parameters
    assert 2 * found.macs / 1e9 == pytest.approx(gflops, rel=0.01)


def test_fastestdet_has_the_parameters_of_its_table(count):
    """0.24 M at 352 pixels (dog-qiuqiu/FastestDet); operations are not in it."""
    found = count("ncnn/FastestDet")
    assert round((found.parameters + found.folded) / 1e6, 2) == 0.24


def test_nanodet_m_by_its_own_counter(count):
    """0.95 M and 0.72 G, twice what nanodet/util/flops_counter.py prints in two digits.

    A multiply-add, an activation and a value that is pooled take one, a normalized one two.
    """
    found = count("ncnn/nanodet_m")
    total = found.macs
    for node in found.model.graph.node:
        written, read = prod(found.shapes[node.output[0]]), prod(found.shapes[node.input[0]])
        total += {"Conv": 2 * written, "LeakyRelu": written, "MaxPool": read}.get(node.op_type, 0)
    assert 2 * round(total / 1e9, 2) == 0.72
    assert round((found.parameters + found.folded) / 1e6, 2) == 0.95
