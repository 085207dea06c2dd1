"""Limits as people write them: ``35 ms``, ``5%``. A number without its unit is refused."""

from __future__ import annotations

import math
import re

MS_PER_UNIT = {"us": 1e-3, "µs": 1e-3, "μs": 1e-3, "ms": 1.0, "s": 1e3}

_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_LATENCY = re.compile(rf"{_NUMBER}\s*({'|'.join(MS_PER_UNIT)})")
_PERCENT = re.compile(rf"{_NUMBER}\s*%")


def parse_ms(text: str) -> float:
    """Milliseconds of ``"35 ms"``, ``"0.8 s"`` or ``"250 us"``.

    Raises:
        ValueError: no unit, another unit, or nothing positive; the message says what it should look like.
    """
    found = _LATENCY.fullmatch(text.strip())
    value = float(found[1]) * MS_PER_UNIT[found[2]] if found else 0.0
    if not 0 < value < math.inf:
        raise ValueError('is no latency with a unit; write "35 ms", "0.8 s" or "250 us"')
    return value


def parse_percent(text: str) -> float:
    """The share that ``"5%"`` is: 0.05.

    Raises:
        ValueError: not of that form.
    """
    found = _PERCENT.fullmatch(text.strip())
    if not found or not math.isfinite(float(found[1])):
        raise ValueError('is no percentage; write "5%"')
    return float(found[1]) / 100


def round_up(value: float, digits: int = 3) -> float:
    """``value`` > 0 at ``digits`` significant digits, never below it by more than float's own error."""
    step = 10.0 ** (math.floor(math.log10(value)) + 1 - digits)
    return float(f"{math.ceil(value / step - 1e-9) * step:.{digits}g}")
