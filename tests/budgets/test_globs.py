from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledg_rt.budgets.globs import files, fits, key_of, matching

PATHS = ("a.onnx", "models/a.onnx", "models/b.onnx", "models/old/a.onnx", "models/.hidden/a.onnx", "models/[x].onnx", "!a.onnx")  # fmt: skip


@pytest.fixture
def tree(tmp_path):
    for path in PATHS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "models" / "folder.onnx").mkdir()
    return tmp_path


PATTERNS = (
    ["*.onnx"], ["models/*.onnx"], ["models/**/*.onnx"], ["**/a.onnx"], ["**"], ["models/?.onnx"], ["models/[ab].onnx"],
    ["models/[!a].onnx"], ["models/[[]x[]].onnx"], ["./models/a.onnx"], ["models/.hidden/*"], ["./!a.onnx"],
    ["models/**", "!models/old/**", "!**/b.onnx"],
)  # fmt: skip


@pytest.mark.parametrize("patterns", PATTERNS, ids=repr)
def test_globs_mean_the_same_on_files_and_on_saved_paths(tree, patterns):
    found, idle = files(patterns, tree)
    assert found
    assert idle == []
    assert (sorted(matching(PATHS, patterns)[0]), matching(PATHS, patterns)[1]) == (found, idle)


def test_what_is_matched():
    def chosen(*patterns):
        return matching(PATHS, patterns)[0]

    assert chosen("models/**/*.onnx") == [
        "models/a.onnx",
        "models/b.onnx",
        "models/old/a.onnx",
        "models/[x].onnx",
    ]
    assert chosen("models/**", "!models/old/**", "!**/b.onnx") == ["models/a.onnx", "models/[x].onnx"]
    assert chosen("**/a.onnx", "models/*.onnx") == [
        "a.onnx", "models/a.onnx", "models/b.onnx", "models/old/a.onnx", "models/[x].onnx",
    ]  # fmt: skip


def test_every_idle_pattern_is_named(tree):
    assert files(["*.onnx", "nothing/*", "models/folder.onnx"], tree)[1] == [
        "nothing/*",
        "models/folder.onnx",
    ]
    assert matching(PATHS, ["*.onnx", "nothing/*"])[1] == ["nothing/*"]


def test_a_pattern_that_is_no_regular_expression_is_harmless():
    assert not fits("a", "[z-a]")
    assert fits("a[", "a[")
    assert fits("a/" * 200 + "b", "**/" * 200 + "b")


def test_bytes_that_are_not_utf8_fit_a_question_mark(tmp_path):
    name = os.fsdecode(b"caf\xe9.onnx")
    (tmp_path / name).touch()
    assert files(["caf?.onnx"], tmp_path)[0] == [name]
    assert fits(name, "caf?.onnx")


def test_a_key_is_seen_from_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert key_of("a/b.onnx", Path("a")) == "b.onnx"
    assert key_of(tmp_path / "a" / "b.onnx", Path()) == "a/b.onnx"
    assert key_of("b.onnx", Path("a")) == "../b.onnx"
    assert key_of("", Path()) == "."
