from __future__ import annotations

import pytest

from ledg_rt.budgets import Basis, Level, OnUnknown, find, load
from ledg_rt.budgets.tables import EXAMPLE
from ledg_rt.errors import LedgError

PHONE = '[platform.phone]\ntext = "a phone"\n'
BUDGET = '[[budget]]\nname = "b"\nmodels = ["*.onnx"]\nplatform = "phone"\nlimit = "35 ms"\n'


@pytest.fixture
def written(tmp_path):
    """A configuration of this text."""

    def write(text: str | bytes, name: str = "ledg.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def fault(path) -> LedgError:
    with pytest.raises(LedgError) as caught:
        load(path)
    assert caught.value.code == "config"
    assert caught.value.message.startswith(str(path))
    return caught.value


def test_every_key(written):
    text = """
    [platform.t4]
    id = "nvidia-t4/tensorrt/fp16"
    [platform.board]
    file = "board.toml"
    [[budget]]
    name = "all of it"
    models = ["models/**/*.onnx", "!models/old/**"]
    platform = ["t4", "board"]
    limit = "0.8 s"
    max_increase = "5%"
    basis = "upper"
    level = "warn"
    on_unknown_ops = "ignore"
    shapes = { input = "1x3x224X224", mask = "7" }
    """
    found = load(written(text))
    assert found.platforms == {"t4": ("id", "nvidia-t4/tensorrt/fp16"), "board": ("file", "board.toml")}
    (budget,) = found.budgets
    assert budget.models == ("models/**/*.onnx", "!models/old/**")
    assert budget.platforms == ("t4", "board")
    assert (budget.limit_ms, budget.max_increase) == (800, 0.05)
    assert (budget.basis, budget.level, budget.on_unknown_ops) == (Basis.UPPER, Level.WARN, OnUnknown.IGNORE)
    assert budget.shapes == {"input": (1, 3, 224, 224), "mask": (7,)}


def test_what_is_left_out_is_the_median_an_error_and_a_warning(written):
    (budget,) = load(written(PHONE + BUDGET)).budgets
    assert (budget.basis, budget.level, budget.on_unknown_ops) == (Basis.P50, Level.ERROR, OnUnknown.WARN)
    assert (budget.max_increase, budget.shapes) == (None, {})


def test_a_platform_that_is_named_twice_is_judged_once(written):
    (budget,) = load(written(PHONE + BUDGET.replace('"phone"', '["phone", "phone"]'))).budgets
    assert budget.platforms == ("phone",)


def test_the_example_of_the_hints_is_right(written):
    assert load(written(EXAMPLE)).budgets[0].limit_ms == 35


def test_a_byte_order_mark_and_carriage_returns_are_read(written):
    text = b"\xef\xbb\xbf" + (PHONE + BUDGET).replace("\n", "\r\n").encode()
    assert load(written(text)).budgets[0].name == "b"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "has no [[budget]]", "a right one: "),
        (PHONE, "has no [[budget]]", "[[budget]]"),
        ("x = [", "not valid TOML", "a right one: "),
        (b"\xff\xfe", "not valid TOML", "a right one: "),
        ("x = " + "[" * 100_000, "not valid TOML", "a right one: "),
        ("budgets = 1", "unknown key 'budgets'", "perhaps budget"),
        (PHONE + BUDGET + "limt = '1 ms'", "[[budget]] 1: unknown key 'limt'", "perhaps limit"),
        (PHONE + BUDGET + '"" = 1', "unknown key ''", "known keys: name"),
        (PHONE + BUDGET + "colour = 1", "unknown key 'colour'", "known keys: name, models, platform, limit"),
        ("typo = 1\n" + PHONE + BUDGET, "unknown key 'typo'", "known keys: platform, budget"),
        (PHONE + BUDGET.replace('"35 ms"', "35"), "limit = 35 is no latency with a unit", 'limit = "35 ms"'),
        (PHONE + BUDGET.replace("35 ms", "35"), "limit = '35' is no latency with a unit", 'limit = "35 ms"'),
        (PHONE + BUDGET + 'max_increase = "5"', "max_increase = '5' is no percentage; write \"5%\"", ""),
        (PHONE + BUDGET.replace('limit = "35 ms"', ""), "needs limit, max_increase or both", ""),
        (PHONE + BUDGET.replace('name = "b"', ""), "name is missing", ""),
        (PHONE + BUDGET.replace('name = "b"', "name = 1"), "name is not a text", ""),
        (PHONE + BUDGET.replace('["*.onnx"]', "[]"), "models is missing", ""),
        (PHONE + BUDGET.replace('["*.onnx"]', "[1]"), "models is neither a text nor a list of texts", ""),
        (PHONE + BUDGET.replace('"*.onnx"', '"!*.onnx"'), "models takes away and names nothing", ""),
        (PHONE + BUDGET + 'basis = "p90"', "basis = 'p90' is none of p50, upper", ""),
        (PHONE + BUDGET + 'level = "fatal"', "level = 'fatal' is none of error, warn, off", ""),
        (PHONE + BUDGET + "level = false", "level is not a text", ""),
        (PHONE + BUDGET + 'shapes = "1x3"', "shapes is not a table", ""),
        (PHONE + BUDGET + 'shapes = { x = "1x-3" }', "shapes.x = '1x-3' is not a shape", "1x3x224x224"),
        (PHONE + BUDGET + "shapes = { x = [1] }", "shapes.x = [1] is not a shape", "1x3x224x224"),
        (PHONE + BUDGET + f"shapes = {{ x = '{'9' * 5000}' }}", "is not a shape", "1x3x224x224"),
        (PHONE + BUDGET + BUDGET, "two budgets are named 'b'", "its own name"),
        (BUDGET, "no [platform.phone]", "define it as in"),
        (PHONE.replace("phone]", "tablet]") + BUDGET, "no [platform.phone]", "defined: tablet"),
        ("[platform.phone]\n" + BUDGET, "needs one of id, text and file", ""),
        (PHONE + "id = 'x'\n" + BUDGET, "needs one of id, text and file", ""),
        (PHONE + "txt = 'x'\n" + BUDGET, "[platform.phone]: unknown key 'txt'", "perhaps text"),
        ("platform = 1\n" + BUDGET, "platform is not a table", ""),
        ("budget = 1\n" + PHONE, "budget is not a list of tables", ""),
        ("budget = [1]\n" + PHONE, "[[budget]] 1: is not a table", ""),
    ],
)
def test_a_wrong_configuration_names_the_place_and_shows_a_right_one(written, text, message, hint):
    found = fault(written(text))
    assert message in found.message
    assert hint in found.hint


def test_a_section_of_a_project_file(written, tmp_path):
    section = (PHONE + BUDGET).replace("[platform", "[tool.ledg.platform").replace("[[b", "[[tool.ledg.b")
    path = written("[project]\nname = 'x'\n" + section, "pyproject.toml")
    assert find(tmp_path) == path
    assert load(path).budgets[0].name == "b"
    assert load(path).folder == tmp_path


@pytest.mark.parametrize("text", ["[project]\nname = 'x'", "tool = 1", "[tool.ruff]"])
def test_a_project_file_of_others_is_none(written, tmp_path, text):
    path = written(text, "pyproject.toml")
    with pytest.raises(LedgError, match=r"no ledg\.toml, and no \[tool\.ledg\]"):
        find(tmp_path)
    assert "no [tool.ledg] in it" in fault(path).message


def test_two_configurations_are_one_too_many(written, tmp_path):
    written(PHONE + BUDGET)
    written("[tool.ledg]", "pyproject.toml")
    with pytest.raises(LedgError, match="both have budgets"):
        find(tmp_path)


def test_a_file_that_is_not_there(tmp_path):
    assert "No such file" in fault(tmp_path / "gone.toml").message
    assert "directory" in fault(tmp_path).message
