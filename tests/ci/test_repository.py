"""Latency budgets in a real repository with the shipped model: what the guide promises."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ledg_cli.main import run

EXAMPLES = Path(__file__).parents[2] / "examples"
T4, PI = "nvidia-t4/tensorrt-8.4.0/int8", "raspberry-pi-4/tflite/fp32"


def test_a_widened_layer_breaks_the_budget_in_a_pull_request(tmp_path, monkeypatch, capsys, network, git):
    repository = tmp_path / "repository"
    (repository / "models").mkdir(parents=True)
    monkeypatch.chdir(repository)
    model = Path("models/net.onnx")
    model.write_bytes(network(64))
    shutil.copy(EXAMPLES / "mobilenet_v2.onnx", "models")
    git("init", "-q")
    assert run(["init", "--platform", T4]) == 0
    assert run(["check"]) == 0
    git("add", "-A")
    git("commit", "-q", "-m", "Add models and their budgets")

    model.write_bytes(network(1024))
    git("commit", "-q", "-a", "-m", "Widen a layer")
    git("worktree", "add", "-q", "--detach", str(tmp_path / "base"), "HEAD~1")
    capsys.readouterr()
    assert run(["check", "--base", str(tmp_path / "base")]) == 1
    failure, *_ = capsys.readouterr().out.split("\npassed ")
    assert failure.startswith("failed models/net.onnx on ")
    assert "budget 'models/net.onnx, nvidia-t4-tensorrt-8-4-0-int8'" in failure
    assert "    changed: /body/conv" in failure
    assert "/body/conv1" not in failure.split("changed: ")[1]
    assert "mobilenet" not in failure


def test_growth_is_judged_against_saved_rows_of_the_base(tmp_path, monkeypatch, capsys, network):
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(network(64))
    Path("ledg.toml").write_text(
        f'[platform.t4]\nid = "{T4}"\n[[budget]]\nname = "growth"\nmodels = ["*.onnx"]\nplatform = "t4"\nmax_increase = "5%"\n'
    )
    assert run(["predict", "net.onnx", "--platform", T4, "--format", "json", "-o", "base.json"]) == 0
    assert run(["check", "--base", "base.json"]) == 0
    Path("net.onnx").write_bytes(network(1024))
    capsys.readouterr()
    assert run(["check", "--base", "base.json", "--format", "json", "-o", "head.json"]) == 1
    (verdict,) = json.loads(Path("head.json").read_text())["verdicts"]
    assert verdict["breaches"][0]["kind"] == "max_increase"
    assert verdict["nodes"][0]["name"] in ("/body/conv2", "/body/conv3")
    assert run(["check", "--rows", "head.json", "--base", "base.json"]) == 1
    assert run(["diff", "base.json", "head.json"]) == 0
    assert "1 changed" in capsys.readouterr().out


def test_a_pointer_of_git_lfs_gets_the_hint(tmp_path, monkeypatch, capsys, network):
    monkeypatch.chdir(tmp_path)
    Path("net.onnx").write_bytes(network(64))
    assert run(["init", "--platform", T4]) == 0
    Path("net.onnx").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
    )
    capsys.readouterr()
    assert run(["check"]) == 2
    assert "git lfs pull" in capsys.readouterr().out


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """The JSON of a check of all examples in a folder of its own, with the files made in some order."""

    def check(folder: str, names: list[str], *options: str) -> bytes:
        place = tmp_path / folder
        place.mkdir(parents=True)
        monkeypatch.chdir(place)
        for name in names:
            shutil.copy(EXAMPLES / name, place)
        (place / "ledg.toml").write_text(
            f'[platform.t4]\nid = "{T4}"\n[platform.pi]\ntext = "{PI}"\n'
            '[[budget]]\nname = "all"\nmodels = ["*.onnx"]\nplatform = ["t4", "pi"]\nlimit = "30 ms"\n'
        )
        assert run(["check", "--exit-zero", "--format", "json", "-o", "report.json", *options]) == 0
        return (place / "report.json").read_bytes()

    return check


def test_two_runs_write_the_same_bytes(checked):
    names = sorted(path.name for path in EXAMPLES.glob("*.onnx"))
    first = checked("one", names, "--threads", "1", "--jobs", "1")
    again = checked("elsewhere/two", names[::-1], "--threads", "2", "--jobs", "2")
    assert len(json.loads(first)["verdicts"]) == 2 * len(names)
    assert first == again
    assert os.getcwd().encode() not in first
