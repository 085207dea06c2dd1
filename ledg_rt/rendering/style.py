"""What the place of output allows: its width, and whether colours mean anything there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from shutil import get_terminal_size
from typing import TextIO

NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Style:
    """``width``: columns to fit into, ``None`` for as many as it takes (files, pipes)."""

    width: int | None = None
    colour: bool = False


PLAIN = Style()


def style_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Style:
    """The style of a stream: a terminal has a width, and colours unless NO_COLOR or TERM=dumb is set."""
    if not stream.isatty():
        return PLAIN
    colour = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    return Style(width=max(get_terminal_size().columns, NARROWEST), colour=colour)
