"""Rows as a GitHub-flavoured Markdown table, for comments and job summaries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from ledg_rt.rendering.cells import HEADINGS, cells, notes
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import visible
from ledg_rt.results import Row

_PUNCTUATION = re.compile(r"[!-,.:-@\[-`{-~]")


def render(rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
    """Write one table line a row; errors and unknown operators are explained in a list below."""
    found = list(rows)
    stream.write("| " + " | ".join(HEADINGS) + " |\n| --- | --- | ---: | ---: | --- |\n")
    for row in found:
        model, platform, *rest = cells(row)
        stream.write(f"| {' | '.join((quoted(model), quoted(platform), *rest))} |\n")
    if below := notes(found):
        stream.write("\n")
        stream.writelines(f"- {quoted(path)}: {_escaped(visible(text))}\n" for path, text in below)


def quoted(text: str) -> str:
    """Foreign text as code, in which nothing is a mention, a link or HTML; escaped where code cannot hold it.

    Code cannot hold a backtick, and in a table neither a pipe nor, before one, a backslash.
    """
    text = visible(text)
    if not text.strip() or re.search(r"[`|\\]", text):
        return _escaped(text)
    return f"`{text}`"


def _escaped(text: str) -> str:
    """All punctuation as HTML entities: those are never markup, whatever the dialect."""
    return _PUNCTUATION.sub(lambda match: f"&#{ord(match[0])};", text)
