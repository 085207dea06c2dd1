"""Multiply-accumulates and parameters of the zoo's detectors and segmentation against the published ones."""

from collections import Counter
from math import prod

import pytest


def test_ssd_mobilenet_is_the_published_one(count):
    """Operations: MLPerf (Reddi et al., arXiv 1911.02549, table 1). Parameters: OpenVINO's Open Model Zoo."""
    found = count("ssd_mobilenet_v1/300")
    assert 2 * found.macs / 1e9 == pytest.approx(2.47, rel=0.01)
    assert round(found.parameters / 1e6, 3) == 6.807
    assert found.outputs == ((1, 1917, 4), (1, 1917, 91))


def test_ssd_resnet34_is_the_published_one(count):
    """OpenVINO's Open Model Zoo (``ssd-resnet34-1200-onnx``): 433.411 G operations (MLPerf: 433), 20.058 M parameters.

    Its parameters have what decoding reads, which the zoo leaves out: of each default box the centre, and the size
    for both halves of a box (twice, two numbers each).
    """
    found = count("ssd_resnet34/1200")
    boxes = 15_130
    assert 2 * found.macs / 1e9 == pytest.approx(433.411, rel=0.01)
    assert round((found.parameters + (2 + 2 * 2) * boxes) / 1e6, 3) == 20.058
    assert found.outputs == ((1, 4, boxes), (1, 81, boxes))


def test_retinanet_is_torchvisions(count):
    """torchvision's table of weights, retinanet_resnet50_fpn: 34,014,999 parameters (normalization is frozen, no parameter)
    and 151.54 G multiply-adds at 800 pixels.
    """
    found = count("retinanet/resnet50-800")
    assert found.parameters - 26_560 == 34_014_999
    assert found.macs / 1e9 == pytest.approx(151.54, rel=0.001)
    assert [shape[2] for shape in found.outputs] == [91, 4]


def test_retinanet_of_mlperf_follows_from_torchvision(count):
    """MLCommons publishes neither figure: its network is torchvision's with another backbone and more classes.

    torchvision's ResNet-50 has 4.089 G multiply-adds at 224 pixels, its ResNeXt-50 32x4d 4.230.
    """
    normalized = 26_560 + 7_552
    resnet50 = 25_557_032 - 2_049_000 - 2 * 26_560
    resnext50 = 25_028_904 - 2_049_000 - 2 * normalized
    more, anchors, wide = 264 - 91, 9, 256 * 9
    places = sum(edge**2 for edge in (100, 50, 25, 13, 7))
    found = count("retinanet/800")
    assert found.parameters - normalized == 34_014_999 - resnet50 + resnext50 + anchors * more * (wide + 1)
    gmacs = 151.54 + (4.230 - 4.089) * (800 / 224) ** 2 + places * anchors * more * wide / 1e9
    assert found.macs / 1e9 == pytest.approx(gmacs, rel=0.01)
    assert found.outputs == ((1, anchors * places, 264), (1, anchors * places, 4))


def as_nnunet(found, classes):
    """Multiply-adds and parameters of the same network as nnU-Net has it, with MLPerf's three classes replaced.

    A convolution has a bias, a transposed one none, and each level on the way up ends in a 1x1x1 convolution to the
    classes, without bias. fvcore takes five operations a value that is normalized.
    """
    normalized, levels = (
        [found.shapes[node.output[0]] for node in found.model.graph.node if node.op_type == kind]
        for kind in ("InstanceNormalization", "ConvTranspose")
    )
    widths = sum(shape[1] for shape in levels)
    macs = (
        found.macs + 5 * sum(map(prod, normalized)) + classes * sum(map(prod, levels)) - 3 * prod(levels[-1])
    )
    biases = sum(shape[1] for shape in normalized) - widths - 3
    return macs, found.parameters + biases + classes * widths - 3 * levels[-1][1]


def test_unet3d_is_nnunets(count):
    """fvcore's table of nnU-Net's network for two windows of 128 voxels: 0.958 T multiply-adds, 31.196 M parameters.

    jmartinhoj/nnUNet, architecture_analysis/fvcore/generic_unet.md; four classes.
    """
    macs, parameters = as_nnunet(count("unet3d/128", 2), 4)
    assert round(macs / 1e12, 3) == 0.958
    assert round(parameters / 1e6, 3) == 31.196


def test_parameters_of_unet3d_are_nnunets_to_the_last_one(count):
    """YaoZhang93/FLARE21nnUNetBaseline: 30,787,584 for windows of 80x192x160 and five classes.

    The short edge is halved four times instead of five, so that the first kernel on the way up is 1x2x2.
    """
    _, parameters = as_nnunet(count("unet3d/128"), 5)
    assert parameters - 320 * 320 * (8 - 4) == 30_787_584


def test_unet3d_has_the_operators_of_mlperf(count):
    """MLPerf's own file, as EclipseAidge/3dunet on Hugging Face lists it."""
    found = count("unet3d/128")
    listed = {"Conv": 23, "ConvTranspose": 5, "InstanceNormalization": 22, "Relu": 22, "Concat": 5}
    assert Counter(found.operators) == listed
    assert found.outputs == ((1, 3, 128, 128, 128),)


def test_unet3d_halves_five_times_and_comes_back(count):
    found = count("unet3d/128")
    edges = [shape[2] for name, shape in found.shapes.items() if name.startswith("t") and len(shape) == 5]
    assert min(edges) == 4
    assert max(edges) == edges[-1] == 128
