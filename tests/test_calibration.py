from __future__ import annotations

import math
import os
import tomllib
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from ledg_rt.calibration import Calibration, calibration_from, fit
from ledg_rt.encoding import encode_platform
from ledg_rt.errors import LedgError, PlatformError
from ledg_rt.platforms import resolve
from ledg_rt.platforms.writing import platform_toml

DATA = os.environ.get("LEDG_DATA")
X = np.log([2.0, 5, 9, 20, 31, 48, 75, 110, 180, 260])
INTENSITY = np.array([2.0, 3.1, 1.4, 2.7, 3.9, 1.1, 2.2, 3.3, 1.8, 2.5])
HALF = np.full(10, 0.5)
NOISE = np.array([0.03, -0.05, 0.02, 0.04, -0.03, 0.01, -0.04, 0.02, 0.05, -0.05])


def affine(offset, slope, balance=0.0):
    return np.exp(X + offset + slope * (X - X.mean()) + balance * (INTENSITY - INTENSITY.mean()) + NOISE)


def width_after(count, log_ms=3.0, measured=None):
    """Half width of the interval after the first ``count`` measurements."""
    measured = affine(0.8, 0) if measured is None else measured
    fitted = fit(X[:count], INTENSITY[:count], HALF[:count], measured[:count], "b")
    return fitted.apply(log_ms, fitted.centre[1], 0.5)[1]


def test_ten_measurements_recover_offset_and_slope():
    fitted = fit(X, INTENSITY, HALF, affine(0.8, 0.1), "b")
    assert fitted.offset == pytest.approx(0.8, abs=0.03)
    assert fitted.slope == pytest.approx(0.1, abs=0.03)
    assert fitted.balance == pytest.approx(0, abs=0.03)
    assert fitted.count == 10


def test_memory_that_is_slower_than_described_shows_in_the_balance():
    fitted = fit(X, INTENSITY, HALF, affine(0.8, 0, balance=-0.3), "b")
    assert fitted.balance == pytest.approx(-0.3, abs=0.05)
    assert fitted.apply(3.0, 1.0, 0.5)[0] > fitted.apply(3.0, 4.0, 0.5)[0]


def test_one_measurement_moves_the_level_and_leaves_the_slope():
    fitted = fit(X[:1], INTENSITY[:1], HALF[:1], np.exp(X[:1] + 0.8), "b")
    assert fitted.offset == pytest.approx(0.8, rel=0.1)
    assert (fitted.slope, fitted.balance) == (0, 0)


def test_the_interval_shrinks_with_measurements_that_agree():
    widths = [width_after(count) for count in (1, 3, 10)]
    assert 0.5 > widths[0] > widths[1] > widths[2]


def test_measurements_that_scatter_widen_it():
    scattered = width_after(10, measured=np.exp(X + 0.8 + 15 * NOISE))
    assert scattered > 2 * width_after(10)
    assert scattered > 0.5


def test_it_is_wider_away_from_what_was_measured():
    assert width_after(3, log_ms=9.0) > width_after(3, log_ms=float(X[:3].mean()))


@pytest.mark.parametrize("factor", [0.01, 30])
def test_one_outlier_of_ten_changes_little(factor):
    spoilt = affine(0.8, 0)
    spoilt[4] *= factor
    clean, robust = fit(X, INTENSITY, HALF, affine(0.8, 0), "b"), fit(X, INTENSITY, HALF, spoilt, "b")
    assert robust.offset == pytest.approx(clean.offset, abs=0.06)
    assert robust.slope == pytest.approx(clean.slope, abs=0.06)


def test_the_order_of_measurements_changes_nothing():
    order = np.random.default_rng(0).permutation(10)
    assert fit(X, INTENSITY, HALF, affine(0.3, 0.1), "b") == fit(
        X[order], INTENSITY[order], HALF[order], affine(0.3, 0.1)[order], "b"
    )


def test_predictions_that_are_right_are_left_alone():
    fitted = fit(X, INTENSITY, HALF, np.exp(X), "b")
    assert fitted.apply(4.0, 2.0, 0.5)[0] == pytest.approx(4.0)


def test_nothing_measured_is_an_error():
    with pytest.raises(LedgError, match="no measurement"):
        fit([], [], [], [], "b")


@pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")
@pytest.mark.parametrize(
    ("known", "measured"),
    [
        ("raspberry-pi-5/ncnn/fp16/4t", "raspberry-pi-5/ncnn/fp16/1t"),
        ("jetson-agx-orin-cpu/ncnn/fp16/1t", "khadas-vim3-cpu/ncnn/fp32/4t"),
        ("jetson-agx-orin-cpu/ncnn/fp16/1t", "snapdragon-855-plus-cpu/ncnn/fp16/1t"),
    ],
)
def test_real_measurements_of_one_device_predict_another_after_ten(known, measured):
    from ledg_export.corpora import ncnn

    latencies = {known: {}, measured: {}}
    for sample in ncnn.read(Path(DATA), Counter()):
        if sample.platform in latencies:
            latencies[sample.platform][sample.graph_id] = sample.latency_ms
    names = sorted(set(latencies[known]) & set(latencies[measured]))
    if len(names) < 15:
        pytest.fail(f"only {len(names)} networks were measured on both")
    x = np.log([latencies[known][name] for name in names])
    y = np.log([latencies[measured][name] for name in names])
    half = np.full(len(x), 0.8)
    chosen = np.random.default_rng(0).permutation(len(x))
    first, rest = chosen[:10], chosen[10:]
    unknown = np.zeros(len(x))  # the same for all: no balance to be had
    fitted = fit(x[first], unknown[first], half[first], np.exp(y[first]), "b")
    after = np.array([fitted.apply(value, 0.0, 0.8) for value in x[rest]])
    assert np.median(abs(after[:, 0] - y[rest])) < 0.5 * np.median(abs(x[rest] - y[rest]))
    assert np.mean(abs(after[:, 0] - y[rest]) <= after[:, 1]) > 0.6


COVARIANCE = ((0.01, 0.001, 0.0), (0.001, 0.004, 0.0), (0.0, 0.0, 0.002))
FITTED = Calibration("b" * 64, 3, (1.5, 2.5), 0.25, -0.01, 0.02, 0.3, COVARIANCE)


@pytest.mark.parametrize(
    "text",
    [
        "nvidia-t4/tensorrt/int8", "raspberry-pi-5/ncnn/fp32/4t+overclocked", "Raspberry Pi 5 at 3 GHz, 16 GB, tflite",
        'octa core Cortex-A76 "board" \\ 2.8 GHz, 30 GB/s, fp16, ncnn, 4 threads', "some unheard-of NPU of 4 TOPS, int8",
    ],
)  # fmt: skip
def test_a_written_platform_is_read_back_as_the_same(tmp_path, text):
    path = tmp_path / "mine.toml"
    platform = replace(resolve(text), calibration=FITTED)
    path.write_text(platform_toml(platform, "from\nmeasured.csv"), encoding="utf-8")
    found = resolve(str(path))
    assert found.calibration == FITTED
    before, after = encode_platform(platform), encode_platform(found)
    assert before.sentences == after.sentences
    assert (before.numeric == after.numeric).all()


def test_text_that_no_toml_holds_is_written_all_the_same(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(platform_toml(replace(resolve("a gpu"), name="\udce9\x7f\x1b"), "x"), encoding="utf-8")
    assert resolve(str(path)).name == "?\x7f\x1b"


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0}, {"count": 1.5}, {"centre": "far"}, {"centre": [1.0]}, {"centre": [1.0, math.inf]}, {"balance": 1}, {"offset": math.nan}, {"slope": -1.0}, {"residual": 0.0},
        {"covariance": [1.0, 2.0, 1.0]}, {"covariance": [[1.0, 0.0, 0.0]] * 2}, {"covariance": [["a", "b", "c"]] * 3},
        {"covariance": [[1.0, 2.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]},
        {"covariance": [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}, {"covariance": 3.0},
        {"bundle": 1}, {"more": 1.0}, {"offset": True},
    ],
)  # fmt: skip
def test_figures_that_no_fit_gives_are_refused(tmp_path, change):
    table = {**asdict(FITTED), "centre": list(FITTED.centre), "covariance": [list(row) for row in COVARIANCE]}
    assert calibration_from(table) == FITTED
    with pytest.raises(ValueError, match=r"\w"):
        calibration_from({**table, **change})


@pytest.mark.parametrize("line", ["calibration = 3", "[calibration]\noffset = 1.0"])
def test_a_platform_file_with_a_broken_calibration_names_it(tmp_path, line):
    path = tmp_path / "mine.toml"
    path.write_text(f'device = "nvidia-t4"\n{line}\n')
    with pytest.raises(PlatformError, match=r"mine\.toml: \[calibration\]"):
        resolve(str(path))


def test_a_platform_without_calibration_has_none_in_its_file():
    assert "calibration" not in tomllib.loads(platform_toml(resolve("nvidia-t4/tensorrt/int8"), "x"))
