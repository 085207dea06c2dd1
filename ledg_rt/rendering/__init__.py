"""Rows as text: one module an output format, all with ``render(rows, stream, style)``.

``jsonl`` and ``csv`` write each row when it comes; the others need all rows before the first character.
The packages ``check`` and ``diff`` have the formats of reports and comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TextIO

from ledg_rt.rendering.formats import load
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.results import Row

FORMATS = ("table", "json", "jsonl", "csv", "markdown")
STREAMING = frozenset(("jsonl", "csv"))


class Renderer(Protocol):
    """Writes ``rows`` to ``stream``; nothing that a row says can break the format."""

    def __call__(self, rows: Iterable[Row], stream: TextIO, style: Style = PLAIN) -> None:
        """Write all of ``rows``."""


def renderer(name: str) -> Renderer:
    """The renderer of one of ``FORMATS``; only its module is loaded.

    Raises:
        ValueError: ``name`` is no format.
    """
    render: Renderer = load(__name__, FORMATS, name)
    return render


__all__ = ["FORMATS", "PLAIN", "STREAMING", "Renderer", "Style", "renderer"]
