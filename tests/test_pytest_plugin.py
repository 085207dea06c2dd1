"""The plugin as its users have it: tests of a project of their own, in a process of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
T4 = "nvidia-t4/tensorrt-8.4.0/int8"


@pytest.fixture
def tests(tmp_path):
    """Run a test file in a project with ResNet18 in it: (exit code, output)."""
    shutil.copy(TOP / "examples" / "resnet18.onnx", tmp_path / "net.onnx")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n")

    def run(text: str, *options: str, folder: str = ".") -> tuple[int, str]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / "test_latency.py").write_text(text)
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "ledg_rt.pytest_plugin", *options],
            cwd=tmp_path / folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_limit_that_is_kept_returns_the_row(tests):
    text = f"""
def test_kept(assert_latency):
    row = assert_latency("net.onnx", platform="{T4}", limit="100 s")
    assert row.latency_ms.p50 > 0
    assert row.batch == 1
    assert assert_latency("net.onnx", platform="{T4}", limit="100 s", batch=8, basis="upper").batch == 8
"""
    code, out = tests(text)
    assert (code, "1 passed" in out) == (0, True), out


def test_models_are_relative_to_the_root_directory(tests):
    text = f"def test_it(assert_latency):\n    assert_latency('net.onnx', platform='{T4}', limit='100 s')\n"
    assert tests(text, folder="sub")[0] == 0


def test_a_limit_that_is_broken_fails_and_names_the_nodes(tests):
    code, out = tests(
        f'def test_broken(assert_latency):\n    assert_latency("net.onnx", platform="{T4}", limit="1 us")\n'
    )
    assert code == 1
    assert f"AssertionError: net.onnx on {T4}: p50 is " in out
    assert "the limit 0.001 ms: " in out
    assert "most cost: " in out
    assert "pytest_plugin.py" not in out  # the traceback shows the user's line alone


def test_a_model_that_cannot_be_read_fails(tests):
    code, out = tests(
        f'def test_gone(assert_latency):\n    assert_latency("gone.onnx", platform="{T4}", limit="1 s")\n'
    )
    assert code == 1
    assert f"AssertionError: gone.onnx on {T4}: " in out


def test_markers_give_defaults_and_the_nearest_wins(tests):
    text = f"""
import pytest

pytestmark = pytest.mark.latency(platform="{T4}", limit="1 us")


def test_of_the_module(assert_latency):
    with pytest.raises(AssertionError, match="limit 0.001 ms"):
        assert_latency("net.onnx")


@pytest.mark.latency(limit="100 s")
def test_of_its_own(assert_latency):
    assert assert_latency("net.onnx").platform.text == "{T4}"
    with pytest.raises(AssertionError, match="limit 0.002 ms"):
        assert_latency("net.onnx", limit="2 us")
"""
    code, out = tests(text)
    assert (code, "2 passed" in out) == (0, True), out


def test_wrong_usage_says_what_is_right(tests):
    text = f"""
import pytest
from ledg_rt.errors import LedgError


@pytest.mark.parametrize(("terms", "message"), [
    ({{"limit": "35 ms"}}, "no platform"),
    ({{"platform": "{T4}"}}, "no limit"),
    ({{"platform": "{T4}", "limit": "35"}}, 'write "35 ms"'),
    ({{"platform": "{T4}", "limit": 35}}, 'write "35 ms"'),
    ({{"platform": "{T4}", "limit": "35 ms", "basis": "p99"}}, "p99"),
    ({{"platform": " ", "limit": "35 ms"}}, "the platform is empty"),
])
def test_refused(assert_latency, terms, message):
    with pytest.raises(LedgError, match=message):
        assert_latency("net.onnx", **terms)


@pytest.mark.latency("net.onnx")
def test_positional(assert_latency):
    pass
"""
    code, out = tests(text)
    assert (code, "6 passed, 1 error" in out) == (1, True), out
    assert "only platform, limit, basis, on_unknown_ops, batch, shapes, by name" in out


def test_a_number_for_a_part_of_the_graph_warns_unless_told(tests, tmp_path):
    text = f"""
import pytest
from onnx import TensorProto, helper
from ledg_rt.pytest_plugin import LatencyWarning


@pytest.fixture
def odd(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["h"]), helper.make_node("Mystery", ["h"], ["y"], domain="acme")]
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8, 32, 32])] for name in "xy"]
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("acme", 1)]
    path = tmp_path / "odd.onnx"
    path.write_bytes(helper.make_model(helper.make_graph(nodes, "g", *ends), opset_imports=opsets).SerializeToString())
    return path


@pytest.mark.latency(platform="{T4}", limit="100 s")
def test_partial(assert_latency, odd, recwarn):
    with pytest.warns(LatencyWarning, match="does not cover the whole graph"):
        assert_latency(odd)
    with pytest.raises(AssertionError, match="does not cover the whole graph"):
        assert_latency(odd, on_unknown_ops="error")
    assert_latency(odd, on_unknown_ops="ignore")
    assert len(recwarn) == 0
"""
    code, out = tests(text)
    assert (code, "1 passed" in out) == (0, True), out


def test_a_project_that_does_not_use_it_pays_nothing(tests):
    text = """
import sys


def test_light():
    assert "ledg_rt.pytest_plugin" in sys.modules
    assert not {"numpy", "onnx", "onnxruntime", "ledg_rt.predictor", "ledg_rt.budgets"} & set(sys.modules)
"""
    code, out = tests(text)
    assert code == 0, out


def test_the_marker_is_known(tests):
    _, out = tests("", "--markers")
    assert "@pytest.mark.latency(platform, limit, " in out


def test_pytest_finds_it_where_ledg_rt_is_installed():
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"ledg": "ledg_rt.pytest_plugin"}
