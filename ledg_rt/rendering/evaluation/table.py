"""An evaluation for a terminal: figures, the worst comparisons, and what could not be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from ledg_rt.evaluation import Evaluation
from ledg_rt.rendering.evaluation.words import FIGURES, WORST, faults, figures, worst
from ledg_rt.rendering.style import PLAIN, Style
from ledg_rt.rendering.text import fit, pad, visible, width_of

FOREIGN_LIMIT = 60
"""Columns of a model or platform: paths and free text can be much longer."""


def render(evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the tables one below the other; those that would be empty are left out."""
    parts = []
    if evaluation.scored:
        parts.append(_aligned([FIGURES, *map(figures, evaluation.summaries)]))
        parts.append(_aligned([WORST, *map(worst, evaluation.worst)]))
    if evaluation.failed:
        parts.append([f"{visible(where)}: {visible(text)}" for where, text in faults(evaluation)])
    stream.write("\n\n".join("\n".join(part) for part in parts) + "\n")


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    table = [[fit(visible(cell), FOREIGN_LIMIT) for cell in line] for line in lines]
    widths = [max(map(width_of, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(pad, line, widths)).rstrip() for line in table]
