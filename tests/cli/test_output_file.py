from __future__ import annotations

import json
import os
import threading

import pytest

T4 = "nvidia-t4/tensorrt/fp16"


def test_rows_go_to_the_file_and_nothing_to_stdout(ledg, models, tmp_path):
    code, out, err = ledg("predict", *models, "--platform", T4, "--format", "json", "-o", "rows.json")
    assert (code, out, err) == (0, "", "")
    assert len(json.loads((tmp_path / "rows.json").read_text())) == 2
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "b.onnx", "rows.json"]


def test_a_row_without_a_number_is_written_too(ledg, tmp_path):
    code, _, _ = ledg("predict", "gone.onnx", "--platform", T4, "--format", "jsonl", "-o", "rows.jsonl")
    assert code == 2
    assert json.loads((tmp_path / "rows.jsonl").read_text())["status"] == "error"


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_after_a_failure_the_old_file_is_as_it_was(ledg, models, tmp_path, monkeypatch, form):
    (tmp_path / "rows").write_text("old")
    monkeypatch.setenv("FAKE_FAULT", "MemoryError")
    code, _, err = ledg("predict", *models, "--platform", T4, "--format", form, "-o", "rows")
    assert code == 2
    assert "internal error: MemoryError" in err
    assert (tmp_path / "rows").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a.onnx", "b.onnx", "rows"]


def test_permissions_and_links_survive(ledg, models, tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    assert ledg("predict", *models, "--platform", T4, "-o", "link")[0] == 0
    assert (tmp_path / "link").is_symlink()
    assert "a.onnx" in (tmp_path / "real").read_text()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".", "is a directory; -o names a file"), ("no/such/folder/rows", "No such file or directory"),
        ("a.onnx/rows", "Not a directory"), ("x" * 300, "File name too long"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_before_anything_is_predicted(ledg, models, calls, path, message):
    code, out, err = ledg("predict", *models, "--platform", T4, "-o", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"ledg: error: {path}: ")
    assert message in err
    assert calls == []


def test_a_pipe_is_written_to_and_not_replaced(ledg, models, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text()))
    reader.start()
    assert ledg("predict", *models, "--platform", T4, "-o", str(pipe))[0] == 0
    reader.join(timeout=20)
    assert "b.onnx" in found[0]
    assert pipe.is_fifo()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_named(ledg, models):
    code, _, err = ledg("predict", *models, "--platform", T4, "-o", "/dev/full")
    assert code == 2
    assert err == "ledg: error: /dev/full: cannot be written: No space left on device; choose another file\n"
