"""``ledg evaluate`` and ``ledg calibrate`` with the real predictor: what they promise holds for any bundle."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from ledg_cli.main import run
from ledg_rt.platforms import resolve

EXAMPLES = Path(__file__).parents[2] / "examples"
PI = "Raspberry Pi 4, tflite fp32, 4 threads"
# Medians in ms of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0), Raspberry Pi 4, tflite 2.4.1 fp32.
MEASURED = (
    "model,latency_ms\nmobilenet_v2.onnx,56.5575\nmobilenet_v3_large.onnx,50.04718\nresnet50.onnx,586.57845\n"
)


@pytest.fixture
def command(capsys, tmp_path):
    for name in ("mobilenet_v2.onnx", "mobilenet_v3_large.onnx", "resnet50.onnx"):
        shutil.copy(EXAMPLES / name, tmp_path)
    (tmp_path / "measured.csv").write_text(MEASURED)

    def call(*arguments):
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_figures_and_the_worst_comparisons(command):
    code, out, err = command("evaluate", "measured.csv", "--platform", PI, "--format", "json")
    page = json.loads(out)
    assert (code, err) == (0, "")
    (summary,) = page["summaries"]
    errors = [abs(found["error_percent"]) for found in page["worst"]]
    assert (summary["platform"], summary["count"]) == (PI, 3)
    assert errors == sorted(errors, reverse=True)
    assert summary["mape"] == pytest.approx(sum(errors) / 3, rel=1e-3)
    assert summary["median_ape"] == pytest.approx(errors[1], rel=1e-3)
    for found in page["comparisons"]:
        latency = found["latency_ms"]
        assert found["covered"] == (latency["p10"] <= found["measured_ms"] <= latency["p90"])
        assert found["error_percent"] == pytest.approx(
            100 * (latency["p50"] / found["measured_ms"] - 1), rel=2e-3, abs=0.05
        )


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_a_bad_line_costs_itself_alone(command, tmp_path, form):
    with (tmp_path / "measured.csv").open("a") as file:
        file.write("gone.onnx,3\nmobilenet_v2.onnx,0\n")
    code, out, err = command("evaluate", "measured.csv", "--platform", PI, "--format", form)
    assert (code, err) == (2, "")
    assert "unreadable" in out
    assert "bad_latency" in out
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(out)))
        assert [row["error.code"] for row in rows] == ["", "", "", "unreadable", "bad_latency"]
    if form == "jsonl":
        assert [json.loads(line)["line"] for line in out.splitlines()] == [2, 3, 4, 5, 6]


def test_several_platforms_are_compared_with_every_line(command):
    code, out, _ = command(
        "evaluate", "measured.csv", "--platform", PI, "--platform", "rpi5", "--format", "json"
    )
    page = json.loads(out)
    assert code == 0
    assert [summary["platform"] for summary in page["summaries"]] == [PI, "rpi5", None]
    assert [found["platform"] for found in page["comparisons"]] == [PI, "rpi5"] * 3


def test_the_platform_of_a_line(command, tmp_path):
    (tmp_path / "own.csv").write_text(
        "model,latency_ms,platform\nresnet50.onnx,9,nvidia-t4/tensorrt/int8\nresnet50.onnx,9,1000000 GHz\nresnet50.onnx,8,\n"
    )
    code, out, _ = command("evaluate", "own.csv", "--format", "json")
    errors = [found["error"] and found["error"]["code"] for found in json.loads(out)["comparisons"]]
    assert (code, errors) == (2, [None, "bad_platform", "bad_platform"])


def test_a_batch_that_the_file_does_not_have_is_no_comparison(command, tmp_path):
    from onnx import load, save

    model = load(tmp_path / "resnet50.onnx")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4
    save(model, tmp_path / "four.onnx")
    (tmp_path / "batches.csv").write_text("model,latency_ms,batch\nfour.onnx,9,8\nfour.onnx,9,4\n")
    _, out, _ = command("evaluate", "batches.csv", "--platform", PI, "--format", "json")
    first, second = json.loads(out)["comparisons"]
    assert first["error"]["code"] == "other_batch"
    assert (second["error"], second["batch"]) == (None, 4)


def test_calibration_brings_predictions_to_the_measurements(command, tmp_path):
    code, out, err = command("calibrate", "measured.csv", "--platform", PI, "-o", "mine.toml")
    assert (code, out) == (0, "")
    assert err.startswith("ledg: fitted to 3 measurements")
    assert resolve("mine.toml").device == "raspberry-pi-4"
    _, out, _ = command(
        "evaluate", "measured.csv", "--platform", PI, "--platform", "mine.toml", "--format", "json"
    )
    before, after, _ = json.loads(out)["summaries"]
    assert after["mape"] < max(before["mape"], 10)


def test_a_calibrated_platform_is_known_hardware(command):
    text = "some unheard-of board of 20 GFLOPS and 5 GB/s, fp32, tflite"
    command("calibrate", "measured.csv", "--platform", text, "-o", "mine.toml")
    _, out, _ = command(
        "predict", "resnet50.onnx", "--platform", text, "--platform", "mine.toml", "--format", "json"
    )
    plain, calibrated = json.loads(out)
    assert "unknown_hardware" in plain["flags"]
    assert "unknown_hardware" not in calibrated["flags"]
    assert plain["platform"]["sha256"] != calibrated["platform"]["sha256"]
    assert plain["latency_ms"] != calibrated["latency_ms"]


def test_calibrating_a_calibrated_platform_starts_anew(command):
    _, first, _ = command("calibrate", "measured.csv", "--platform", PI)
    command("calibrate", "measured.csv", "--platform", PI, "-o", "mine.toml")
    _, second, _ = command("calibrate", "measured.csv", "--platform", "mine.toml")
    assert first == second


def test_a_calibration_for_another_bundle_is_refused(command, tmp_path):
    command("calibrate", "measured.csv", "--platform", PI, "-o", "mine.toml")
    path = tmp_path / "mine.toml"
    lines = [
        "bundle = 'another'" if line.startswith("bundle") else line for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    code, out, err = command("predict", "resnet50.onnx", "--platform", "mine.toml")
    assert (code, out) == (2, "")
    assert "mine.toml: calibrated for another bundle" in err
    assert "ledg calibrate" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "gone.csv", "--platform", PI], "gone.csv: cannot be read"),
        (["evaluate", "measured.csv"], "measured.csv: names no platform"),
        (["evaluate", "measured.csv", "--platform", ""], "the platform is empty"),
        (["evaluate", "none.csv", "--platform", PI], "no line below its header"),
        (["evaluate", "mixed.csv", "--platform", PI], "2 platforms"),
        (["calibrate", "mixed.csv", "--platform", PI], "2 platforms"),
        (["calibrate", "measured.csv"], "Missing option '--platform'"),
        (["calibrate", "none.csv", "--platform", PI], "no line of it can be used"),
        (["calibrate", "bad.csv", "--platform", PI], "line 2: there is no such file"),
    ],
)
def test_wrong_usage_is_one_line_on_stderr(command, tmp_path, arguments, message):
    (tmp_path / "none.csv").write_text("model,latency_ms\n")
    (tmp_path / "bad.csv").write_text("model,latency_ms\nnope.onnx,3\n")
    (tmp_path / "mixed.csv").write_text(
        "model,latency_ms,platform\nresnet50.onnx,3,a cpu\nresnet50.onnx,4,a gpu\n"
    )
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err
