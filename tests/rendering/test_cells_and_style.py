from __future__ import annotations

import io

import pytest

from ledg_rt.rendering.cells import notes, number
from ledg_rt.rendering.style import PLAIN, style_of
from ledg_rt.rendering.text import DETAIL_LIMIT, fit, visible, width_of


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000012345, "0.00001234"), (0.99996, "1.000"), (1.5, "1.500"), (12.345678, "12.35"), (999.96, "1000"),
        (123456.7, "123500"), (1e9, "1000000000"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_have_four_digits_and_no_exponent(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", "a\\x0ab\\x0d\\x09c"), ("\x1b[2J", "\\x1b[2J"), ("\x9b2J", "\\x9b2J"), ("caf\udce9", "caf\\xe9"),
        ("\u202eabc", "\\u202eabc"), ("\u2029", "\\u2029"), ("\ud800", "\\ud800"), ("\U000e0001", "\\U000e0001"),
        ("::set-env::", "\\x3a:set-env::"), ("  ::x", "  \\x3a:x"), ("a::b", "a::b"), ("##[error]", "\\x23#[error]"),
        ("résumé 模型", "résumé 模型"),
    ],
)  # fmt: skip
def test_what_acts_on_a_terminal_is_spelled_out(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("width", range(12))
@pytest.mark.parametrize("text", ["abcdefghijklmnop", "模型模型模型模型", "e\u0301" * 12, "🚀🚀🚀🚀🚀🚀"])
def test_fitted_text_never_exceeds_its_width(text, width):
    assert width_of(fit(text, width)) <= width


def test_fitted_text_keeps_both_ends():
    assert (
        fit("models/very/long/path/resnet.onnx", 20)
        == "model...resnet.onnx"[:5] + "..." + "h/resnet.onnx"[-12:]
    )


def test_a_message_of_a_megabyte_is_shortened(failed):
    ((_, text),) = notes([failed("e.onnx", "x" * 1_000_000)])
    assert len(text) <= DETAIL_LIMIT


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "colour"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_has_a_width_and_colours_unless_told(monkeypatch, environ, colour):
    monkeypatch.setenv("COLUMNS", "40")
    style = style_of(Terminal(), environ)
    assert (style.width, style.colour) == (40, colour)


def test_a_pipe_has_neither_width_nor_colour(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert style_of(io.StringIO(), {}) == PLAIN
