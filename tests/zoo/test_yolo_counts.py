"""Parameters and operations of the YOLO networks against their authors' figures."""

import pytest


@pytest.mark.parametrize(
    ("arch", "parameters", "gflops"),
    # Ultralytics' summaries of the fused models.
    [
        ("n-640", 1_867_405, 4.5),
        ("s-640", 7_225_885, 16.4),
        ("m-640", 21_172_173, 48.9),
        ("l-640", 46_533_693, 109.0),
        ("x-640", 86_705_005, 205.5),
        ("n-seg-640", 1_986_637, 7.1),
        ("s-seg-640", 7_611_485, 26.4),
    ],
)
def test_yolov5_equals_ultralytics(count, arch, parameters, gflops):
    found = count(f"yolov5/{arch}")
    assert found.parameters == parameters
    assert 2 * found.macs / 1e9 == pytest.approx(gflops, abs=0.06)


@pytest.mark.parametrize(
    ("arch", "parameters", "gflops"),
    [
        ("n-640", 3_151_904, 8.7),
        ("s-640", 11_156_544, 28.6),
        ("m-640", 25_886_080, 78.9),
        ("l-640", 43_668_288, 165.2),
        ("x-640", 68_200_608, 257.8),
        ("n-pose-640", 3_289_964, 9.2),
        ("s-pose-640", 11_615_724, 30.2),
        ("n-seg-640", 3_404_320, 12.6),
        ("s-seg-640", 11_810_560, 42.6),
    ],
)
def test_yolov8_equals_ultralytics(count, arch, parameters, gflops):
    found = count(f"yolov8/{arch}")
    assert found.parameters + 16 == parameters  # the decoder's bins 0 to 15 are weights there
    # Ultralytics counts the transposed convolution at its output, four times too often.
    transposed = [node for node in found.model.graph.node if node.op_type == "ConvTranspose"]
    channels = [found.shapes[node.output[0]][1] for node in transposed]
    extra = sum(3 * 2 * (4 * 80 * 80) * width**2 for width in channels)
    assert (2 * found.macs + extra) / 1e9 == pytest.approx(gflops, rel=0.003, abs=0.06)


@pytest.mark.parametrize(
    ("arch", "parameters", "gflops"),
    # Table of the repository; the small one to the digit.
    [("tiny-416", 5_060_000, 6.45), ("s-640", 8_968_255, 26.8), ("m-640", 25_330_000, 73.8), ("l-640", 54_210_000, 155.6)],
)  # fmt: skip
def test_yolox_equals_its_repository(count, arch, parameters, gflops):
    found = count(f"yolox/{arch}")
    bare = 3 * (4 + 1 + 80)  # last convolutions have no normalization
    unfused = found.parameters + found.folded - bare
    assert unfused == parameters if arch == "s-640" else unfused == pytest.approx(parameters, abs=6000)
    assert 2 * found.macs / 1e9 == pytest.approx(gflops, rel=0.007)


def test_leaky_yolox_differs_in_its_activation_only(count):
    plain, leaky = count("yolox/s-320"), count("yolox/s_leaky-320")
    assert (plain.macs, plain.parameters) == (leaky.macs, leaky.parameters)
    assert "LeakyRelu" in leaky.operators
    assert "Sigmoid" not in leaky.operators


@pytest.mark.parametrize(
    ("arch", "parameters", "bflops", "outputs"),
    # Operations by Darknet, parameters by its ports to PyTorch.
    [("416", 61_949_149, 65.86, 3), ("608", 61_949_149, 140.69, 3), ("tiny-416", 8_852_366, 5.56, 2)],
)
def test_yolov3_equals_darknet(count, arch, parameters, bflops, outputs):
    found = count(f"yolov3/{arch}")
    assert found.parameters + found.folded - outputs * 255 == parameters
    assert 2 * found.macs / 1e9 == pytest.approx(bflops, rel=0.002)
    assert len(found.outputs) == outputs


def test_features_of_a_detector_have_strides_8_16_and_32(count):
    assert [shape[2:] for shape in count("yolov5/s_relu-640").outputs] == [(80, 80), (40, 40), (20, 20)]
    assert [shape[1:] for shape in count("yolov8/s-640").outputs[:2]] == [(64, 80, 80), (80, 80, 80)]
