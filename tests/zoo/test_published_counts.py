"""Multiply-accumulates and parameters of the zoo's networks of known classifiers against the published ones.

The zoo folds batch normalization: one bias a channel, where the published parameters count scale and
shift. ``folded`` of the count is the difference.
"""

import pytest


@pytest.mark.parametrize(
    ("arch", "parameters", "gmacs"),
    [
        ("18", 11_689_512, 1.814),
        ("34", 21_797_672, 3.664),
        ("50", 25_557_032, 4.089),
        ("101", 44_549_160, 7.801),
        ("152", 60_192_808, 11.514),
    ],
)
def test_resnet_equals_torchvision(count, arch, parameters, gmacs):
    found = count(f"resnet/{arch}-224")
    assert found.parameters + found.folded == parameters
    assert found.macs == pytest.approx(gmacs * 1e9, rel=0.001)
    assert found.outputs == ((1, 1000),)


@pytest.mark.parametrize(
    ("graph_id", "parameters", "gmacs"),
    [
        ("alexnet/224", 61_100_840, 0.714),
        ("googlenet/224", 6_624_904, 1.498),
        ("mnasnet/0.5-224", 2_218_512, 0.104),
        ("mnasnet/1.0-224", 4_383_312, 0.314),
        ("mnasnet/1.3-224", 6_282_256, 0.526),
        ("shufflenet_v2/0.5-224", 1_366_792, 0.040),
        ("shufflenet_v2/1.0-224", 2_278_604, 0.145),
        ("shufflenet_v2/1.5-224", 3_503_624, 0.296),
        ("shufflenet_v2/2.0-224", 7_393_996, 0.583),
        ("squeezenet/1.0-224", 1_248_424, 0.819),
        ("squeezenet/1.1-224", 1_235_496, 0.349),
        ("vgg/11-224", 132_863_336, 7.609),
        ("vgg/13-224", 133_047_848, 11.309),
        ("vgg/16-224", 138_357_544, 15.470),
        ("vgg/19-224", 143_667_240, 19.632),
    ],
)
def test_torchvision_networks_equal_torchvision(count, graph_id, parameters, gmacs):
    found = count(graph_id)
    normalized = graph_id.split("/")[0] in ("googlenet", "mnasnet", "shufflenet_v2")
    assert found.parameters + normalized * found.folded == parameters
    assert found.macs / 1e9 == pytest.approx(gmacs, abs=0.0006)
    assert found.outputs == ((1, 1000),)


@pytest.mark.parametrize(
    ("arch", "parameters", "gmacs"),
    [("121", 7_978_856, 2.834), ("161", 28_681_000, 7.728), ("169", 14_149_480, 3.36), ("201", 20_013_928, 4.291)],
)  # fmt: skip
def test_densenet_equals_torchvision(count, arch, parameters, gmacs):
    found = count(f"densenet/{arch}-224")
    weights = {item.name: item.dims[0] for item in found.model.graph.initializer if len(item.dims) == 1}
    nodes = [node for node in found.model.graph.node if node.op_type == "BatchNormalization"]
    statistics = sum(2 * weights[node.input[1]] for node in nodes)  # mean and variance are no parameters
    assert found.parameters + found.folded - statistics == parameters
    assert found.macs / 1e9 == pytest.approx(gmacs, abs=0.0006)


@pytest.mark.parametrize(
    ("arch", "keras", "normalized", "mmacs"),
    # Keras keeps four values a channel of a normalization beside the bias of the convolution before it.
    [
        ("ad", 269_992, 8 * 128 + 8, 0.264),
        ("ic", 78_666, 240, 12.50),
        ("kws", 24_908, 576, 2.66),
        ("vww", 221_794, 2736, 7.49),
    ],
)
def test_mlperf_tiny_equals_its_reference_models(count, arch, keras, normalized, mmacs):
    found = count(f"mlperf_tiny/{arch}")
    assert found.parameters + 4 * normalized == keras
    assert found.macs / 1e6 == pytest.approx(mmacs, abs=0.006)


@pytest.mark.parametrize(
    ("arch", "parameters", "gmacs"),
    [
        ("b0", 5_288_548, 0.386),
        ("b1", 7_794_184, 0.687),
        ("b2", 9_109_994, 1.0),  # the paper's: torchvision's is at 288 pixels
        ("b3", 12_233_232, 1.827),
        ("b4", 19_341_616, 4.394),
        ("b5", 30_389_784, 10.266),
        ("b6", 43_040_704, 19.068),
        ("b7", 66_347_960, 37.746),
    ],
)
def test_efficientnet_equals_torchvision(count, arch, parameters, gmacs):
    found = count(f"efficientnet/{arch}")
    assert found.parameters + found.folded == parameters
    assert found.macs / 1e9 == pytest.approx(gmacs, rel=0.01)


def test_inception_v3_equals_torchvision(count):
    found = count("inception_v3/299")
    assert found.parameters + found.folded == 27_161_264 - 3_326_696  # without the auxiliary classifier
    assert found.macs / 1e9 == pytest.approx(5.713, abs=0.0006)
    assert found.outputs == ((1, 1000),)
    assert count("inception_v3/224").parameters == found.parameters
