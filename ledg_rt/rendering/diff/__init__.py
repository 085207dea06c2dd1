"""Comparisons of ``ledg diff`` as text: one module an output format, all with
``render(comparison, stream, style)``.
"""

from __future__ import annotations

from typing import Protocol, TextIO

from ledg_rt.comparison import Comparison
from ledg_rt.rendering.formats import load
from ledg_rt.rendering.style import PLAIN, Style

FORMATS = ("table", "json", "jsonl", "csv", "markdown")


class Renderer(Protocol):
    """Writes a comparison; nothing that a name in it says can break the format."""

    def __call__(self, comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
        """Write all of ``comparison``."""


def renderer(name: str) -> Renderer:
    """The renderer of one of ``FORMATS``; only its module is loaded.

    Raises:
        ValueError: ``name`` is no format.
    """
    render: Renderer = load(__name__, FORMATS, name)
    return render


__all__ = ["FORMATS", "Renderer", "renderer"]
