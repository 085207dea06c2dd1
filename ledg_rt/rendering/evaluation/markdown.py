"""An evaluation as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from ledg_rt.evaluation import Evaluation
from ledg_rt.rendering.evaluation.words import FIGURES, WORST, faults, figures, worst
from ledg_rt.rendering.markdown import quoted
from ledg_rt.rendering.style import PLAIN, Style


def render(evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
    """Write the figures, the worst comparisons, and what could not be compared as a list."""
    if evaluation.scored:
        summaries = (_quoted(figures(summary), foreign=(0,)) for summary in evaluation.summaries)
        stream.write(_table(FIGURES, summaries))
        stream.write(
            "\n" + _table(WORST, (_quoted(worst(found), foreign=(1, 2)) for found in evaluation.worst))
        )
    if evaluation.failed:
        stream.write("\n" if evaluation.scored else "")
        stream.writelines(f"- {quoted(where)}: {quoted(text)}\n" for where, text in faults(evaluation))


def _quoted(cells: Sequence[str], foreign: Sequence[int]) -> list[str]:
    return [quoted(cell) if at in foreign else cell for at, cell in enumerate(cells)]


def _table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [headings, ["---"] * len(headings), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
