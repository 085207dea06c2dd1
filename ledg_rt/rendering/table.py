"""Rows as a table for a terminal; where it is too narrow, as a few lines a row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from ledg_rt.rendering.cells import HEADINGS, cells, notes
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import fit, pad, visible, width_of, wrap
from ledg_rt.results import Row, Status

PLATFORM_LIMIT = 80
"""Columns of a platform: free text can be 2,000 characters."""

_LEAST = 16
_GAP = "  "
_LABELS = ("", "on", "ms", "roofline", "status")
_INDENT = 11
_COLOURS = {Status.ERROR: "31", Status.PARTIAL: "33"}


def render(rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
    """Write one line a row, or a block of lines where ``style.width`` is too small for that.

    Errors and unknown operators are explained below, once for each model.
    """
    found = list(rows)
    table = [tuple(visible(cell) for cell in cells(row)) for row in found]
    table = [(model, fit(platform, PLATFORM_LIMIT), *rest) for model, platform, *rest in table]
    widths = [max(map(width_of, column)) for column in zip(HEADINGS, *table, strict=True)]
    fitting = _fitting(widths, style.width)
    if fitting is None:
        lines = _blocks(found, table, style)
    else:
        lines = [_line(HEADINGS, fitting), *_lines(found, table, fitting, style)]
    below = notes(found)
    lines += [""] * bool(below)
    for path, text in below:
        lines += _wrapped(f"{visible(path)}: {visible(text)}", style.width)
    stream.writelines(line + "\n" for line in lines)


def _fitting(widths: list[int], width: int | None) -> list[int] | None:
    """Widths of the columns, with model and platform shrunk as needed; ``None`` where that is not enough."""
    if width is None:
        return widths
    room = width - sum(widths[2:]) - len(_GAP) * (len(widths) - 1)
    model, platform = widths[:2]
    if model + platform <= room:
        return widths
    half = max(_LEAST, room // 2)
    platform = min(platform, max(half, room - model))
    model = min(model, room - platform)
    return [model, platform, *widths[2:]] if model >= min(_LEAST, widths[0]) else None


def _lines(rows: list[Row], table: list[tuple[str, ...]], widths: list[int], style: Style) -> list[str]:
    return [
        _line((*line[:-1], _coloured(line[-1], row.status, style)), widths)
        for row, line in zip(rows, table, strict=True)
    ]


def _line(line: tuple[str, ...], widths: list[int]) -> str:
    # The last column is not padded: it may hold a colour, and spaces at the end help nobody.
    aligned = [pad(fit(cell, width), width) for cell, width in zip(line[:-1], widths, strict=False)]
    return _GAP.join((*aligned, line[-1]))


def _blocks(rows: list[Row], table: list[tuple[str, ...]], style: Style) -> list[str]:
    lines: list[str] = []
    width = style.width or 0
    for row, (model, *rest) in zip(rows, table, strict=True):
        lines.append(fit(model, width))
        for label, cell in zip(_LABELS[1:-1], rest[:-1], strict=True):
            lines.append(f"  {label:<{_INDENT - 2}}{fit(cell, width - _INDENT)}")
        for at, part in enumerate(wrap(rest[-1], width - _INDENT)):
            lines.append(f"  {'' if at else _LABELS[-1]:<{_INDENT - 2}}{_coloured(part, row.status, style)}")
    return lines


def _coloured(text: str, status: Status, style: Style) -> str:
    colour = _COLOURS.get(status) if style.colour else None
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def _wrapped(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrap(text, width, indent="  ")
