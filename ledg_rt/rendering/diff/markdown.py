"""A comparison as a GitHub-flavoured Markdown table."""

from __future__ import annotations

from typing import TextIO

from ledg_rt.comparison import Comparison
from ledg_rt.rendering.diff.words import HEADINGS, cells, shown, summary
from ledg_rt.rendering.markdown import quoted
from ledg_rt.rendering.style import PLAIN, Style


def render(comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
    """Write a count, and a line for all that is not as it was."""
    stream.write(f"**Latency:** {summary(comparison)}\n")
    if lines := [cells(item) for item in shown(comparison)]:
        stream.write(f"\n| {' | '.join(HEADINGS)} |\n| --- | --- | --- | ---: | ---: | ---: | ---: |\n")
        for kind, model, platform, *figures in lines:
            stream.write(f"| {' | '.join((kind, quoted(model), quoted(platform), *figures))} |\n")
