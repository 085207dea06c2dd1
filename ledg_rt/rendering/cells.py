"""What the formats for people say about a row: the words of each cell, and the notes below."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ledg_rt.rendering.text import DETAIL_LIMIT, fit
from ledg_rt.results import ModelInfo, Row, Status

HEADINGS = ("model", "platform", "p50 [p10-p90] ms", "roofline ms", "status")
NOTHING = "-"


def cells(row: Row) -> tuple[str, ...]:
    """The cells below ``HEADINGS``; the first two hold foreign text, not yet made harmless."""
    latency = row.latency_ms
    span = f"{number(latency.p50)} [{number(latency.p10)}-{number(latency.p90)}]" if latency else NOTHING
    roofline = NOTHING if row.roofline_ms is None else number(row.roofline_ms)
    return row.model.path, row.platform.text, span, roofline, status(row)


def status(row: Row) -> str:
    """``ok``, or the status with what there is to know: ``partial: unknown_ops``."""
    words = [row.error.code] if row.error else list(row.flags)
    return f"{row.status}: {', '.join(words)}" if words else str(row.status)


def notes(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """(path, sentence) of each model with an error or unknown operators, without repetition."""
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        if row.error:
            text = f"{row.error.message}; {row.error.hint}" if row.error.hint else row.error.message
            found[row.model.path, text] = None
        elif row.status is Status.PARTIAL and row.model.unknown_ops:
            found[row.model.path, _unknown(row.model)] = None
    return [(path, fit(text, DETAIL_LIMIT)) for path, text in found]


def number(value: float) -> str:
    """Four significant digits without an exponent."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.4g}")
    return f"{rounded:.{max(0, 3 - math.floor(math.log10(abs(rounded))))}f}"


def _unknown(model: ModelInfo) -> str:
    names = ", ".join(
        f"{op.domain + '.' if op.domain else ''}{op.op} x{op.count}" for op in model.unknown_ops
    )
    share = (
        ""
        if model.coverage is None
        else f"; {math.floor(model.coverage * 1000) / 10:g}% of the cost is covered"
    )
    return f"unknown operators {names}{share}"
