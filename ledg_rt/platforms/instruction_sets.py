"""Instruction sets in a text: what ``AVX-512 with VNNI`` or ``SVE, 256 bits`` says of cores that nobody names.

Each is a generic core. Its id is that of the widest set, with the width if the text gives one, and of the extensions:
``avx512+vnni``, ``sve@512``. The rates are those of ``instruction_sets.toml``, which says how they combine.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.device import Core

STAND_IN = "\x02"
"""What stands in a text for the instruction sets that were taken from it."""

_BETWEEN = re.compile(r"[\s,;/+&()]*(?:(?:and|with|plus)\b[\s(]*)?")
_FLAGS = re.compile(r"[\s,/+_]*")
_NOT = re.compile(r"(?<![a-z0-9])(?:without|no|not|lacks|lacking)[\s(]+$")
_AFTER = re.compile(
    r"[\s-]*(?:support|instructions?(?: sets?)?|extensions?|simd|units?|vectors?)(?![a-z0-9])"
)
_FLAG = re.compile(r"(?<![\w.])(?:fp16|bf16|int8)(?!\w)")
_WIDTH_AFTER = re.compile(
    r"[\s(@:=-]*(?:vlen\s*[=:]?\s*)?(\d{3,4})(?:[\s-]*bits?(?: wide)?(?![a-z])|b(?![a-z]))"
)
_WIDTH_BEFORE = re.compile(r"(?<![\w.])(\d{3,4})[\s-]*bits?(?: wide)?[\s-]*$")
_WIDTH_ALONE = re.compile(r"(?<![a-z0-9])(?:vlen[\s=:]*|zvl)(\d{3,4})(?:b|[\s-]*bits?)?(?![a-z0-9])")
_WIDTHS = (128, 256, 512, 1024, 2048)


@dataclass(frozen=True, slots=True)
class Entry:
    """A set or an extension of one, as the file describes it. ``bits`` are of sets whose width varies; ``flag``: a precision
    that stands for it among other flags.
    """

    id: str
    name: str
    family: str
    pattern: re.Pattern[str] | None = None
    ops_per_cycle: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    is_set: bool = False
    bits: int | None = None
    flag: str | None = None
    implies: str | None = None
    instead_of: str | None = None
    of: re.Pattern[str] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    entry: Entry | None = None


def take_instruction_sets(text: str) -> tuple[str | None, str]:
    """Id of the generic core that the instruction sets in ``text`` (lower case) make, and where they stand.

    Returns:
        the id, None where the text names none; and the text, letter for letter, with ``STAND_IN`` in place of the first and
        spaces in that of all other words that speak of them.
    """
    found = _found(text)
    chosen = [_meant(each.entry, text) for each in found if each.entry]
    if not any(entry.is_set or entry.implies for entry in chosen):
        return None, text  # "a 256-bit FMA port" names no instruction set
    spans = [(each.start, each.end) for each in found]
    width, wide = _width(text, found)
    masked = list(text)
    for start, end in [*_joined(text, spans), *wide]:
        masked[start:end] = " " * (end - start)
    masked[spans[0][0]] = STAND_IN
    return _identity(chosen, width, text), "".join(masked)


@cache
def core_of(core_id: str) -> Core:
    """The core of an id: a microarchitecture of the catalogue, or the generic core of instruction sets.

    Raises:
        KeyError: there is none.
    """
    if core_id in cores():
        return cores()[core_id]
    first, *extensions = core_id.split("+")
    name, _, bits = first.partition("@")
    base = entries()[name]
    scale = int(bits) / base.bits if bits and base.bits else 1
    rates = {precision: rate * scale for precision, rate in base.ops_per_cycle.items()}
    added = [entries()[extension] for extension in extensions]
    for entry in added:
        for precision, ratio in entry.ratios.items():
            rates[precision] = max(rates.get(precision, 0.0), ratio * rates["fp32"])
        rates |= {name: max(rates.get(name, 0.0), rate) for name, rate in entry.ops_per_cycle.items()}
    names = [f"{base.name} of {bits} bits" if bits else base.name, *(entry.name for entry in added)]
    sources = dict.fromkeys(entry.source for entry in (base, *added))
    return Core(core_id, f"core with {', '.join(dict.fromkeys(names))}", rates, source="; ".join(sources))


def is_generic(core_id: str) -> bool:
    """Whether a core is that of an instruction set and no microarchitecture."""
    return core_id not in cores()


def shares_cores(core_id: str) -> bool:
    """Whether two threads share a core of this kind where clouds count threads: on x86."""
    if is_generic(core_id):
        return entries()[re.split("[@+]", core_id)[0]].family == "x86"
    return cores()[core_id].name.startswith(("Intel", "AMD"))


@cache
def entries() -> Mapping[str, Entry]:
    """Every set and extension by its id, in the order of the file.

    Raises:
        ValueError: one id twice, or an entry that refers to none (a fault of the file).
    """
    file = files("ledg_rt.platforms") / "instruction_sets.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    every = [_entry(fields, kind == "set") for kind in ("set", "extension") for fields in table[kind]]
    found = {entry.id: entry for entry in every}
    referred = {name for entry in every for name in (entry.implies, entry.instead_of) if name}
    if len(found) < len(every) or not referred <= set(found):
        raise ValueError("instruction_sets.toml: an id is there twice or missing")
    return found


def _entry(fields: dict[str, Any], is_set: bool) -> Entry:
    compiled: dict[str, re.Pattern[str]] = {
        name: _compiled(fields[name]) for name in ("pattern", "of") if name in fields
    }
    return Entry(**(fields | compiled), is_set=is_set)


def _compiled(pattern: str) -> re.Pattern[str]:
    spaced = pattern.replace(" ?", r"[\s_-]?").replace(" ", r"[\s_-]*")
    return re.compile(rf"(?<![a-z0-9])(?:{spaced})(?![a-z0-9])", re.ASCII)


def _found(text: str) -> list[_Found]:
    """Where ``text`` names sets and extensions, in its order: of names that overlap the longest, and precisions that stand as
    flags between two others.
    """
    every = [
        _Found(match.start(), match.end(), entry)
        for entry in entries().values()
        if entry.pattern
        for match in entry.pattern.finditer(text)
    ]
    named: list[_Found] = []
    for each in sorted(every, key=lambda each: (each.start, -each.end)):
        if not named or each.start >= named[-1].end:
            named.append(each)
    named = [_denied(text, each) for each in named]
    families = {each.entry.family for each in named if each.entry}
    flags: list[_Found] = []
    for match in _FLAG.finditer(text):
        before = [each.end for each in [*named, *flags] if each.end <= match.start()]
        if before and _FLAGS.fullmatch(text[max(before) : match.start()]) and _goes_on(text, match, named):
            flags.append(_Found(match.start(), match.end(), _flagged(match[0], families)))
    return sorted([*named, *flags], key=lambda each: each.start)


def _denied(text: str, found: _Found) -> _Found:
    """``found``, or what says that there is no such set: it is taken from the text and counts for nothing."""
    start = max(0, found.start - 12)
    match = _NOT.search(text[start : found.start])
    return _Found(start + match.start(), found.end) if match else found


def _goes_on(text: str, match: re.Match[str], named: Sequence[_Found]) -> bool:
    """Whether a name follows the flag, or another flag that one follows."""
    at = match.end()
    while following := _FLAG.match(text, _end_of(_FLAGS, text, at)):
        at = following.end()
    at = _end_of(_FLAGS, text, at)
    return any(each.start == at for each in named)


def _flagged(flag: str, families: set[str]) -> Entry | None:
    return next(
        (entry for entry in entries().values() if entry.flag == flag and entry.family in families), None
    )


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _meant(entry: Entry, text: str) -> Entry:
    """``entry``, or the one that stands for it in such a text."""
    others = (other for other in entries().values() if other.instead_of == entry.id and other.of)
    return next((other for other in others if other.of and other.of.search(text)), entry)


def _identity(chosen: Sequence[Entry], width: int | None, text: str) -> str | None:
    """Id of the generic core: of the widest set that is named or implied, with the extensions of its family."""
    family = chosen[0].family
    mine = {entry.id: entry for entry in chosen if entry.family == family}
    wanted = {*mine, *(_meant(entries()[entry.implies], text).id for entry in mine.values() if entry.implies)}
    sets = [entry for entry in entries().values() if entry.is_set and entry.id in wanted]
    if not sets:
        return None
    base = sets[-1]
    first = f"{base.id}@{width}" if base.bits and width else base.id
    added = [entry.id for entry in entries().values() if entry.id in mine and not entry.is_set]
    return "+".join((first, *added))


def _width(text: str, found: Sequence[_Found]) -> tuple[int | None, list[tuple[int, int]]]:
    """Bits of the vectors, and the words that say so: beside the name of a set, or with VLEN."""
    spans: list[tuple[int, int]] = []
    width = None
    matches = [*_WIDTH_ALONE.finditer(text)]
    for each in found:
        if each.entry and each.entry.is_set:
            start = max(0, each.start - 16)
            before = _WIDTH_BEFORE.search(text[start : each.start])
            if before:
                spans.append((before.start() + start, before.end() + start))
                width = width or int(before[1])
            matches += filter(None, [_WIDTH_AFTER.match(text, each.end)])
    for match in matches:
        spans.append(match.span())
        width = width or int(match[1])
    return (width if width in _WIDTHS else None), spans


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """``spans`` with what follows each and belongs to it, and with what stands between two of them."""
    for at, (start, end) in enumerate(spans):
        end = _end_of(_AFTER, text, end)
        after = spans[at + 1][0] if at + 1 < len(spans) else None
        if after is not None and _BETWEEN.fullmatch(text, end, after):
            end = after
        yield start, end
