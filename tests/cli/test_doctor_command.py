from __future__ import annotations

import json
import os

import onnx.checker
import onnx.parser
import pytest

from ledg_cli.doctor import NETWORK
from ledg_cli.main import run
from ledg_rt.bundles import FORMAT, REQUIRED, digest_of, open_bundle


@pytest.fixture
def bundle(tmp_path):
    """A folder whose manifest is right and whose models are no models."""
    for name in REQUIRED:
        (tmp_path / name).write_bytes(name.encode())
    manifest = {
        "format": FORMAT, "name": "dummy", "template": "rich", "devices": [], "interval": {}, "ranges": {},
        "files": {name: digest_of(tmp_path / name) for name in REQUIRED},
    }  # fmt: skip
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def findings(ledg, folder) -> dict[str, tuple[str, str]]:
    code, out, _ = ledg("doctor", "--bundle", str(folder), "--format", "json")
    found = {finding["check"]: (finding["result"], finding["detail"]) for finding in json.loads(out)}
    assert code == (2 if any(result == "failed" for result, _ in found.values()) else 0)
    return found


def test_versions_are_told_whatever_else_fails(ledg, tmp_path):
    found = findings(ledg, tmp_path / "gone")
    assert found["versions"][0] == "ok"
    assert "onnxruntime" in found["versions"][1]
    assert found["bundle"][0] == found["embedder"][0] == "failed"
    assert "manifest.json: No such file" in found["bundle"][1]


def test_digests_are_verified_and_models_are_tried(ledg, bundle):
    found = findings(ledg, bundle)
    assert found["bundle"] == (
        "ok",
        f"dummy in {bundle}, sha256 {open_bundle(bundle).sha256[:12]}, 8 files verified",
    )
    assert found["embedder"][0] == "failed"


def test_a_changed_file_is_named(ledg, bundle):
    (bundle / "head.onnx").write_bytes(b"other")
    result, detail = findings(ledg, bundle)["bundle"]
    assert result == "failed"
    assert "head.onnx: sha256 differs" in detail


def test_an_unforeseen_fault_is_a_finding(ledg, bundle, monkeypatch):
    monkeypatch.setenv("FAKE_FAULT", "RuntimeError")
    assert findings(ledg, bundle)["prediction"] == ("failed", "RuntimeError: odd\nfault")
    code, out, _ = ledg("doctor", "--bundle", str(bundle))
    assert code == 2
    assert "RuntimeError: odd\\x0afault" in out


def test_the_prediction_is_of_a_real_file(ledg, bundle):
    result, detail = findings(ledg, bundle)["prediction"]
    assert (result, detail[:9]) == ("ok", "1.234 ms ")


def test_the_tiny_model_is_a_valid_one():
    onnx.checker.check_model(onnx.parser.parse_model(NETWORK), full_check=True)


SHIPPED = os.path.join(os.path.dirname(__import__("ledg_rt").__file__), "bundle", "manifest.json")


@pytest.mark.skipif(not os.path.exists(SHIPPED), reason="no bundle was trained yet")
def test_this_installation_is_healthy(capsys):
    assert run(["doctor", "--format", "json"]) == 0
    assert {finding["result"] for finding in json.loads(capsys.readouterr().out)} == {"ok"}
