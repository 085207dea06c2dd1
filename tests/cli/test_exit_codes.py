from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

T4 = "nvidia-t4/tensorrt/fp16"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_written_before_a_signal_is_whole(start, models, monkeypatch, number, code):
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    process = start("predict", *models * 50, "--platform", T4, "--format", "jsonl")
    first = process.stdout.readline()
    process.send_signal(number)
    rest, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, b"")
    lines = (first + rest).splitlines()
    assert 1 <= len(lines) < 100
    assert all(json.loads(line)["status"] == "ok" for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_half_file(start, models, tmp_path, monkeypatch, number):
    monkeypatch.setenv("FAKE_DELAY", "0.2")
    process = start("predict", *models * 50, "--platform", T4, "--format", "jsonl", "-o", "rows.jsonl")
    while not (list(tmp_path.glob(".ledg-*")) and next(tmp_path.glob(".ledg-*")).stat().st_size):
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=20)
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "b.onnx"]


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv", "markdown"])
def test_a_closed_stdout_is_141_and_silent(start, models, form):
    process = start("predict", *models * 500, "--platform", T4, "--format", form)
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=20), err) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_a_full_disk_behind_stdout_is_2(start, models, form):
    with open("/dev/full", "wb") as full:
        process = start("predict", *models, "--platform", T4, "--format", form, stdout=full)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (2, b"ledg: error: No space left on device\n")


@pytest.mark.parametrize(
    ("redirection", "message"),
    [(">&-", b"ledg: error: standard output is closed; name a file with -o\n"), (">&- 2>&-", b"")],
)
def test_no_stdout_at_all_is_2(start, models, redirection, message):
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh"]
    process = start("predict", *models, "--platform", T4, before=shell)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (2, b"", message)


@pytest.mark.parametrize("debug", ["", "0", "1"])
def test_an_internal_error_is_one_line_unless_asked(ledg, models, monkeypatch, debug):
    monkeypatch.setenv("FAKE_FAULT", "RuntimeError")
    monkeypatch.setenv("LEDG_DEBUG", debug)
    code, out, err = ledg("predict", *models, "--platform", T4)
    assert (code, out) == (2, "")
    *trace, line = err.splitlines()
    assert line.startswith("ledg: error: internal error: RuntimeError: odd\\x0afault; ")
    assert bool(trace) == (debug == "1")


def test_hostile_arguments_are_shown_harmless(ledg):
    code, _, err = ledg("predict", "\x1b[2J::error::*.onnx", "--platform", T4)
    assert code == 2
    assert err.startswith("ledg: error: \\x1b[2J::error::*.onnx: nothing matched")


def test_no_command_shows_the_help_and_is_wrong_usage(ledg):
    code, out, err = ledg()
    assert (code, out) == (2, "")
    assert "predict" in err


def test_version(ledg):
    code, out, _ = ledg("--version")
    assert code == 0
    assert out.startswith("ledg-rt ")


@pytest.mark.parametrize("command", ["predict", "check", "diff", "init"])
def test_help_imports_nothing_heavy(command):
    script = (
        "import sys\n"
        "from ledg_cli.main import run\n"
        f"code = run(['{command}', '--help'])\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'tokenizers', 'rich', 'torch'} & set(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_progress_is_for_terminals(start, models, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal, theirs = pty.openpty()
    process = start("predict", *models, "--platform", T4, "--format", "json", stderr=theirs)
    out, _ = process.communicate(timeout=20)
    os.close(theirs)
    shown = os.read(terminal, 10_000)
    os.close(terminal)
    assert b"1 of 2 predicted" in shown
    assert shown.endswith(b"\r\x1b[K")
    assert len(json.loads(out)) == 2
