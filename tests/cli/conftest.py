from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ledg_cli.main import run

SCRIPT = Path(__file__).parent / "fake_ledg.py"


def load_fake() -> ModuleType:
    """The script as a module (the folder of tests is not on the path)."""
    spec = spec_from_file_location("fake_ledg", SCRIPT)
    fake = module_from_spec(spec)
    spec.loader.exec_module(fake)
    return fake


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    """Commands run in an empty folder, without variables that would change them."""
    for name in ("LEDG_BUNDLE", "LEDG_DEBUG", "COLUMNS", "FAKE_DELAY", "FAKE_FAULT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def models(tmp_path) -> list[str]:
    """Two files that exist."""
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(b"onnx")
    return ["a.onnx", "b.onnx"]


@pytest.fixture
def calls(monkeypatch) -> list[tuple[Any, ...]]:
    """Puts the fake predictor in place of the real one; the arguments that it gets."""
    fake = load_fake()
    monkeypatch.setitem(sys.modules, "ledg_rt.predictor", fake.fake_module())
    return fake.FakePredictor.calls


@pytest.fixture
def ledg(capsys, calls) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process with the fake predictor: (exit code, stdout, stderr)."""

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[bytes]]:
    """Start a command line with the fake predictor as a process of its own; ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def call(*arguments: str, before: list[str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        # A job in the background of a shell ignores SIGINT, and so would its children.
        restored = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
        process = subprocess.Popen(
            [*(before or []), sys.executable, str(SCRIPT), *arguments], preexec_fn=restored, **pipes
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
