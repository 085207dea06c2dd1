"""Evaluations as text: one module an output format, all with ``render(evaluation, stream, style)``.

``json``, ``table`` and ``markdown`` have the figures; ``json``, ``jsonl`` and ``csv`` every comparison.
"""

from __future__ import annotations

from typing import Protocol, TextIO

from ledg_rt.evaluation import Evaluation
from ledg_rt.rendering.formats import load
from ledg_rt.rendering.style import PLAIN, Style

FORMATS = ("table", "json", "jsonl", "csv", "markdown")


class Renderer(Protocol):
    """Writes an evaluation; nothing that a name in it says can break the format."""

    def __call__(self, evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
        """Write all of ``evaluation``."""


def renderer(name: str) -> Renderer:
    """The renderer of one of ``FORMATS``; only its module is loaded.

    Raises:
        ValueError: ``name`` is no format.
    """
    render: Renderer = load(__name__, FORMATS, name)
    return render


__all__ = ["FORMATS", "Renderer", "renderer"]
