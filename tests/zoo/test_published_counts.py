"""Multiply-accumulates and parameters of the zoo against the published ones.

The zoo folds batch normalization: one bias a channel, where the published parameters count scale and
shift. ``folded`` of the count is the difference.
"""

from itertools import pairwise
from math import prod

import pytest

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
WIDEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
LOWEST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
OTHER = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"


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
    ("graph_id", "trainable_of_keras", "extra_class"),
    # Keras has 1000 classes; the class more is a row of the last weight and a bias.
    [
        ("mobilenet_v1/1.0-224", 4_231_976, 1024 + 1),
        ("mobilenet_v2/1.0-224", 3_504_872, 1280 + 1),
    ],
)
def test_mobilenet_parameters_equal_keras(count, graph_id, trainable_of_keras, extra_class):
    found = count(graph_id)
    assert found.parameters + found.folded == trainable_of_keras + extra_class
    assert found.outputs == ((1, 1001),)


@pytest.mark.parametrize(
    ("graph_id", "torchvision", "extra_class"),
    [
        ("mobilenet_v3/large-224-1.0", 5_483_032, 1280 + 1),
        ("mobilenet_v3/small-224-1.0", 2_542_856, 1024 + 1),
    ],
)
def test_mobilenet_v3_parameters_equal_torchvision(count, graph_id, torchvision, extra_class):
    found = count(graph_id)
    assert found.parameters + found.folded == torchvision + extra_class


@pytest.mark.parametrize(
    ("graph_id", "mmacs", "million_parameters"),
    # Tables of the papers and of TensorFlow-Slim; whole millions of MACs, some cut instead of rounded.
    [
        ("mobilenet_v1/1.0-224", 569, 4.24),
        ("mobilenet_v1/0.75-224", 325, 2.59),
        ("mobilenet_v1/0.5-160", 77, 1.34),
        ("mobilenet_v1/0.25-128", 14, 0.47),
        ("mobilenet_v2/1.4-224", 582, 6.06),
        ("mobilenet_v2/1.3-224", 509, 5.34),
        ("mobilenet_v2/1.0-224", 300, 3.47),
        ("mobilenet_v2/0.75-160", 107, 2.61),
        ("mobilenet_v2/0.5-128", 32, 1.95),
        ("mobilenet_v2/0.35-96", 11, 1.66),
        ("mobilenet_v3/large-224-1.0", 217, 5.4),
        ("mobilenet_v3/large-224-0.75", 155, 4.0),
        ("mobilenet_v3/large-minimalistic-224-1.0", 209, 3.9),
        ("mobilenet_v3/small-224-1.0", 56, 2.5),
    ],
)
def test_mobilenets_match_the_published_tables(count, graph_id, mmacs, million_parameters):
    found = count(graph_id)
    assert abs(found.macs / 1e6 - mmacs) < max(1.0, 0.01 * mmacs)
    assert (found.parameters + found.folded) / 1e6 == pytest.approx(million_parameters, rel=0.02)


def test_minimalistic_small_is_the_small_one_without_gates_and_hard_swish(count):
    plain, full = count("mobilenet_v3/small-minimalistic-224-1.0"), count("mobilenet_v3/small-224-1.0")
    assert not {"HardSwish", "HardSigmoid", "Mul"} & set(plain.operators)
    assert {"HardSwish", "HardSigmoid", "Mul"} <= set(full.operators)
    assert (plain.parameters + plain.folded) / 1e6 == pytest.approx(2.04, rel=0.01)  # timm's count


@pytest.mark.parametrize(
    ("arch", "parameters", "mflops", "resolution"),
    [
        ("0", 4_652_008, 407, 224),
        ("1", 5_416_680, 631, 240),
        ("2", 6_092_072, 899, 260),
        ("3", 8_197_096, 1440, 280),
        ("4", 13_006_568, 2640, 300),
    ],
)
def test_efficientnet_lite_matches_the_published_table(count, arch, parameters, mflops, resolution):
    found = count(f"efficientnet_lite/{arch}")
    assert found.parameters + found.folded == parameters
    # The published FLOPs also count what is done element by element, 3 to 6 % of the whole.
    assert 0.94 < found.macs / 1e6 / mflops < 0.98
    assert found.shapes["input"] == (1, 3, resolution, resolution)


@pytest.mark.parametrize(
    ("cell", "mmacs", "parameters"),
    [
        (BEST, 153.27, 1_073_466),
        (WIDEST, 220.12, 1_531_546),
        (OTHER, 113.95, 802_426),
        (LOWEST, 7.78, 73_306),
    ],
)
def test_nasbench201_matches_the_benchmark(count, cell, mmacs, parameters):
    found = count(f"nasbench201/{cell}")
    assert found.macs / 1e6 == pytest.approx(mmacs, abs=0.005)
    # The last normalization follows a sum: it stays, with mean and variance of 64 channels beside.
    assert found.parameters + found.folded - 2 * 64 == parameters


def test_ssd_mobilenet_matches_mlperf(count):
    found = count("ssd_mobilenet_v1/300")
    assert 2 * found.macs / 1e9 == pytest.approx(2.47, rel=0.01)
    assert found.parameters / 1e6 == pytest.approx(6.91, rel=0.02)
    assert found.outputs == ((1, 1917, 4), (1, 1917, 91))


def test_ssd_resnet34_matches_mlperf(count):
    found = count("ssd_resnet34/1200")
    assert 2 * found.macs / 1e9 == pytest.approx(433, rel=0.01)
    assert found.outputs == ((1, 4, 15130), (1, 81, 15130))


def test_retinanet_parameters_follow_from_torchvision(count):
    # torchvision's retinanet_resnet50_fpn (91 classes, frozen normalization not counted), with the
    # convolutions of ResNeXt-50 32x4d for those of ResNet-50 and 264 classes.
    normalized = 26_560 + 7_552
    resnet50 = 25_557_032 - 2_049_000 - 2 * 26_560
    resnext50 = 25_028_904 - 2_049_000 - 2 * normalized
    classes = 9 * (264 - 91) * (256 * 9 + 1)
    found = count("retinanet/800")
    assert found.parameters - normalized == 34_014_999 - resnet50 + resnext50 + classes
    assert found.outputs == ((1, 120087, 264), (1, 120087, 4))


@pytest.mark.parametrize(
    ("arch", "parameters", "layers", "width"), [("base-128", 108_893_186, 12, 768), ("large-384", 334_094_338, 24, 1024)]
)  # fmt: skip
def test_bert_equals_transformers(count, arch, parameters, layers, width):
    found = count(f"bert/{arch}")
    length = int(arch.split("-")[1])
    assert found.parameters == parameters
    assert found.macs == layers * (12 * length * width**2 + 2 * length**2 * width) + 2 * length * width
    assert found.outputs == ((1, length), (1, length))
    assert found.operators.count("Softmax") == layers


def test_unet3d_halves_five_times_and_comes_back(count):
    found = count("unet3d/128")
    edges = [shape[2] for name, shape in found.shapes.items() if name.startswith("t") and len(shape) == 5]
    assert min(edges) == 4
    assert found.outputs == ((1, 3, 128, 128, 128),)
    levels = [32, 64, 128, 256, 320, 320]
    pairs = list(pairwise(levels))
    weights = 27 * (32 + 32**2) + sum(27 * (a * b + b * b) for a, b in pairs)
    weights += sum(8 * a * b + a + 27 * (2 * a * a + a * a) for a, b in pairs)
    affine = 2 * 2 * (sum(levels) + sum(levels[:-1]))
    assert found.parameters == weights + affine + 32 * 3 + 3


def test_fbnet_of_one_operation_counts_as_its_definition(count):
    found = count("fbnet/" + " ".join(["k5_e3"] * 22))
    stages = [(16, 1, 32), (24, 4, 32), (32, 4, 16), (64, 4, 8), (112, 4, 8), (184, 4, 4), (352, 1, 4)]
    inner, size, macs = 16, 32, 27 * 16 * 32**2
    for channels, blocks, edge in stages:
        for _ in range(blocks):
            macs += 3 * inner * (inner * size**2 + (25 + channels) * edge**2)
            inner, size = channels, edge
    assert found.macs == macs + 352 * 1504 * 4**2 + 1504 * 100
    assert found.outputs == ((1, 100),)


def test_ofa_uses_the_first_blocks_of_each_stage_with_their_own_kernels(count):
    kernels, expansions = ["3"] * 20, ["6"] * 20
    kernels[4], kernels[5], kernels[7] = "7", "5", "7"  # second stage: the last one is beyond its depth
    found = count(f"ofa_mbv3/{' '.join(kernels)}/{' '.join(expansions)}/2 2 2 2 2/160")
    convolutions = [
        {item.name: list(item.ints) or item.i for item in node.attribute}
        for node in found.model.graph.node
        if node.op_type == "Conv"
    ]
    used = [item["kernel_shape"][0] for item in convolutions if item["group"] > 1]
    assert used == [3, 3, 3, 7, 5, 3, 3, 3, 3, 3, 3]
    assert found.outputs == ((1, 1000),)
    assert min(prod(shape[2:]) for shape in found.shapes.values() if len(shape) == 4 and shape[2] > 1) == 25


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


@pytest.mark.parametrize(
    ("graph_id", "parameters", "tied", "layers", "width", "head"),
    # Counts of transformers. ``head``: multiply-adds a token after the layers.
    [
        ("bert/base-128-mlm", 109_514_298, 30_522 * 768, 12, 768, 768**2 + 768 * 30_522),
        ("distilbert/base-128", 66_985_530, 30_522 * 768, 6, 768, 768**2 + 768 * 30_522),
        ("electra/base-128", 109_483_009, 0, 12, 768, 768**2 + 768),
    ],
)
def test_text_networks_equal_transformers(count, graph_id, parameters, tied, layers, width, head):
    found = count(graph_id)
    assert found.parameters - tied == parameters
    assert found.macs == layers * (12 * 128 * width**2 + 2 * 128**2 * width) + 128 * head


@pytest.mark.parametrize(
    ("arch", "million_parameters", "mflops"),
    [
        ("large-1.25", 7.47, 362.70),
        ("large-1.0", 5.50, 229.66),
        ("large-0.75", 3.93, 151.70),
        ("large-0.5", 2.69, 71.83),
        ("large-0.35", 2.11, 40.90),
        ("small-1.25", 3.64, 100.07),
        ("small-1.0", 2.95, 63.67),
        ("small-0.75", 2.38, 46.02),
        ("small-0.5", 1.91, 22.60),
        ("small-0.35", 1.67, 14.56),
    ],
)
def test_mobilenet_v3_of_paddle_matches_its_table(count, arch, million_parameters, mflops):
    found = count(f"mobilenet_v3_paddle/{arch}-224")
    # Paddle counts all four values a channel of a normalization, of which folding leaves one.
    assert (found.parameters + 3 * found.folded) / 1e6 == pytest.approx(million_parameters, abs=0.0051)
    # Its operations include normalization, activation and pooling, up to three a value and gate.
    elements = sum(prod(shape) for name, shape in found.shapes.items() if name.startswith("t"))
    assert found.macs / 1e6 < mflops < (found.macs + 3.5 * elements) / 1e6
