"""What stands in for a version that nobody names: by hand, and with the bundle that ships."""

from dataclasses import replace
from pathlib import Path

import pytest

from ledg_rt import Predictor
from ledg_rt.bundles import open_bundle
from ledg_rt.encoding import platform_keys
from ledg_rt.platforms import resolve
from ledg_rt.versions import newest_version

PI = "raspberry-pi-4/{}/fp32"
MOBILENET = Path(__file__).parents[1] / "examples" / "mobilenet_v2.onnx"


@pytest.fixture(scope="module")
def shipped():
    return open_bundle().known()


def known(*ids):
    return {platform_keys(resolve(name))[-1] for name in ids}


@pytest.mark.parametrize(
    ("runtime", "others", "meant"),
    [
        (
            "tflite",
            ("tflite-2.9.0", "tflite-2.11.0-ruy", "tflite-1.15.0"),
            "tflite-2.11.0-ruy",
        ),  # not as text
        ("tflite", ("tflite", "tflite-2.9.0"), "tflite"),
        ("tflite", ("tflite-master-xnnpack", "tflite-2.9.0"), "tflite-2.9.0"),
        ("tflite", ("tflite-master-xnnpack",), "tflite"),
        ("tflite", ("armnn-22.11-neon", "ncnn"), "tflite"),
        ("armnn", ("armnn-22.11-neon", "armnn-22.11-opencl"), "armnn-22.11-opencl"),
        ("armnn-neon", ("armnn-22.5-neon", "armnn-22.11-opencl"), "armnn-22.5-neon"),
        ("tflite", ("tflite-2.9.0-ruy", "tflite-2.9.0"), "tflite-2.9.0"),
        ("tflite-2.4", ("tflite-2.4.0", "tflite-2.4.1-ruy", "tflite-2.41.0"), "tflite-2.4.1-ruy"),
        ("tflite-2.4", ("tflite-2.4", "tflite-2.4.1"), "tflite-2.4"),
        ("tflite-1.15.0", ("tflite-2.4.1",), "tflite-1.15.0"),
        ("tflite-" + "9" * 5000, ("tflite-2.4.1",), "tflite-" + "9" * 5000),
    ],
)
def test_the_newest_version_that_the_words_can_mean(runtime, others, meant):
    names = known(*(PI.format(other) for other in others))
    assert newest_version(resolve(PI.format(runtime)), names).runtime == meant


def test_a_version_in_the_same_use_comes_first():
    names = known(PI.format("tflite-2.4.1") + "/4t", PI.format("tflite-2.9.0"))
    assert newest_version(resolve(PI.format("tflite") + "/4t"), names).runtime == "tflite-2.4.1"
    assert newest_version(resolve(PI.format("tflite") + "/2t"), names).runtime == "tflite-2.9.0"


def test_other_precisions_and_devices_do_not_matter():
    names = known("raspberry-pi-4/tflite-2.9.0/int8", "raspberry-pi-5/tflite-2.9.0/fp32")
    assert newest_version(resolve(PI.format("tflite")), names) == resolve(PI.format("tflite"))


@pytest.mark.parametrize("text", ["a 24 GFLOPS board, 8 GB/s, tflite", "Raspberry Pi 4, fp32"])
def test_what_has_no_device_or_runtime_stays(shipped, text):
    assert newest_version(resolve(text), shipped) == resolve(text)


def test_an_exact_platform_of_the_training_stays(shipped):
    exact = resolve(PI.format("tflite-2.4.1-ruy"))
    assert newest_version(exact, shipped) is exact


def test_the_id_has_the_version_and_all_else_stays(shipped):
    described = resolve("Raspberry Pi 4 at 1.8 GHz, TFLite, fp32")
    meant = newest_version(described, shipped)
    assert meant.id == f"raspberry-pi-4/{meant.runtime}/fp32"
    assert replace(meant, id=described.id, runtime=described.runtime) == described


def test_a_prediction_without_version_is_that_of_the_newest(shipped):
    newest = newest_version(resolve(PI.format("tflite")), shipped)
    with Predictor() as predictor:
        open_, exact, old = predictor.predict(
            [MOBILENET], [PI.format("tflite"), newest.id, PI.format("tflite-1.15.0")]
        )
    assert open_.latency_ms == exact.latency_ms
    assert open_.latency_ms.p50 < old.latency_ms.p50 / 2
    assert (open_.platform.id, open_.platform.text) == (newest.id, PI.format("tflite"))
    assert open_.platform.sha256 == resolve(PI.format("tflite")).sha256


def test_a_file_that_cannot_be_read_names_the_same_platform(tmp_path):
    (tmp_path / "empty.onnx").touch()
    with Predictor() as predictor:
        bad, good = predictor.predict([tmp_path / "empty.onnx", MOBILENET], [PI.format("tflite")])
    assert bad.platform == good.platform
