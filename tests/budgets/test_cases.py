from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledg_rt.budgets.cases import platforms_of, predicted, saved
from ledg_rt.errors import LedgError
from ledg_rt.results import Explained

T4, PI = "nvidia-t4/tensorrt/fp16", "raspberry-pi-4/tflite/fp32"


def names(cases):
    return [(case.budget.name, case.platform, case.model) for case in cases]


def test_cases_are_sorted_by_path_within_a_budget(predictor, models, make_budget, make_configuration):
    models(b=2, a=1, sub__c=3)
    one = make_budget(models=("**/*.onnx", "!b.onnx"))
    two = make_budget(name="two", platforms=("pi", "t4"))
    cases = predicted(predictor, make_configuration(one, two), Path())
    assert names(cases) == [
        ("b", "t4", "a.onnx"), ("b", "t4", "sub/c.onnx"), ("two", "pi", "a.onnx"), ("two", "pi", "b.onnx"),
        ("two", "t4", "a.onnx"), ("two", "t4", "b.onnx"),
    ]  # fmt: skip
    assert all(case.answer.row.platform.id == {"t4": T4, "pi": PI}[case.platform] for case in cases)
    assert all(case.answer.row.model.path == case.model for case in cases)


def test_a_model_is_read_once_for_all_of_its_budgets(predictor, models, make_budget, make_configuration):
    models(a=1, b=2)
    budgets = [make_budget(name=str(at), platforms=("t4", "pi")) for at in range(3)]
    shaped = make_budget(name="shaped", models=("a.onnx",), shapes={"x": (1, 3)})
    cases = predicted(predictor, make_configuration(*budgets, shaped), Path())
    assert len(cases) == 13
    assert predictor.runs == [
        (["a.onnx", "b.onnx"], [T4, PI], {"shapes": {}, "top": None}),
        (["a.onnx"], [T4], {"shapes": {"x": (1, 3)}, "top": None}),
    ]


def test_another_folder_stands_for_the_own_one(predictor, models, make_budget, make_configuration, tmp_path):
    models(a=1, base__a=5)
    (case,) = predicted(predictor, make_configuration(make_budget()), Path("base"))
    assert (case.model, case.answer.row.model.path) == ("a.onnx", "base/a.onnx")
    assert case.answer.row.latency_ms.p50 == 5


@pytest.mark.parametrize("patterns", [("gone/*.onnx",), ("*.onnx", "gone.onnx"), ("*.onnx", "!*.onnx")])
def test_a_glob_that_names_nothing_is_an_error(predictor, models, make_budget, make_configuration, patterns):
    models(a=1)
    configuration = make_configuration(make_budget(models=patterns))
    with pytest.raises(LedgError, match=r"budget 'b': models = .* matches no file below") as caught:
        predicted(predictor, configuration, Path())
    assert caught.value.code == "config"
    assert 'models = ["models/**/*.onnx"' in caught.value.hint
    assert predictor.runs == []
    predicted(predictor, configuration, Path(), strict=False)


def test_saved_rows_belong_to_the_budgets_of_their_path_and_platform(
    make_row, make_budget, make_configuration, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    rows = [
        make_row("b.onnx"), make_row("./a.onnx"), make_row("a.onnx", platform=PI), make_row(str(tmp_path / "c.onnx")),
        make_row("sub/d.onnx"),
    ]  # fmt: skip
    cases = saved([Explained(row) for row in rows], make_configuration(make_budget()), Path())
    assert names(cases) == [("b", "t4", "a.onnx"), ("b", "t4", "b.onnx"), ("b", "t4", "c.onnx")]


def test_saved_rows_of_two_batches_are_two_cases(make_row, make_budget, make_configuration):
    rows = [make_row("a.onnx"), make_row("a.onnx", batch=8)]
    cases = saved([Explained(row) for row in rows], make_configuration(make_budget()), Path())
    assert [case.answer.row.batch for case in cases] == [1, 8]


def test_a_budget_without_a_saved_row_is_an_error(make_row, make_budget, make_configuration):
    rows = [Explained(make_row("a.onnx"))]
    configuration = make_configuration(make_budget(platforms=("t4", "pi")))
    with pytest.raises(LedgError, match=r"matches no saved row for \[platform.pi\]"):
        saved(rows, configuration, Path())
    assert names(saved(rows, configuration, Path(), strict=False)) == [("b", "t4", "a.onnx")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("id", "nvidia-t4"), "id = 'nvidia-t4' is no platform id"),
        (("id", "no/such/fp16"), "id = 'no/such/fp16' is no platform id"),
        (("file", "board.json"), "file = 'board.json' is no .toml file"),
        (("file", "board.toml"), "file = 'board.toml': board.toml: cannot be read"),
        (("file", "a\0.toml"), "file = 'a\\x00.toml': a\0.toml: not valid TOML"),
        (("text", "cpu at 0 GHz"), "text = 'cpu at 0 GHz': "),
    ],
)
def test_a_platform_that_cannot_be_understood_is_named(
    make_configuration, given, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    configuration = replace(make_configuration(), platforms={"mine": given})
    with pytest.raises(LedgError) as caught:
        platforms_of(configuration)
    assert caught.value.code == "config"
    assert caught.value.message.startswith(f"ledg.toml: [platform.mine]: {message}")


def test_a_platform_file_is_relative_to_the_configuration(make_configuration, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "board.toml").write_text('name = "Our board"\nprecision = "int8"\n')
    configuration = replace(
        make_configuration(), path=Path("sub/ledg.toml"), platforms={"mine": ("file", "board.toml")}
    )
    assert platforms_of(configuration)["mine"].name == "Our board"
