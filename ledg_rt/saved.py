"""Rows that were written to a file, read again: what `predict` and `check` write as ``json`` or ``jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ledg_rt.errors import LedgError
from ledg_rt.results import BundleInfo, Explained, NodeShare, Row, from_dict

HINT = "rows are what `ledg predict` and `ledg check` write with --format json or jsonl"


def load_rows(path: Path) -> list[Explained]:
    """The rows of a file in its order; one that is there twice is taken once.

    A report of ``check`` holds a row in each verdict, with the nodes that cost most.

    Raises:
        LedgError: unreadable, neither JSON nor JSON lines, or something in it that is no row.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LedgError("rows", f"{path}: {error.strerror}", HINT) from None
    except UnicodeDecodeError:
        raise LedgError("rows", f"{path}: not UTF-8 text", HINT) from None
    try:
        found = list(dict.fromkeys(_explained(item) for item in _items(text)))
    except LedgError as error:
        raise LedgError("rows", f"{path}: {error.message}", error.hint or HINT) from None
    except RecursionError:
        raise LedgError("rows", f"{path}: nested too deep", HINT) from None
    if not found:
        raise LedgError("rows", f"{path}: no row in it", HINT)
    return found


def bundle_of(rows: list[Explained], where: str) -> BundleInfo:
    """The one bundle that answered all of ``rows``.

    Raises:
        LedgError: there is more than one.
    """
    bundles = {item.row.bundle for item in rows}
    if len(bundles) > 1:
        names = " and ".join(sorted(f"{bundle.name} {bundle.sha256[:12]}" for bundle in bundles))
        raise LedgError("rows", f"{where}: rows of several bundles, {names}", "predict all with one bundle")
    return next(iter(bundles))


def refuse_other_bundle(base: BundleInfo, head: BundleInfo) -> None:
    """Differences between two bundles say nothing about the models.

    Raises:
        LedgError: the bundles are not the same.
    """
    if base.sha256 != head.sha256:
        raise LedgError(
            "rows",
            f"the base was predicted with bundle {base.name} {base.sha256[:12]}, "
            f"the head with {head.name} {head.sha256[:12]}",
            "predict both with one bundle, or say --across-bundles",
        )


def _items(text: str) -> Iterator[Any]:
    """The parts of a document that are rows or hold one."""
    try:
        document = json.loads(text)
    except ValueError:
        yield from _lines(text)
        return
    if isinstance(document, Mapping) and isinstance(document.get("verdicts"), list):
        yield from document["verdicts"]
    elif isinstance(document, list):
        yield from document
    else:
        yield document


def _lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError:
                raise LedgError("rows", f"line {number} is not JSON") from None


def _explained(item: Any) -> Explained:
    if not isinstance(item, Mapping) or "row" not in item:
        return Explained(from_dict(item))
    row: Row = from_dict(item["row"])
    try:
        nodes = tuple(
            NodeShare(str(node["name"]), str(node["sentence"]), float(node["share"]))
            for node in item.get("nodes", ())
        )
        if not all(0 <= node.share <= 1 for node in nodes):
            raise ValueError
    except (TypeError, KeyError, ValueError, OverflowError):
        raise LedgError("rows", "the nodes of a verdict are damaged") from None
    return Explained(row, nodes)
