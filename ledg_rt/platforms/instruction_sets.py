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
from itertools import pairwise
from typing import Any

from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.device import Core

STAND_IN = "\x02"
"""What stands in a text for the instruction sets that were taken from it."""

_BETWEEN = re.compile(r"[\s,;/+&()]*(?:(?:and|with|plus|but|n?or)\b[\s(]*)?")
_FLAGS = re.compile(r"[\s,/+_]*")
_OR = re.compile(r"\s*(?:/|(?:,\s*)?n?or\b|and\b)\s*")
_NOT = re.compile(
    r"(?:(?<![a-z0-9])(?:(?:does|do|has)\s+)?(?:without|no|not|lacks|lacking)|n't)(?:\s+(?:any|have|support(?:s|ing)?|for|use|using))*[\s(]+$"
)
_AFTER = re.compile(
    r"[\s-]*(?:support|instructions?(?: sets?)?|extensions?|simd|units?|vectors?|bits?)(?![a-z0-9])"
)
_ABSENT = re.compile(
    rf"(?:{_AFTER.pattern})?[\s(:=-]*(?:(?:is|are|was|were)\s+)?"
    r"(?:not\s+(?:supported|available|present|enabled|used)|disabled|(?:(?:fused|switched|turned)\s+)?off(?!-)|unsupported|unavailable|missing|absent)(?![a-z])"
)
_ANSWER = re.compile(
    r"\s*[:=]\s*(?:(yes|true|on)|no|false|off)(?![a-z])|=(?:(1)|0)(?![\w.])|:\s*(?:(1)|0)(?=\s*(?:[,;)|]|$))"
)
_FLAG = re.compile(r"(?<![\w.])(?:fp16|bf16)(?!\w)")
_WIDTH_AFTER = re.compile(
    r"[\s(@:=-]*(?:vlen\s*[=:]?\s*)?(\d{3,4})(?:[\s-]*bits?(?: wide)?(?![a-z])|b(?![a-z]))"
    r"(?![\s-]*(?:wide\s+)?(?:memory|bus|interface|channel|lpddr|g?ddr|hbm|dram))"
)
_WIDTH_IN = re.compile(r"(?:128|256|512|1024|2048)$")
_WIDTH_BEFORE = re.compile(r"(?<![\w.])(\d{3,4})[\s-]*bits?(?: wide)?[\s-]*$")
_WIDTH_ALONE = re.compile(r"(?<![a-z0-9])(?:vlen[\s=:]*|zvl)(\d{3,4})(?:b|[\s-]*bits?)?(?![a-z0-9])")
_WIDTHS = (128, 256, 512, 1024, 2048)
_COUNTED = r"[\s-]*(?:cores?|kerne|threads?|v?cpus?|x(?!86)|×)(?![a-z])"
_X86 = re.compile(r"(?<![a-z0-9])(?:intel|amd|xeon|epyc|ryzen|x86)(?![a-z])")
_SPOKEN_OF = {"x86": _X86, "riscv": re.compile(r"(?<![a-z0-9])risc[\s-]?v(?![a-z])")}


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
    denied: bool = False


def take_instruction_sets(text: str) -> tuple[str | None, str]:
    """Id of the generic core that the instruction sets in ``text`` (lower case) make, and where they stand.

    Returns:
        the id, None where the text names none; and the text, letter for letter, with ``STAND_IN`` in place of the first and
        spaces in that of all other words that speak of them.
    """
    found = _found(text)
    chosen = [_meant(each.entry, text) for each in found if each.entry and not each.denied]
    if not any(entry.is_set or entry.implies for entry in chosen):
        return None, text  # "a 256-bit FMA port" names no instruction set
    spans = [(each.start, each.end) for each in found]
    width, wide = _width(text, found)
    masked = list(text)
    for start, end in [*_joined(text, spans), *wide]:
        masked[start:end] = " " * (end - start)
    masked[spans[0][0]] = STAND_IN
    denied = {_meant(each.entry, text).id for each in found if each.entry and each.denied}
    return _identity(chosen, denied, width, text), "".join(masked)


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


def is_core(core_id: str) -> bool:
    """Whether ``core_of`` knows the id."""
    if core_id in cores():
        return True
    first, *extensions = core_id.split("+")
    name, at, bits = first.partition("@")
    known = entries()
    return (
        name in known and known[name].is_set and (not at or bits in map(str, _WIDTHS))
        and all(extension in known and not known[extension].is_set for extension in extensions)
    )  # fmt: skip


def is_generic(core_id: str) -> bool:
    """Whether a core is that of an instruction set and no microarchitecture."""
    return core_id not in cores() and re.split("[@+]", core_id)[0] in entries()


def shares_cores(core_id: str) -> bool:
    """Whether two threads share a core of this kind where clouds count threads: on x86."""
    if core_id in cores():
        return cores()[core_id].name.startswith(("Intel", "AMD"))
    return is_generic(core_id) and entries()[re.split("[@+]", core_id)[0]].family == "x86"


def speaks_of_x86(text: str) -> bool:
    """Whether ``text`` (lower case) names x86 or one of its makers."""
    return _X86.search(text) is not None


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
    # The 2 of "AVX 2 cores" is their number.
    return re.compile(rf"(?<![a-z0-9])(?:{spaced})(?![a-z0-9])(?:(?<!\s\d)|(?!{_COUNTED}))", re.ASCII)


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
    named = _with_denials(text, named)
    families = {each.entry.family for each in named if each.entry}
    flags: list[_Found] = []
    for match in _FLAG.finditer(text):
        before = [each.end for each in [*named, *flags] if each.end <= match.start()]
        if before and _FLAGS.fullmatch(text[max(before) : match.start()]) and _goes_on(text, match, named):
            flags.append(_Found(match.start(), match.end(), _flagged(match[0], families)))
    return sorted([*named, *flags], key=lambda each: each.start)


def _with_denials(text: str, named: Sequence[_Found]) -> list[_Found]:
    """``named`` with the words about each that say whether it is there: "no AVX-512 or AMX", "AVX-512 disabled", "avx2=0"."""
    before = [_NOT.search(text[max(0, each.start - 40) : each.start]) for each in named]
    after = [_ABSENT.match(text, each.end) for each in named]
    answers = [_ANSWER.match(text, each.end) for each in named]
    joined = [bool(_OR.fullmatch(text, one.end, other.start)) for one, other in pairwise(named)]
    front, back = [match is not None for match in before], [match is not None for match in after]
    for at in range(1, len(named)):
        front[at] = front[at] or (front[at - 1] and joined[at - 1])
    for at in reversed(range(len(named) - 1)):
        back[at] = back[at] or (back[at + 1] and joined[at])
    found = []
    for at, each in enumerate(named):
        match, said = before[at], after[at] or answers[at]
        answer = answers[at]
        denied = front[at] or back[at] or (answer is not None and answer.lastindex is None)
        start = each.start - (len(match[0]) if match else 0)
        found.append(_Found(start, said.end() if said else each.end, each.entry, denied))
    return found


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


def _identity(chosen: Sequence[Entry], denied: set[str], width: int | None, text: str) -> str | None:
    """Id of the generic core: of the widest set that is named or implied, with the extensions of its family.

    The family is that of the first set, else of the first extension, among those that the text speaks of.
    """
    spoken_of = {family for family, words in _SPOKEN_OF.items() if words.search(text)}
    families = [entry.family for entry in sorted(chosen, key=lambda entry: not entry.is_set)]
    family = next((family for family in families if not spoken_of or family in spoken_of), None)
    implied = {
        entry.id: _meant(entries()[entry.implies], text).id if entry.implies else None for entry in chosen
    }
    mine = {entry.id: entry for entry in chosen if entry.family == family and implied[entry.id] not in denied}
    wanted = {*mine, *(implied[entry] for entry in mine)} - denied
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
        if each.entry and each.entry.is_set and not each.denied:
            start = max(0, each.start - 16)
            before = _WIDTH_BEFORE.search(text[start : each.start])
            if before and int(before[1]) in _WIDTHS:
                spans.append((before.start() + start, before.end() + start))
                width = width or int(before[1])
            if each.entry.bits and (within := _WIDTH_IN.search(text[each.start : each.end])):
                width = width or int(within[0])
            matches += filter(None, [_WIDTH_AFTER.match(text, each.end)])
    for match in matches:
        if int(match[1]) in _WIDTHS:
            spans.append(match.span())
            width = width or int(match[1])
    return width, spans


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """``spans`` with what follows each and belongs to it, and with what stands between two of them."""
    for at, (start, end) in enumerate(spans):
        end = _end_of(_AFTER, text, end)
        after = spans[at + 1][0] if at + 1 < len(spans) else None
        if after is not None and _BETWEEN.fullmatch(text, end, after):
            end = after
        yield start, end
