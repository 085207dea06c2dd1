"""What the guide and the hook file tell people to paste works as it is there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml

from ledg_rt.budgets import load
from ledg_rt.budgets.cases import platforms_of

TOP = Path(__file__).parents[2]
GUIDE = (TOP / "docs" / "guide-latency-budgets.md").read_text(encoding="utf-8")
GROWTH = (
    '[platform.t4]\nid = "nvidia-t4/tensorrt/fp16"\n'
    '[[budget]]\nname = "growth"\nmodels = ["*.onnx"]\nplatform = "t4"\nmax_increase = "5%"\nlimit = "100 s"\n'
)


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return found


@pytest.fixture
def tools(tmp_path):
    """An environment with this very `ledg` on the path, and a `pip` that installs nothing."""
    folder = tmp_path / "tools"
    folder.mkdir()
    code = "from ledg_cli.main import main; main()"
    for name, line in (("ledg", f'exec "{sys.executable}" -c "{code}" "$@"'), ("pip", "exit 0")):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def repository(tmp_path, network, git):
    """A repository whose second commit widens a layer."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git("init", "-q", cwd=folder)
    for message, width in (("Add a model", 64), ("Widen a layer", 1024)):
        (folder / "net.onnx").write_bytes(network(width))
        (folder / "ledg.toml").write_text(GROWTH)
        git("add", "-A", cwd=folder)
        git("commit", "-q", "-m", message, cwd=folder)
    return folder


def test_the_configuration(tmp_path):
    (toml,) = blocks("toml")
    (tmp_path / "ledg.toml").write_text(toml)
    configuration = load(tmp_path / "ledg.toml")
    assert [budget.name for budget in configuration.budgets] == ["fits the frame", "no surprises"]
    assert platforms_of(configuration)["pi"].device == "raspberry-pi-4"


def test_the_workflow_gives_the_action_inputs_that_it_has():
    workflow = yaml.safe_load(blocks("yaml")[0])
    assert workflow[True] == "pull_request"  # YAML 1.1 reads the key `on` as a boolean
    (step,) = [step for step in workflow["jobs"]["latency"]["steps"] if "ledg-rt" in step["uses"]]
    action = yaml.safe_load((TOP / "action.yml").read_text(encoding="utf-8"))
    assert set(step["with"]) <= set(action["inputs"])


def test_the_gitlab_job_finds_the_widened_layer(repository, tools, git):
    (job,) = yaml.safe_load(blocks("yaml")[1]).values()
    variables = {
        "CI_JOB_ID": "1",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": git("rev-parse", "HEAD~1", cwd=repository),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(job["script"])], cwd=repository, env={**tools, **variables}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    reports = job["artifacts"]["reports"]
    (issue,) = json.loads((repository / reports["codequality"]).read_text())
    assert issue["location"]["path"] == "net.onnx"
    assert Xml.parse(repository / reports["junit"]).getroot().get("failures") == "1"


def test_the_pre_commit_hook_judges_limits(repository, tools):
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    (used,) = yaml.safe_load(blocks("yaml")[2])["repos"]
    assert used["hooks"] == [{"id": hook["id"]}]
    for path in ("net.onnx", "models/a b.onnx", "ledg.toml", "ml/pyproject.toml"):
        assert re.search(hook["files"], path)
    for path in ("net.onnx.txt", "README.md", "myledg.toml"):
        assert not re.search(hook["files"], path)

    def commit() -> int:
        return subprocess.run(
            hook["entry"].split(), cwd=repository, env=tools, capture_output=True
        ).returncode

    assert hook["pass_filenames"] is False
    assert commit() == 0
    (repository / "ledg.toml").write_text(GROWTH.replace("100 s", "1 us"))
    assert commit() == 1


def test_the_test_file_is_one(tmp_path):
    (code,) = blocks("python")
    (tmp_path / "test_it.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "--strict-markers", "-p", "ledg_rt.pytest_plugin", "test_it.py"],
        cwd=tmp_path, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "2 tests collected" in done.stdout


def test_links_lead_somewhere():
    for link in re.findall(r"\]\(([^)#]+)", GUIDE):
        assert (TOP / "docs" / link).exists(), link
