"""Reports of ``ledg check`` as text: one module an output format, all with ``render(report, stream, style)``.

``table`` and ``markdown`` are for people, ``json``, ``jsonl`` and ``csv`` for programs, ``junit``, ``sarif``,
``github`` and ``gitlab`` for the services that run checks.
"""

from __future__ import annotations

from typing import Protocol, TextIO

from ledg_rt.budgets.report import Report
from ledg_rt.rendering.formats import load
from ledg_rt.rendering.style import PLAIN, Style

FORMATS = ("table", "json", "jsonl", "csv", "markdown", "junit", "sarif", "github", "gitlab")


class Renderer(Protocol):
    """Writes a report; nothing that a name in it says can break the format."""

    def __call__(self, report: Report, stream: TextIO, style: Style = PLAIN) -> None:
        """Write all of ``report``."""


def renderer(name: str) -> Renderer:
    """The renderer of one of ``FORMATS``; only its module is loaded.

    Raises:
        ValueError: ``name`` is no format.
    """
    render: Renderer = load(__name__, FORMATS, name)
    return render


__all__ = ["FORMATS", "Renderer", "renderer"]
