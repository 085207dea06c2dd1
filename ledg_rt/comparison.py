"""Two files of rows against each other: what was added, removed or changed, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from os.path import normpath
from typing import Any, cast

from ledg_rt.results import BundleInfo, Explained, Row, four_digits, to_dict, tool_version
from ledg_rt.saved import bundle_of, refuse_other_bundle

SCHEMA_VERSION = 1


class Kind(StrEnum):
    """What became of a model on a platform, in the order of a comparison."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Difference:
    """A model on a platform in two files of rows; at least one of ``base`` and ``head`` is there.

    ``change_ms`` and ``change_percent`` are of the medians, from base to head; ``None`` without both.
    """

    kind: Kind
    base: Row | None
    head: Row | None

    @property
    def row(self) -> Row:
        """The newer of both rows."""
        return cast(Row, self.head or self.base)

    @property
    def base_ms(self) -> float | None:
        """Median of the base, four digits."""
        return _median(self.base)

    @property
    def head_ms(self) -> float | None:
        """Median of the head, four digits."""
        return _median(self.head)

    @property
    def change_ms(self) -> float | None:
        """Head less base."""
        base, head = self.base_ms, self.head_ms
        return None if base is None or head is None else four_digits(head - base)

    @property
    def change_percent(self) -> float | None:
        """The same as a percentage of base."""
        base, head = self.base_ms, self.head_ms
        return None if base is None or head is None else four_digits((head / base - 1) * 100)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, by kind and then in the order of the rows."""

    base_bundle: BundleInfo
    head_bundle: BundleInfo
    differences: tuple[Difference, ...]

    @property
    def counts(self) -> dict[Kind, int]:
        """Differences of each kind."""
        kinds = [difference.kind for difference in self.differences]
        return {kind: kinds.count(kind) for kind in Kind}


def compare(
    base: Sequence[Explained], head: Sequence[Explained], *, across_bundles: bool = False
) -> Comparison:
    """Compare rows. Two belong together if path and platform are the same; of several such, the first
    belongs to the first. A platform whose figures differ is another one, however it is written.

    Raises:
        LedgError: the rows are of different bundles and ``across_bundles`` is not set.
    """
    bundles = bundle_of(list(base), "the base"), bundle_of(list(head), "the head")
    if not across_bundles:
        refuse_other_bundle(*bundles)
    waiting: dict[tuple[str, str], list[Row]] = {}
    for item in base:
        waiting.setdefault(_identity(item.row), []).append(item.row)
    found = []
    for item in head:
        partners = waiting.get(_identity(item.row))
        found.append(_difference(partners.pop(0) if partners else None, item.row))
    found += [_difference(row, None) for rows in waiting.values() for row in rows]
    order = list(Kind)
    return Comparison(*bundles, tuple(sorted(found, key=lambda difference: order.index(difference.kind))))


def comparison_to_dict(comparison: Comparison) -> dict[str, Any]:
    """The JSON form of a comparison (``ledg_rt/schema/diff.schema.json``)."""
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": tool_version(),
        **{
            key: {"name": bundle.name, "sha256": bundle.sha256}
            for key, bundle in (
                ("base_bundle", comparison.base_bundle),
                ("head_bundle", comparison.head_bundle),
            )
        },
        "counts": {str(kind): count for kind, count in comparison.counts.items()},
        "differences": [difference_to_dict(difference) for difference in comparison.differences],
    }


def difference_to_dict(difference: Difference) -> dict[str, Any]:
    """The JSON form of a difference, with both rows."""
    base, head = difference.base, difference.head
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": str(difference.kind),
        "base_ms": difference.base_ms,
        "head_ms": difference.head_ms,
        "change_ms": difference.change_ms,
        "change_percent": difference.change_percent,
        "base": None if base is None else to_dict(base),
        "head": None if head is None else to_dict(head),
    }


def _difference(base: Row | None, head: Row | None) -> Difference:
    if base is None or head is None:
        return Difference(Kind.ADDED if base is None else Kind.REMOVED, base, head)
    same = _answer(base) == _answer(head)
    return Difference(Kind.UNCHANGED if same else Kind.CHANGED, base, head)


def _answer(row: Row) -> tuple[Any, ...]:
    """What makes a row another answer."""
    table = to_dict(row)
    return table["latency_ms"], table["status"], table["error"]


def _identity(row: Row) -> tuple[str, str]:
    return normpath(row.model.path), row.platform.sha256


def _median(row: Row | None) -> float | None:
    return None if row is None or row.latency_ms is None else four_digits(row.latency_ms.p50)
