from __future__ import annotations

import json

import pytest

T4 = "nvidia-t4/tensorrt/fp16"


@pytest.fixture
def rows(ledg, models, tmp_path):
    """Writes base.json of both models, and head.json with another latency of the first."""
    ledg("predict", *models, "--platform", T4, "--format", "json", "-o", "base.json")
    table = json.loads((tmp_path / "base.json").read_text())
    table[0]["latency_ms"] = {"p10": 2.0, "p50": 2.468, "p90": 3.0}
    (tmp_path / "head.json").write_text(json.dumps(table))
    return table


def test_what_changed_is_shown_in_ms_and_percent(ledg, rows):
    code, out, err = ledg("diff", "base.json", "head.json")
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split() == ["changed", "a.onnx", T4, "1.234", "2.468", "+1.234", "+100", "%"]
    assert out.splitlines()[2] == "1 changed, 1 unchanged"


def test_a_file_of_differences(ledg, rows, tmp_path):
    assert ledg("diff", "base.json", "head.json", "--format", "json", "-o", "diff.json") == (0, "", "")
    assert json.loads((tmp_path / "diff.json").read_text())["counts"]["changed"] == 1


def test_bundles_are_not_mixed_unless_told(ledg, rows, tmp_path):
    for row in rows:
        row["bundle"]["sha256"] = "f" * 64
    (tmp_path / "head.json").write_text(json.dumps(rows))
    code, out, err = ledg("diff", "base.json", "head.json")
    assert (code, out) == (2, "")
    assert "predict both with one bundle, or say --across-bundles" in err
    assert ledg("diff", "base.json", "head.json", "--across-bundles")[0] == 0


def test_a_head_that_could_not_be_read_is_2(ledg, rows):
    ledg("predict", "a.onnx", "gone.onnx", "--platform", T4, "--format", "json", "-o", "head.json")
    code, out, _ = ledg("diff", "base.json", "head.json")
    assert code == 2
    assert "unreadable" in out


@pytest.mark.parametrize("arguments", [["base.json"], ["base.json", "gone.json"], ["a.onnx", "base.json"]])
def test_what_cannot_be_compared_is_2(ledg, rows, arguments):
    code, out, err = ledg("diff", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("ledg: error: ")
    assert err.count("\n") == 1
