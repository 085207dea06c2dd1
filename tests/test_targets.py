from __future__ import annotations

import io
import os

import pytest

from ledg_rt.errors import LedgError
from ledg_rt.targets import expand


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """models/ with files at several depths, as the working directory's child."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "models/b.onnx",
        "models/a.onnx",
        "models/sub/c.onnx",
        "models/sub/deep/d.ONNX",
        "models/readme.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_files_keep_their_order_and_repetitions(tree):
    arguments = ["models/b.onnx", "models/a.onnx", "models/b.onnx"]
    assert expand(arguments) == arguments


def test_a_folder_is_searched_recursively_and_sorted(tree):
    assert expand(["models"]) == [
        "models/a.onnx",
        "models/b.onnx",
        "models/sub/c.onnx",
        "models/sub/deep/d.ONNX",
    ]


def test_a_missing_file_is_kept_for_its_own_error(tree):
    assert expand(["nothing.onnx"]) == ["nothing.onnx"]


def test_folders_behind_links_are_not_entered(tree):
    os.symlink(tree / "models", tree / "models" / "loop")
    assert expand(["models"]) == [
        "models/a.onnx",
        "models/b.onnx",
        "models/sub/c.onnx",
        "models/sub/deep/d.ONNX",
    ]


def test_a_broken_link_in_a_folder_is_not_skipped(tree):
    os.symlink("gone", tree / "models" / "sub" / "link.onnx")
    assert "models/sub/link.onnx" in expand(["models"])


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("models/*.onnx", ["models/a.onnx", "models/b.onnx"]),
        ("models/**/*.onnx", ["models/a.onnx", "models/b.onnx", "models/sub/c.onnx"]),
        ("**/[cd].*", ["models/sub/c.onnx", "models/sub/deep/d.ONNX"]),
        ("models/su*/**", ["models/sub/c.onnx", "models/sub/deep/d.ONNX"]),
    ],
)
def test_globs(tree, pattern, found):
    assert expand([pattern]) == found


def test_an_existing_name_is_no_glob_and_no_list(tree):
    for name in ("m[1].onnx", "@list.txt", "a*b.onnx"):
        (tree / name).touch()
        assert expand([name]) == [name]


def test_a_list_names_files_and_folders_whatever_its_line_ends(tree):
    (tree / "list.txt").write_bytes(
        b"\xef\xbb\xbfmodels/b.onnx\r\n\r\nmodels/sub\r\n name with # .onnx\r\n*.onnx"
    )
    assert expand(["@list.txt"]) == [
        "models/b.onnx", "models/sub/c.onnx", "models/sub/deep/d.ONNX", " name with # .onnx", "*.onnx",
    ]  # fmt: skip


def test_standard_input_names_paths_that_are_not_utf8(tree):
    assert expand(["-"], io.BytesIO(b"caf\xe9.onnx\n-x.onnx\n")) == [os.fsdecode(b"caf\xe9.onnx"), "-x.onnx"]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("*.onnx", "nothing matched"), ("mod*", "nothing matched"), ("empty", "no .onnx file"), ("@gone.txt", "gone.txt: No such"),
        ("@blank.txt", "no path in it"), ("@models", "directory"), ("-", "standard input: no path"), ("", "empty"),
        ("@a\0b", "null"),
    ],
)  # fmt: skip
def test_what_names_no_file_is_a_usage_error(tree, argument, message):
    (tree / "empty").mkdir()
    (tree / "blank.txt").write_text("\n \n")
    with pytest.raises(LedgError, match=message) as caught:
        expand(["models/a.onnx", argument], io.BytesIO())
    assert caught.value.code == "usage"
    assert caught.value.hint


def test_a_closed_standard_input_is_an_empty_one():
    with pytest.raises(LedgError, match="standard input"):
        expand(["-"], None)


def test_a_folder_that_cannot_be_listed_is_named(tree, monkeypatch):
    def refuse(folder, onerror, followlinks):
        onerror(PermissionError(13, "Permission denied", "models/secret"))
        return iter(())

    monkeypatch.setattr(os, "walk", refuse)
    with pytest.raises(LedgError, match=r"models/secret: Permission denied"):
        expand(["models"])
