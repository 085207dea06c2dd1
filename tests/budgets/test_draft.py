from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from ledg_rt.budgets import load
from ledg_rt.budgets.draft import draft
from ledg_rt.budgets.globs import files

T4, PI, WORDS = "nvidia-t4/tensorrt/fp16", "raspberry-pi-4/tflite/fp32", 'a "phone" \x7f with 30 GB/s, é'


def test_a_draft_is_a_configuration(make_row, tmp_path):
    rows = [
        make_row(path, p50, text)
        for path, p50 in (("a.onnx", 10.0), ("m/b.onnx", 2.016))
        for text in (T4, PI)
    ]
    text = draft(rows, [T4, WORDS], Path(), 0.1, {"x": (1, 3)})
    (tmp_path / "ledg.toml").write_text(text)
    found = load(tmp_path / "ledg.toml")
    assert list(found.platforms.values()) == [("id", T4), ("text", WORDS)]
    first, second = found.platforms
    assert [(budget.models, budget.platforms, budget.limit_ms) for budget in found.budgets] == [
        (("a.onnx",), (first,), 11), (("a.onnx",), (second,), 11), (("m/b.onnx",), (first,), 2.22), (("m/b.onnx",), (second,), 2.22),
    ]  # fmt: skip
    assert found.budgets[0].shapes == {"x": (1, 3)}
    assert "# predicted: p50 10 ms, interval 8.333 to 12 ms" in text


def test_a_model_without_a_number_is_a_comment(make_row):
    text = draft([make_row("a\nb.onnx", None), make_row("c.onnx")], [T4], Path(), 0.1, {})
    assert (
        "# a\\x0ab.onnx on nvidia-t4-tensorrt-fp16: not predicted, there is no such file; check the path"
        in text
    )
    assert len(tomllib.loads(text)["budget"]) == 1


def test_paths_and_platform_files_are_seen_from_the_file(make_row):
    parsed = tomllib.loads(draft([make_row("ml/m/a.onnx")], ["boards/x.toml"], Path("ml"), 0.1, {}))
    assert parsed["budget"][0]["models"] == ["m/a.onnx"]
    assert list(parsed["platform"].values()) == [{"file": "../boards/x.toml"}]


def test_platforms_that_shorten_to_the_same_name_are_told_apart(make_row):
    texts = ["a phone!", "a phone?", "!", "a phone"]
    rows = [make_row("a.onnx") for _ in texts]
    names = list(tomllib.loads(draft(rows, texts, Path(), 0.1, {}))["platform"])
    assert names == ["a-phone", "a-phone-x2", "platform", "a-phone-x3"]


@pytest.mark.parametrize(
    "name",
    ["a b.onnx", "!a.onnx", "[a].onnx", "a*?.onnx", '"quoted".onnx', "back\\slash.onnx", "-x.onnx", "del\x7f.onnx", "模型.onnx",
     "line\nbreak.onnx", "caf\udce9.onnx", "'''.onnx", "#.onnx", "=cmd.onnx", "\x1b[2J.onnx"],
    ids=ascii,
)  # fmt: skip
def test_the_glob_of_a_hostile_name_finds_it_again(make_row, tmp_path, name):
    for other in (name, "other.onnx", "a.onnx"):
        Path(os.path.join(tmp_path, other)).touch()
    (tmp_path / "ledg.toml").write_text(draft([make_row(name)], [T4], Path(), 0.1, {}))
    (budget,) = load(tmp_path / "ledg.toml").budgets
    assert files(budget.models, tmp_path) == ([name], [])
