from __future__ import annotations

import pytest

from ledg_rt.budgets.quantities import parse_ms, parse_percent, round_up


@pytest.mark.parametrize(
    ("text", "ms"),
    [("35 ms", 35), ("35ms", 35), (" 0.8 s ", 800), ("250 us", 0.25), ("250 µs", 0.25), ("1.5 ms", 1.5)],
)
def test_latencies_with_a_unit(text, ms):
    assert parse_ms(text) == pytest.approx(ms)


@pytest.mark.parametrize(
    "text", ["35", "", "ms", "-1 ms", "0 ms", "1e3 ms", "35 MS", "35 min", "nan ms", "1 ms 2", "1,5 ms", "9" * 400 + " s"]
)  # fmt: skip
def test_everything_else_is_refused_with_a_right_example(text):
    with pytest.raises(ValueError, match='write "35 ms"'):
        parse_ms(text)


def test_percentages():
    assert parse_percent("5%") == 0.05
    assert parse_percent("12.5 %") == 0.125
    assert parse_percent("0%") == 0
    for text in ("5", "0.05", "-5%", "5 percent", "", "9" * 400 + "%"):
        with pytest.raises(ValueError, match='write "5%"'):
            parse_percent(text)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(2.0163, 2.02), (0.34921, 0.35), (2455.2, 2460), (100, 100), (0.1, 0.1), (99.91, 100), (1.1 * 20, 22)],
)
def test_limits_are_rounded_up_to_three_digits(value, rounded):
    assert round_up(value) == rounded
