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
        stream.writelines(f"- {quoted(path)}: {quoted(text)}\n" for path, text in below)


def quoted(text: str) -> str:
    """Foreign text as code, in which nothing is a mention, a link or HTML.

    Backticks cannot hold a backtick, nor a table a pipe. Such text is in a ``code`` element, its
    punctuation as entities: those are never markup.
    """
    text = visible(text)
    if text.strip() and not re.search(r"[`|]", text):
        return f"`{text}`"
    return f"<code>{_PUNCTUATION.sub(lambda match: f'&#{ord(match[0])};', text)}</code>"
