from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

T4, PI = "nvidia-t4/tensorrt/fp16", "raspberry pi 4, tflite int8"


def test_one_row_a_model_and_platform_in_the_order_given(ledg, models):
    code, out, err = ledg("predict", *models, "--platform", T4, "--platform", PI, "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["model"]["path"], row["platform"]["text"]) for row in rows] == [
        ("a.onnx", T4), ("a.onnx", PI), ("b.onnx", T4), ("b.onnx", PI),
    ]  # fmt: skip
    assert (code, err) == (0, "")


def test_options_reach_the_predictor(ledg, models, calls):
    code, _, _ = ledg(
        "predict", "a.onnx", "--platform", "a, b", "--batch", "8", "--shape", "x=1x3x224x224", "--shape", "k=v=7",
        "--jobs", "3", "--threads", "2", "--bundle", "folder",
    )  # fmt: skip
    assert code == 0
    assert calls == [
        (Path("folder"), {"threads": 2, "jobs": 3}),
        (["a.onnx"], ["a, b"], {"batch": 8, "shapes": {"x": (1, 3, 224, 224), "k=v": (7,)}}),
    ]


def test_the_bundle_can_come_from_the_environment(ledg, models, calls, monkeypatch):
    monkeypatch.setenv("LEDG_BUNDLE", "elsewhere")
    ledg("predict", "a.onnx", "--platform", T4)
    assert calls[0][0] == Path("elsewhere")


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_a_bad_file_gets_its_row_and_the_rest_go_on(ledg, models, form):
    code, out, err = ledg("predict", "a.onnx", "gone.onnx", "b.onnx", "--platform", T4, "--format", form)
    assert (code, err) == (2, "")
    assert "unreadable" in out
    assert out.index("a.onnx") < out.index("gone.onnx") < out.index("b.onnx")
    if form == "json":
        assert [row["status"] for row in json.loads(out)] == ["ok", "error", "ok"]
    if form == "csv":
        assert len(list(csv.reader(io.StringIO(out)))) == 4


def test_a_name_that_begins_with_a_dash_follows_two_dashes(ledg, tmp_path):
    (tmp_path / "-x.onnx").touch()
    code, out, _ = ledg("predict", "--platform", T4, "--format", "json", "--", "-x.onnx")
    assert code == 0
    assert json.loads(out)[0]["model"]["path"] == "-x.onnx"


def test_the_same_file_twice_gives_two_rows(ledg, models):
    _, out, _ = ledg("predict", "a.onnx", "a.onnx", "--platform", T4, "--format", "json")
    assert len(json.loads(out)) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.onnx"], "Missing option '--platform'"),
        (["--platform", T4], "Missing argument 'MODELS'"),
        (["*.pt", "--platform", T4], "*.pt: nothing matched; "),
        (["a.onnx", "--platform", T4, "--format", "xml"], "'xml' is not one of"),
        (["a.onnx", "--platform", T4, "--batch", "0"], "--batch"),
        (["a.onnx", "--platform", T4, "--jobs", "none"], "--jobs"),
        (["a.onnx", "--platform", T4, "--shape", "1x2"], "--shape 1x2: not a shape; write NAME=1x3x224x224"),
        (["a.onnx", "--platform", T4, "--shape", "x=1x0"], "not a shape"),
        (["a.onnx", "--platform", T4, "--shape", "x=1x-3"], "not a shape"),
        (["a.onnx", "--platform", T4, "--shape", "x=²"], "not a shape"),
        (["a.onnx", "--platform", T4, "--shape", f"x={'9' * 5000}"], "not a shape"),
        (["a.onnx", "--platform", T4, "--shape", "x=1", "--shape", "x=2"], "--shape x is given twice"),
        (["a.onnx", "--platform", T4, "--nope"], "--nope"),
    ],
)
def test_wrong_usage_is_one_line_on_stderr(ledg, models, arguments, message):
    code, out, err = ledg("predict", *arguments)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("ledg: error: ")
    assert message in err


def test_paths_on_standard_input(start, models):
    process = start("predict", "-", "--platform", T4, "--format", "jsonl", stdin=-1)
    out, _ = process.communicate(b"b.onnx\na.onnx\n", timeout=20)
    assert [json.loads(line)["model"]["path"] for line in out.splitlines()] == ["b.onnx", "a.onnx"]


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_a_path_that_is_not_utf8_works_in_a_bare_environment(start, tmp_path, form):
    name = b"caf\xe9 #1.onnx"
    (tmp_path / "x").touch()
    (tmp_path / "x").rename(tmp_path / name.decode("utf-8", "surrogateescape"))
    bare = {"PATH": "/usr/bin", "LC_ALL": "C", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    process = start(
        "predict", name.decode("utf-8", "surrogateescape"), "--platform", T4, "--format", form, env=bare
    )
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert (b"caf\\udce9 #1.onnx" if form.startswith("json") else b"caf\\xe9 #1.onnx") in out


def test_letters_that_the_terminal_lacks_are_spelled_out(start, tmp_path):
    (tmp_path / "模.onnx").touch()
    process = start("predict", "模.onnx", "--platform", T4, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, b"")
    assert b"\\u6a21.onnx" in out
