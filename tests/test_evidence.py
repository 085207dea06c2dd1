import pytest

from ledg_rt.encoding import platform_keys
from ledg_rt.evidence import EVIDENCE, evidence
from ledg_rt.platforms import resolve

TRAINED = ("raspberry-pi-4/armnn-20.11/fp32", "station-m3/ncnn/fp32")


@pytest.mark.parametrize(
    ("platform", "found"),
    [
        ("raspberry-pi-4/armnn-20.11/fp32", "known"),
        ("raspberry-pi-4/armnn-21.02/fp32", "known"),  # another version of a runtime
        ("raspberry-pi-4/armnn-20.11/int8", "chip"),
        ("raspberry-pi-4/tflite-2.5.0/fp32", "chip"),
        ("nvidia-t4/tensorrt/fp16", "unknown"),
        ("a board with 4 cores at 1.5 GHz, ncnn fp32", "unknown"),
    ],
)
def test_what_training_knew_of_a_platform(platform, found):
    known = {key for name in TRAINED for key in platform_keys(resolve(name))}
    assert evidence(platform_keys(resolve(platform)), known) == found
    assert found in EVIDENCE
