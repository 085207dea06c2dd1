from __future__ import annotations

import csv
import io
import json
import os
import signal
from xml.etree import ElementTree as Xml

import pytest

T4 = "nvidia-t4/tensorrt/fp16"
FORMATS = ("table", "json", "jsonl", "csv", "markdown", "junit", "sarif", "github", "gitlab")


@pytest.fixture
def configured(tmp_path, models):
    """Writes ledg.toml for the two models; the fake predictor says 1.234 ms for each."""

    def write(limit: str = "2 ms", more: str = "", patterns: str = '["*.onnx"]', folder: str = ".") -> None:
        (tmp_path / folder / "ledg.toml").write_text(
            f'[platform.t4]\nid = "{T4}"\n[[budget]]\nname = "b"\nmodels = {patterns}\nplatform = "t4"\n'
            f'limit = "{limit}"\n{more}\n'
        )

    return write


def verdicts(out: str) -> list[tuple[str, str]]:
    return [(item["outcome"], item["row"]["model"]["path"]) for item in json.loads(out)["verdicts"]]


def test_kept_budgets_are_0(ledg, configured):
    configured()
    assert ledg("check") == (
        0,
        "passed a.onnx on t4: p50 is 1.234 ms, the limit 2 ms\n"
        "passed b.onnx on t4: p50 is 1.234 ms, the limit 2 ms\n"
        "suggestion: the limit of 'b' can go from 2 ms down to 1.36 ms: its slowest model takes 1.234 ms\n"
        "2 passed\n",
        "",
    )


def test_a_broken_budget_is_1_and_named_with_model_and_node(ledg, configured):
    configured("1 ms")
    code, out, err = ledg("check")
    assert (code, err) == (1, "")
    assert out.startswith(
        "failed a.onnx on t4, budget 'b'\n"
        "    p50 is 1.234 ms, the limit 1 ms: 0.234 ms (23.4 %) over\n"
        "    most cost: /conv (Conv with learned weights) 50 %\n"
    )


def test_exit_zero_forgives_a_broken_budget_but_no_unreadable_model(ledg, configured, tmp_path):
    configured("1 ms")
    assert ledg("check", "--exit-zero")[0] == 0
    os.symlink("nowhere", tmp_path / "c.onnx")
    code, out, err = ledg("check", "--exit-zero", "--format", "json")
    assert (code, err) == (2, "")
    assert verdicts(out) == [("unreadable", "c.onnx"), ("failed", "a.onnx"), ("failed", "b.onnx")]


def test_a_warning_is_0(ledg, configured):
    configured("1 ms", 'level = "warn"')
    code, out, _ = ledg("check", "--format", "json")
    assert (code, {outcome for outcome, _ in verdicts(out)}) == (0, {"warned"})


@pytest.mark.parametrize(
    ("toml", "arguments", "message"),
    [
        (None, [], "no ledg.toml, and no [tool.ledg] in a pyproject.toml here; write one with `ledg init`"),
        ("", [], "ledg.toml: has no [[budget]]; a right one: [platform.phone] | "),
        ("budgets = 1", [], "ledg.toml: unknown key 'budgets'; perhaps budget"),
        ("x", ["--config", "gone.toml"], "gone.toml: No such file"),
        ("good", ["--rows", "gone.json"], "gone.json: No such file"),
        ("good", ["--base", "gone.json"], "gone.json: No such file"),
        ("good", ["--format", "xml"], "Invalid value for '--format': "),
        ("good", ["--also", "xml=x"], "--also xml=x: not FORMAT=FILE; formats are table, json"),
        ("good", ["--also", "json"], "--also json: not FORMAT=FILE"),
        ("good", ["--also", "json=x", "--also", "csv=./x"], "x: named for two outputs"),
        ("good", ["-o", "."], ".: is a directory"),
        ("globs", [], "ledg.toml: "),
    ],
)
def test_wrong_configuration_and_usage_are_2(ledg, configured, tmp_path, toml, arguments, message):
    if toml == "good":
        configured()
    elif toml == "globs":
        configured(patterns='["gone/*.onnx"]')
        message = "budget 'b': models = 'gone/*.onnx' matches no file below "
    elif toml is not None:
        (tmp_path / "ledg.toml").write_text(toml)
    code, out, err = ledg("check", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"ledg: error: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_report(start, configured, tmp_path, monkeypatch, number, code):
    configured()
    monkeypatch.setenv("FAKE_DELAY", "20")
    process = start("check", "-o", "report")
    while not list(tmp_path.glob(".ledg-*")):
        assert process.poll() is None
    process.send_signal(number)
    assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == code
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "b.onnx", "ledg.toml"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_closed_stdout_is_141_and_silent(start, configured, form):
    configured("1 ms")
    process = start("check", "--format", form)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 141


def test_one_check_writes_several_formats(ledg, configured, tmp_path):
    configured("1 ms")
    also = [part for name in FORMATS for part in ("--also", f"{name}=out.{name}")]
    code, out, _ = ledg("check", "--format", "jsonl", *also)
    assert code == 1
    text = {name: (tmp_path / f"out.{name}").read_text() for name in FORMATS}
    assert text["jsonl"] == out
    assert verdicts(text["json"]) == [("failed", "a.onnx"), ("failed", "b.onnx")]
    assert len(list(csv.reader(io.StringIO(text["csv"])))) == 3
    assert Xml.fromstring(text["junit"]).get("failures") == "2"
    assert len(json.loads(text["sarif"])["runs"][0]["results"]) == len(json.loads(text["gitlab"])) == 2
    assert text["github"].startswith("::error file=a.onnx,")


def test_a_section_of_the_project_file_does_as_well(ledg, configured, tmp_path):
    configured("1 ms")
    text = (
        (tmp_path / "ledg.toml")
        .read_text()
        .replace("[platform", "[tool.ledg.platform")
        .replace("[[", "[[tool.ledg.")
    )
    (tmp_path / "pyproject.toml").write_text(f"[project]\nname = 'x'\n{text}")
    code, _, err = ledg("check")
    assert (code, err) == (
        2, "ledg: error: ledg.toml and [tool.ledg] of pyproject.toml both have budgets; keep one of them\n",
    )  # fmt: skip
    (tmp_path / "ledg.toml").unlink()
    code, out, _ = ledg("check", "--format", "json")
    assert (code, json.loads(out)["configuration"]) == (1, "pyproject.toml")


def test_a_configuration_elsewhere_has_its_own_models(ledg, configured, tmp_path):
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "c.onnx").touch()
    configured(folder="ml")
    assert verdicts(ledg("check", "--config", "ml/ledg.toml", "--format", "json")[1]) == [
        ("passed", "ml/c.onnx")
    ]


def test_another_checkout_is_the_base(ledg, configured, tmp_path):
    configured(more='max_increase = "5%"', patterns='["*.onnx"]')
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "a.onnx").touch()
    code, out, _ = ledg("check", "--base", "base", "--format", "json")
    found = {
        item["row"]["model"]["path"]: (item["base_ms"], item["notes"]) for item in json.loads(out)["verdicts"]
    }
    assert (code, found) == (0, {"a.onnx": (1.234, []), "b.onnx": (None, ["new_model"])})


def test_another_checkout_stands_for_no_folder_outside(ledg, configured, tmp_path, monkeypatch):
    configured(more='max_increase = "5%"')
    (tmp_path / "here").mkdir()
    (tmp_path / "base").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, _, err = ledg("check", "--config", "../ledg.toml", "--base", "../base")
    assert code == 2
    assert "../base stands for the current folder, and ../ledg.toml is not in that" in err


def test_saved_rows_are_judged_and_are_a_base(ledg, configured, tmp_path, calls):
    from ledg_rt.platforms import resolve

    configured(more='max_increase = "5%"')
    _, out, _ = ledg("check", "--format", "json")
    table = json.loads(out)
    for verdict in table["verdicts"]:
        verdict["row"]["platform"]["sha256"] = resolve(T4).sha256
    (tmp_path / "head.json").write_text(json.dumps(table))
    table["verdicts"][0]["row"]["latency_ms"] = {"p10": 1.0, "p50": 1.0, "p90": 1.0}
    (tmp_path / "base.json").write_text(json.dumps(table))
    calls.clear()
    code, out, _ = ledg("check", "--rows", "head.json", "--base", "base.json", "--format", "json")
    assert code == 1
    assert calls == []
    first = json.loads(out)["verdicts"][0]
    assert (first["outcome"], first["base_ms"], first["nodes"][0]["name"]) == ("failed", 1.0, "/conv")
    for verdict in table["verdicts"]:
        verdict["row"]["bundle"]["sha256"] = "f" * 64
    (tmp_path / "base.json").write_text(json.dumps(table))
    code, _, err = ledg("check", "--rows", "head.json", "--base", "base.json")
    assert code == 2
    assert "--across-bundles" in err
    assert ledg("check", "--rows", "head.json", "--base", "base.json", "--across-bundles")[0] == 1


def test_a_base_of_other_models_is_an_error(ledg, configured, tmp_path):
    configured()
    ledg(
        "predict", "a.onnx", "--platform", "raspberry-pi-4/tflite/fp32", "--format", "json", "-o", "base.json"
    )
    code, _, err = ledg("check", "--base", "base.json")
    assert code == 2
    assert "base.json: no row of a model and platform that a budget names" in err
