"""Product lines: what the name of a product that is not in the catalogue says of it (vendor, kind, architecture).

The lines are TOML files in ``lines/``; ``graphics.toml`` says how a pattern is written.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.device import KINDS, PRECISION_BITS


@dataclass(frozen=True, slots=True)
class Line:
    """A product line. ``core``: id of the microarchitecture, of the fast cores where there are two kinds;
    ``efficient``: of the others. ``peak_ratios``: peak of a precision as a multiple of the fp32 peak. ``clock_ghz``: of
    a text without a clock, where all products of the line run at the same.
    """

    pattern: re.Pattern[str]
    vendor: str
    kind: str
    architecture: str | None = None
    year: int | None = None
    core: str | None = None
    efficient: str | None = None
    peak_ratios: Mapping[str, float] = field(default_factory=dict)
    clock_ghz: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Product:
    """A line, and the part of the text that names a product of it."""

    line: Line
    start: int
    end: int


def products(text: str) -> list[Product]:
    """The products that ``text`` (lower case) names, in its order; of names that overlap, one of a known
    architecture, then the first.
    """
    found = [
        (not line.architecture, match.start(), order, Product(line, match.start(), match.end()))
        for order, line in enumerate(_lines())
        for match in line.pattern.finditer(text)
    ]
    kept: list[Product] = []
    for *_, product in sorted(found, key=lambda each: each[:3]):
        if all(product.start >= other.end or product.end <= other.start for other in kept):
            kept.append(product)
    return sorted(kept, key=lambda product: product.start)


def main_product(found: list[Product], kind: str | None) -> Product | None:
    """The product of ``kind`` that says most: a machine whose clock is known, else the first with an architecture, else the
    first.
    """
    of_kind = [product for product in found if product.line.kind == kind]
    clocked = [product for product in of_kind if product.line.clock_ghz]
    known = [product for product in of_kind if product.line.architecture]
    return next(iter([*clocked, *known, *of_kind]), None)


@cache
def _lines() -> tuple[Line, ...]:
    """Every line of every file.

    Raises:
        ValueError: a kind, precision or core that there is not (a fault of the files).
    """
    entries = sorted((files("ledg_rt.platforms") / "lines").iterdir(), key=lambda item: item.name)
    tables = [
        tomllib.loads(entry.read_text(encoding="utf-8")) for entry in entries if entry.name.endswith(".toml")
    ]
    return tuple(_line(fields) for table in tables for fields in table["line"])


def _line(fields: dict[str, Any]) -> Line:
    pattern = fields["pattern"].replace(" ", r"[\s-]*")
    line = Line(**{**fields, "pattern": re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![0-9])", re.ASCII)})
    unknown = {core for core in (line.core, line.efficient) if core and core not in cores()}
    if line.kind not in KINDS or unknown or set(line.peak_ratios) - set(PRECISION_BITS):
        raise ValueError(f"product line {fields['pattern']!r}: unknown kind, core or precision")
    return line
