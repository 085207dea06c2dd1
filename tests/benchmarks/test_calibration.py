from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from benchmarks.accuracy.calibration import Predicted, measure, table

PI = "raspberry-pi-4/tflite-2.4.1-ruy/fp32"
# Medians in ms of MLPerf Inference single-stream results (mlcommons, Apache-2.0) with tflite 2.4.1, fp32: graph, Jetson
# AGX Xavier CPU, Raspberry Pi 4.
ROWS = (
    ("efficientnet_lite/0", 12.04913, 68.11429),
    ("efficientnet_lite/1", 16.78866, 97.96077),
    ("efficientnet_lite/2", 20.34246, 131.12519),
    ("efficientnet_lite/3", 31.47087, 194.88503),
    ("efficientnet_lite/4", 52.39072, 333.92493),
    ("mobilenet_v1/0.25-128", 1.35223, 4.74325),
    ("mobilenet_v1/0.25-160", 1.79766, 7.09937),
    ("mobilenet_v1/0.25-192", 2.4572, 9.58125),
    ("mobilenet_v1/0.25-224", 2.97532, 13.24561),
    ("mobilenet_v1/0.5-128", 1.96116, 9.39492),
    ("mobilenet_v1/0.5-160", 2.82566, 14.00834),
    ("mobilenet_v1/0.5-192", 3.89862, 19.05313),
    ("mobilenet_v1/0.5-224", 4.97016, 25.80627),
    ("mobilenet_v1/0.75-128", 3.07316, 18.80654),
    ("mobilenet_v1/0.75-160", 4.81612, 26.12105),
    ("mobilenet_v1/0.75-192", 5.93591, 34.53291),
    ("mobilenet_v1/0.75-224", 9.0777, 45.98082),
    ("mobilenet_v1/1.0-128", 4.40197, 30.43614),
    ("mobilenet_v1/1.0-160", 6.8838, 40.73689),
    ("mobilenet_v1/1.0-192", 9.00658, 53.36972),
)


INTENSITY = {"efficientnet_lite": 2.6, "mobilenet_v1": 2.9}
"""Log FLOPs a byte, about."""


@pytest.fixture
def rows():
    """The Raspberry Pi, predicted to be the Xavier, which was measured too."""
    return [
        Predicted(
            "mlperf_inference", PI, np.log(xavier_ms), 1.0, INTENSITY[graph.split("/")[0]], np.log(pi_ms)
        )
        for graph, xavier_ms, pi_ms in ROWS
    ]


def test_measurements_of_the_device_turn_one_into_the_other(rows):
    results = measure(rows, counts=(0, 1, 5, 10, 20))
    assert [row.count for row in results] == [0, 1, 5, 10]  # 20 leave no rest
    errors = [row.median_ape for row in results]
    assert errors[0] > 60
    assert errors[1] < errors[0] / 2
    assert errors[3] < 15
    assert all(row.chips == 1 for row in results)


def test_without_measurements_it_is_the_prediction_itself(rows):
    (result,) = measure(rows, counts=(0,))
    off = [abs(xavier_ms / pi_ms - 1) for _, xavier_ms, pi_ms in ROWS]
    assert result.median_ape == pytest.approx(100 * np.median(off))
    assert f"| 0 | 1 | {result.median_ape:.1f} |" in table([asdict(result)])
