import numpy as np
import pytest

from benchmarks.accuracy.errors import errors
from benchmarks.accuracy.model_card import COLUMNS
from ledg_export.corpora.sample import Sample


def sample(platform, latency_ms=10.0):
    return Sample(
        "resnet/50-224", platform, 1, latency_ms, "p50", "mlperf_inference", "resnet", "resnet/50-224"
    )


def test_errors_say_what_training_knew_and_how_far_off_a_row_is():
    held_out = [
        sample("raspberry-pi-4/tflite-2.5.0/fp32"), sample("station-m3-mali-g610/ncnn/fp16"), sample("nvidia-t4/tensorrt/fp16"),
    ]  # fmt: skip
    trained = [sample("raspberry-pi-4/armnn/fp32"), sample("station-m3/ncnn/fp32")]
    predicted = np.array([[np.log(11), np.log(0.05)], [np.log(12), np.log(0.05)], [np.log(10), np.log(0.05)]])
    rows = errors(held_out, lambda rows: predicted, {"known": 2.0, "unknown": 3.0}, trained)
    assert [row["evidence"] for row in rows] == ["known", "chip", "unknown"]
    assert [row["kind"] for row in rows] == ["cpu", "gpu", "gpu"]
    assert [row["ape"] for row in rows] == pytest.approx([10, 20, 0])
    # log 1.1 is .095, within 2 x .05; log 1.2 is .182, beyond 3 x .05.
    assert [row["covered"] for row in rows] == [True, False, True]
    assert all(set(row) == set(COLUMNS) for row in rows)
