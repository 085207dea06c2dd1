"""The steps of action.yml, as a runner runs them, in a scratch repository with two commits."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).parents[2]
ACTION = yaml.safe_load((TOP / "action.yml").read_text(encoding="utf-8"))
T4 = "nvidia-t4/tensorrt-8.4.0/int8"
CONFIGURATION = f"""
[platform.t4]
id = "{T4}"
[[budget]]
name = "growth"
models = ["models/*.onnx"]
platform = "t4"
max_increase = "5%"
"""

# Stands for an interpreter, always isolated: notes how the package would be installed, and makes a `ledg` of this very tree.
INTERPRETER = """#!/bin/sh
set -e
[ "$1" = -I ]
if [ "$3" = venv ]; then
  mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
  printf '#!/bin/sh\\nexec "{python}" -c "from ledg_cli.main import main; main()" "$@"\\n' > "$4/bin/ledg"
  chmod +x "$4/bin/ledg"
else
  echo "$@" > "$RUNNER_TEMP/pip.txt"
fi
"""

# Stands for `gh`: keeps what it is called with, answers a listing with the text of $GH_EARLIER; on forks it fails to
# write, and where it may not even read, to list.
GH = """#!/bin/sh
echo "$@" >> "$RUNNER_TEMP/gh.txt"
case "$*" in
  *--paginate*) printf '%s' "$GH_EARLIER"; [ "$GH_FORK" != unreadable ] ;;
  *) [ -z "$GH_FORK" ] ;;
esac
"""


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


class Runner:
    """Runs the steps with ``run`` of a composite action as GitHub does: expressions, files, order."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self.temp = folder / "runner temp"
        self.temp.mkdir()
        self.workspace = workspace
        self.summary = self.temp / "summary.md"
        self.outputs: dict[str, str] = {}
        script(self.temp / "python", INTERPRETER.format(python=sys.executable))
        (self.temp / "tools").mkdir()
        script(self.temp / "tools" / "gh", GH)

    def run(self, pull_request: str = "7", base: str = "", **inputs: str) -> tuple[int, str]:
        """The exit code of the last step and what all of them wrote."""
        values = {name: str(spec["default"]) for name, spec in ACTION["inputs"].items()}
        values |= {
            "python": str(self.temp / "python"),
            **{key.replace("_", "-"): value for key, value in inputs.items()},
        }
        context = {f"inputs.{name}": value for name, value in values.items()}
        context |= {
            "github.action_path": str(TOP), "github.repository": "o/r", "github.event.pull_request.number": pull_request,
            "inputs.base || github.event.pull_request.base.sha": values["base"] or base,
        }  # fmt: skip
        conditions = {
            "inputs.comment == 'true' && github.event.pull_request.number != ''":
                lambda: values["comment"] == "true" and pull_request != "",
            "always() && steps.base.outputs.folder != ''": lambda: context.get("steps.base.outputs.folder"),
        }  # fmt: skip
        log = ""
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or ("if" in step and not conditions[step["if"]]()):
                continue
            code, text = self._step(step, context)
            log += text
            if code:
                return code, log
        return 0, log

    def _step(self, step: dict, context: dict[str, str]) -> tuple[int, str]:
        def evaluated(text: str) -> str:
            return re.sub(r"\$\{\{ (.*?) \}\}", lambda match: context.get(match[1], ""), text)

        output = self.temp / "output"
        output.write_text("")
        environment = {
            **os.environ, **{name: evaluated(value) for name, value in step.get("env", {}).items()},
            "RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(self.summary),
            "PATH": f"{self.temp / 'tools'}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        (self.temp / "step.sh").write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(self.temp / "step.sh")],
            cwd=self.workspace / evaluated(step.get("working-directory", ".")), env=environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step.get('id')}.outputs.{name}"] = value
            self.outputs[name] = value
        return done.returncode, done.stdout


@pytest.fixture
def repository(tmp_path, network, git):
    """A repository whose second commit widens a layer."""
    folder = tmp_path / "work space"
    (folder / "models").mkdir(parents=True)
    git("init", "-q", cwd=folder)
    (folder / "ledg.toml").write_text(CONFIGURATION)
    (folder / "models" / "net.onnx").write_bytes(network(64))
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "Add a model", cwd=folder)
    (folder / "models" / "net.onnx").write_bytes(network(1024))
    git("commit", "-q", "-a", "-m", "Widen a layer", cwd=folder)
    return folder


@pytest.fixture
def runner(tmp_path, repository, monkeypatch):
    monkeypatch.delenv("GH_EARLIER", raising=False)
    monkeypatch.delenv("GH_FORK", raising=False)
    return Runner(tmp_path, repository)


@pytest.fixture
def base(repository, git):
    """The commit before the last one."""
    return git("rev-parse", "HEAD~1", cwd=repository)


def test_a_widened_layer_fails_the_job_and_is_annotated(runner, repository, base, git):
    code, log = runner.run(base=base)
    assert code == 1, log
    assert "::error file=models/net.onnx,title=Latency budget 'growth' not kept::on t4: p50 rose by " in log
    assert "most cost: /body/conv" in log
    assert "| failed | `models/net.onnx` | `t4` | `growth` |" in runner.summary.read_text()
    report = json.loads(Path(runner.outputs["report"]).read_text())
    assert report["counts"]["failed"] == 1
    assert sorted(os.listdir(runner.outputs["reports"])) == [
        "errors.txt", "report.json", "report.junit", "report.markdown", "report.sarif",
    ]  # fmt: skip
    assert git("worktree", "list", cwd=repository).count("\n") == 0
    assert git("status", "--porcelain", cwd=repository) == ""


def test_a_change_that_costs_nothing_passes(runner, repository, base, git):
    code, log = runner.run(base=git("rev-parse", "HEAD", cwd=repository))
    assert code == 0, log
    assert "Latency budgets: 1 passed" in log


def test_it_installs_its_own_commit_at_fixed_versions(runner, base):
    runner.run(base=base)
    assert (runner.temp / "pip.txt").read_text().split() == [
        "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", f"{TOP}/action-constraints.txt", str(TOP),
    ]  # fmt: skip
    lines = (TOP / "action-constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if not line.startswith("#")}
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {re.split(r"[<>=]", dependency)[0] for dependency in project["dependencies"]} <= pinned


def test_without_a_base_nothing_is_compared(runner):
    code, log = runner.run(pull_request="")
    assert code == 0, log
    assert "There is no base to compare with." in log
    assert "Latency budgets: 1 skipped" in log


def test_a_base_that_a_shallow_clone_lacks_is_fetched(tmp_path, repository, base, git):
    clone = tmp_path / "clone"
    git("clone", "-q", "--depth=1", repository.as_uri(), str(clone), cwd=tmp_path)
    git("config", "uploadpack.allowAnySHA1InWant", "true", cwd=repository)
    code, log = Runner(tmp_path, clone).run(base=base)
    assert code == 1, log
    assert "p50 rose by " in log


def test_what_a_killed_job_left_is_no_obstacle(runner, repository, base, git):
    git("worktree", "add", "--detach", str(runner.temp / "ledg-base"), base, cwd=repository)
    shutil.rmtree(runner.temp / "ledg-base")
    code, log = runner.run(base=base)
    assert code == 1, log
    assert "p50 rose by " in log


def test_pointers_of_git_lfs_get_the_hint(runner, repository, base):
    (repository / "models" / "net.onnx").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 1\n"
    )
    code, log = runner.run(base=base)
    assert code == 2, log
    assert "git lfs pull" in log
    assert "git lfs pull" in runner.summary.read_text()


def test_a_wrong_configuration_is_2_and_in_the_summary(runner, repository, base):
    (repository / "ledg.toml").write_text(CONFIGURATION.replace("max_increase", "max_growth"))
    code, log = runner.run(base=base)
    assert code == 2, log
    assert "unknown key 'max_growth'" in log
    assert "unknown key 'max_growth'" in runner.summary.read_text()


def test_a_folder_of_the_repository_has_its_own_budgets(runner, repository, base, git):
    (repository / "sub").mkdir()
    git("mv", "ledg.toml", "models", "sub", cwd=repository)
    git("commit", "-q", "-m", "Move", cwd=repository)
    head = git("rev-parse", "HEAD", cwd=repository)
    code, log = runner.run(base=head, working_directory="sub")
    assert code == 0, log
    assert "Latency budgets: 1 passed" in log


@pytest.mark.parametrize(
    "text", ["$(touch pwned)", "`touch pwned`", "; touch pwned", "--upload-pack=touch pwned", "-x"]
)
def test_inputs_are_never_commands(runner, repository, text):
    assert runner.run(base=text, config=text)[0] != 0
    assert runner.run(config=text)[0] != 0
    assert not list(repository.rglob("pwned"))


def test_scripts_have_no_expression_in_them():
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}"))


def test_a_comment_is_made_once_and_then_kept_up_to_date(runner, base, monkeypatch):
    runner.run(base=base, comment="true")
    calls = (runner.temp / "gh.txt").read_text().splitlines()
    assert calls[1].startswith("api --silent --method POST repos/o/r/issues/7/comments -F body=@")
    comment = (Path(runner.outputs["reports"]) / "comment.md").read_text()
    assert comment.startswith("<!-- ledg check -->\n**Latency budgets:** 1 failed\n")
    monkeypatch.setenv("GH_EARLIER", "123\n456\n")
    runner.run(base=base, comment="true")
    calls = (runner.temp / "gh.txt").read_text().splitlines()
    assert calls[3].startswith("api --silent --method PATCH repos/o/r/issues/comments/123 -F body=@")


def test_no_comment_unless_asked_and_on_forks_no_failure(runner, repository, base, monkeypatch, git):
    head = git("rev-parse", "HEAD", cwd=repository)
    runner.run(base=base)
    runner.run(base=base, pull_request="", comment="true")
    assert not (runner.temp / "gh.txt").exists()
    for kind in ("unwritable", "unreadable"):
        monkeypatch.setenv("GH_FORK", kind)
        code, log = runner.run(base=head, comment="true")
        assert code == 0, log
        assert log.count("::notice::No comment on the pull request") == 1


def test_a_second_use_in_a_job_has_no_reports_of_the_first(runner, repository, base):
    assert runner.run(base=base)[0] == 1
    (repository / "ledg.toml").write_text(CONFIGURATION.replace("max_increase", "max_growth"))
    code, log = runner.run(base=base)
    assert code == 2, log
    assert os.listdir(runner.outputs["reports"]) == ["errors.txt", "report.markdown"]
    assert "unknown key 'max_growth'" in runner.summary.read_text()
