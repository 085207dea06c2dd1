"""The cells of a comparison for people. Foreign text in them is not yet made harmless."""

from __future__ import annotations

from ledg_rt.comparison import Comparison, Difference, Kind
from ledg_rt.rendering.cells import NOTHING, number
from ledg_rt.results import Row

HEADINGS = ("", "model", "platform", "base ms", "head ms", "change ms", "change")


def shown(comparison: Comparison) -> list[Difference]:
    """What is worth a line: all that is not as it was."""
    return [item for item in comparison.differences if item.kind is not Kind.UNCHANGED]


def cells(item: Difference) -> tuple[str, ...]:
    """The cells below ``HEADINGS``."""
    change, percent = item.change_ms, item.change_percent
    return (
        str(item.kind),
        item.row.model.path,
        item.row.platform.text,
        _figure(item.base),
        _figure(item.head),
        NOTHING if change is None else f"{'+' if change > 0 else ''}{change:g}",
        NOTHING if percent is None else f"{'+' if percent > 0 else ''}{float(f'{percent:.3g}'):g} %",
    )


def summary(comparison: Comparison) -> str:
    """How many of what: ``1 changed, 59 unchanged``."""
    return ", ".join(f"{count} {kind}" for kind, count in comparison.counts.items() if count)


def _figure(row: Row | None) -> str:
    if row is None:
        return NOTHING
    if row.latency_ms is None:
        return row.error.code if row.error else NOTHING
    return number(row.latency_ms.p50)
