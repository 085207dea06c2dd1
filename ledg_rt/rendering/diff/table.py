"""A comparison as a table for a terminal; on a narrow one, a few lines a difference."""

from __future__ import annotations

from typing import TextIO

from ledg_rt.comparison import Comparison
from ledg_rt.rendering.diff.words import HEADINGS, cells, shown, summary
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import fit, pad, visible, width_of, wrap

PLATFORM_LIMIT = 80


def render(comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
    """Write what is not as it was, then a count; what is unchanged is only counted."""
    lines = [tuple(visible(cell) for cell in cells(item)) for item in shown(comparison)]
    lines = [(kind, model, fit(platform, PLATFORM_LIMIT), *rest) for kind, model, platform, *rest in lines]
    widths = [max(map(width_of, column)) for column in zip(HEADINGS, *lines, strict=True)]
    if style.width is not None and sum(widths) + 2 * (len(widths) - 1) > style.width:
        for kind, model, platform, *figures in lines:
            stream.write(fit(f"{kind} {model} on {platform}", style.width) + "\n")
            text = ", ".join(map(" ".join, zip(HEADINGS[3:], figures, strict=True)))
            stream.writelines(f"  {line}\n" for line in wrap(text, style.width - 2))
    elif lines:
        for line in (HEADINGS, *lines):
            stream.write("  ".join(map(pad, line, widths)).rstrip() + "\n")
    stream.write(summary(comparison) + "\n")
