from __future__ import annotations

import os

import pytest

from ledg_rt.budgets import load

T4 = "nvidia-t4/tensorrt/fp16"


def test_a_first_configuration_is_kept_by_its_own_models(ledg, models, tmp_path):
    assert ledg("init", "--platform", T4) == (0, "", "wrote ledg.toml, budgets: 2; see `ledg check`\n")
    budgets = load(tmp_path / "ledg.toml").budgets
    assert [(budget.models, budget.limit_ms) for budget in budgets] == [
        (("a.onnx",), 1.36),
        (("b.onnx",), 1.36),
    ]
    assert ledg("check")[0] == 0


def test_models_margin_shapes_and_place_can_be_chosen(ledg, models, tmp_path, calls):
    (tmp_path / "ml").mkdir()
    code, _, _ = ledg(
        "init",
        "b.onnx",
        "./b.onnx",
        "--platform",
        T4,
        "--margin",
        "50%",
        "--shape",
        "x=1x3",
        "-o",
        "ml/ledg.toml",
    )
    (budget,) = load(tmp_path / "ml" / "ledg.toml").budgets
    assert (code, budget.models, budget.limit_ms, budget.shapes) == (0, ("../b.onnx",), 1.86, {"x": (1, 3)})
    assert calls[-1] == (["b.onnx"], [T4], {"shapes": {"x": (1, 3)}})


def test_a_file_that_is_there_is_replaced_only_on_request(ledg, models, tmp_path):
    (tmp_path / "ledg.toml").write_text("mine")
    code, _, err = ledg("init", "--platform", T4)
    assert (code, (tmp_path / "ledg.toml").read_text()) == (2, "mine")
    assert err == "ledg: error: ledg.toml: is there already; edit it, or replace it with --force\n"
    assert ledg("init", "--platform", T4, "--force")[0] == 0


def test_a_model_that_cannot_be_read_is_2_and_a_comment(ledg, models, tmp_path):
    code, _, err = ledg("init", "a.onnx", "gone.onnx", "--platform", T4)
    assert (code, err) == (2, "wrote ledg.toml, budgets: 1; see `ledg check`\n")
    assert "# gone.onnx on " in (tmp_path / "ledg.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["gone.onnx", "--platform", T4],
            "no model could be read; gone.onnx: there is no such file; check the path",
        ),
        (["--platform", T4, "--margin", "10"], '--margin 10 is no percentage; write "5%"'),
        (["--platform", T4, "--shape", "x"], "--shape x: not a shape"),
        (["*.pt", "--platform", T4], "*.pt: nothing matched"),
        ([], "Missing option '--platform'"),
    ],
)
def test_nothing_is_written_where_there_is_nothing_to_write(ledg, models, tmp_path, arguments, message):
    code, out, err = ledg("init", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"ledg: error: {message}")
    assert not os.path.exists("ledg.toml")


def test_a_place_that_cannot_be_written_is_found_before_the_work(ledg, models, calls):
    calls.clear()
    code, _, err = ledg("init", "--platform", T4, "-o", "no/folder/ledg.toml")
    assert (code, calls) == (2, [])
    assert err.startswith("ledg: error: no/folder/ledg.toml: cannot be written: ")
