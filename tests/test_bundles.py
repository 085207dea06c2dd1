import json
import shutil
from pathlib import Path

import pytest

import ledg_rt
from ledg_rt import Predictor
from ledg_rt.bundles import FORMAT, MANIFEST, REQUIRED, open_bundle
from ledg_rt.errors import BundleError

SHIPPED = Path(ledg_rt.__file__).parent / "bundle"
EXAMPLE = Path(__file__).parents[1] / "examples" / "resnet18.onnx"


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(SHIPPED, folder)
    return folder


def predict(folder, text="a platform that no table of sentences holds"):
    with Predictor(folder) as predictor:
        return predictor.predict([EXAMPLE], [text])


def test_a_copied_bundle_predicts_as_the_shipped_one(copy):
    assert predict(copy) == predict(None)


def test_the_variable_names_the_bundle(copy, monkeypatch):
    monkeypatch.setenv("LEDG_BUNDLE", str(copy))
    assert open_bundle().folder == copy


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name):
        predict(copy)


@pytest.mark.parametrize("name", REQUIRED)
def test_one_changed_byte_is_noticed(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name}.*sha256"):
        predict(copy)


@pytest.mark.parametrize(("step", "word"), [(1, "newer"), (-1, "older")])
def test_another_format_is_refused(copy, step, word):
    table = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).write_text(json.dumps({**table, "format": FORMAT + step}))
    with pytest.raises(BundleError, match=word):
        predict(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", f'{{"format": {FORMAT}}}'])
def test_a_damaged_manifest_is_named(copy, content):
    (copy / MANIFEST).write_text(content)
    with pytest.raises(BundleError, match="not a manifest"):
        predict(copy)
