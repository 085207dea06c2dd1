"""Which device of the catalogue a text means, by its names as people write them.

Names are compared without spaces and punctuation, from the start of one word to the end of another, so that
``RTX-4090``, ``rtx4090`` and ``RTX 4090`` are one. Words of a known spelling but for one letter are read as
meant; product families have short forms; words of a name without digits may come in any order; a model number
that one chip alone bears (``7700K``) stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.device import Device
from ledg_rt.platforms.longer_names import goes_on

LONGEST = 8
"""Words that a name is looked for in."""

SPELLED = 5
"""Letters from which on a word is long enough to be recognised with one of them wrong."""

SHORT_FORMS: Mapping[str, tuple[str, ...]] = {
    "raspberry pi": ("pi", "raspi", "rpi", "raspberry"), "snapdragon": ("sd", "qualcomm", "qualcomm sd"),
    "snapdragon 8 gen": ("8 gen",), "threadripper": ("tr", "thread ripper"), "visionfive": ("vf", "vision five"),
    "dimensity": ("mediatek",), "ryzen 9": ("r9", "ryzen"), "ryzen 7": ("r7", "ryzen"), "ryzen 5": ("r5", "ryzen"),
    "samsung galaxy": ("samsung",), "khadas vim": ("vim",), "odroid n2": ("n2", "hardkernel n2"),
}  # fmt: skip
"""How people shorten the first words of a name."""

FORM_FACTORS = ("pcie", "sxm")
"""Words that tell units of one name and memory apart."""

_OTHER_PIS = ("orange", "banana", "phytium", "muse", "nano", "lichee", "mango", "rock", "strawberry")
_WORD = re.compile(r"[a-z0-9]+(\+)?", re.IGNORECASE | re.ASCII)
_MODEL_NUMBER = re.compile(r"[a-z]*?(\d{3,}[a-z]*\d*)")
_MEMORY = re.compile(r"(?:lp|g)?ddr\d[xe]?")
_UNITS = {"mhz", "ghz", "mb", "gb", "tb", "w", "nm", "mt", "mts", "mbps", "gbps", "tops", "gops", "gflops", "tflops", "fps", "bit"}  # fmt: skip
_YEARS = range(1980, 2050)


@dataclass(frozen=True, slots=True)
class Found:
    """A device, and the part of the text that names it."""

    device: Device
    start: int
    end: int


_Match = tuple[int, int, int, tuple[str, ...]]
"""Length of the name, start and end in the text, ids of the devices that bear it."""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    start: int
    end: int


def find_device(text: str, kind: str | None, vendor: str | None) -> Found | None:
    """The device that ``text`` names; of several, the one with the longest name, then the first.

    Args:
        text: a description.
        kind: of the unit that is asked for ("gpu"); it chooses between the units of one chip.
        vendor: whom the text speaks of; a bare number is a model number of theirs alone.
    """
    written = list(_words(text))
    for words in (written, [_spelled(word) for word in written]):
        whole = _whole(text, [*_in_one_piece(text, words, vendor), *_in_any_order(words)])
        named = whole or _whole(text, _by_model_number(words, vendor))
        if named:
            _, start, end, ids = max(named, key=lambda name: (name[0], -name[1]))
            return Found(_of_kind(ids, kind), start, end)
    return None


def names_its_chip(found: Found, text: str) -> bool:
    """Whether the name in ``text`` is that of the whole chip and of no unit of it."""
    return _squeezed(text[found.start : found.end]) == _squeezed(found.device.chip)


def _whole(text: str, found: Iterable[_Match]) -> list[_Match]:
    """Names that are not the beginning of a longer one which the catalogue does not have."""
    return [match for match in found if not goes_on(devices()[match[3][0]], text, match[1], match[2])]


def of_memory(found: Found, text: str, memory_gb: float | None) -> Device:
    """The one unit whose name is that in ``text`` and says ``memory_gb``; without it, the unit that was found."""
    if memory_gb is None:
        return found.device
    forms = [form for form in FORM_FACTORS if form in _squeezed(text)]
    wanted = (_squeezed(text[found.start : found.end]), f"{memory_gb:g}gb", *forms)
    unit = (found.device.chip, found.device.kind, memory_gb)
    alike = [
        device
        for device in devices().values()
        if (device.chip, device.kind, device.memory_gb) == unit
        and any(
            all(word in _squeezed(name) for word in wanted)
            for name in (device.id, device.name, *device.aliases)
        )
    ]
    return alike[0] if len(alike) == 1 else found.device


def _words(text: str) -> Iterator[_Word]:
    for match in _WORD.finditer(text):
        yield _Word(_squeezed(match[0]), match.start(), match.end())


def _squeezed(name: str) -> str:
    """Letters and digits alone; the plus sign behind one of them is a word of the name."""
    return "".join(match[0].lower().replace("+", "plus") for match in _WORD.finditer(name))


def _in_one_piece(text: str, words: Sequence[_Word], vendor: str | None) -> Iterator[_Match]:
    """Names whose words follow one another; that of the vendor may be elsewhere."""
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(first + LONGEST, len(words))):
            joined += words[last].text
            ids = _names().get(joined) or _names_at(vendor).get(joined)
            if ids is None:
                continue
            start, end = words[first].start, words[last].end
            # "a 30 W board" is no A30, nor an Orange Pi 5 a Raspberry Pi.
            apart = (
                words[first].text.isalpha()
                and end > start + 1 == words[first].end
                and text[start + 1].isspace()
            )
            other_pi = words[first].text.startswith("pi") and first and words[first - 1].text in _OTHER_PIS
            if not apart and not other_pi:
                yield len(joined), start, end, ids


def _in_any_order(words: Sequence[_Word]) -> Iterator[_Match]:
    """Names of several words without digits, all of which are somewhere near one another."""
    for wanted, ids in _word_sets().items():
        at = [position for position, word in enumerate(words) if word.text in wanted]
        if {words[position].text for position in at} == wanted and at[-1] - at[0] < LONGEST:
            yield sum(map(len, wanted)), words[at[0]].start, words[at[-1]].end, ids


def _by_model_number(words: Sequence[_Word], vendor: str | None) -> Iterator[_Match]:
    """Model numbers; digits alone are one if the text speaks of their vendor."""
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(first + 3, len(words))):
            joined += words[last].text
            if (ids := _model_numbers().get(joined)) is None:
                continue
            if joined.isdigit() and _of_something_else(words, first, last):
                continue
            theirs = devices()[ids[0]].vendor == vendor
            if theirs or (vendor in (None, "Arm") and not joined.isdigit()):
                yield len(joined), words[first].start, words[last].end, ids


def _of_something_else(words: Sequence[_Word], first: int, last: int) -> bool:
    """Whether a bare number is a figure with its unit (``1070 MHz``) or the rate of a memory (``DDR4-3600``)."""
    after = words[last + 1].text if last + 1 < len(words) else ""
    before = words[first - 1].text if first else ""
    return after in _UNITS or _MEMORY.fullmatch(before) is not None


def _of_kind(ids: Sequence[str], kind: str | None) -> Device:
    """The unit of ``kind`` among ``ids``, or on the chip of the first of them; else that one."""
    first = devices()[ids[0]]
    if kind is None:
        return first
    same_chip = (device for device in devices().values() if device.chip == first.chip)
    of_kind = [device for device in (*(devices()[name] for name in ids), *same_chip) if device.kind == kind]
    return of_kind[0] if of_kind else first


@cache
def _names() -> Mapping[str, tuple[str, ...]]:
    """Squeezed name -> ids of the devices that bear it, in catalogue order; short forms where they are free."""
    full: dict[str, dict[str, None]] = {}
    short: dict[str, dict[str, None]] = {}
    for device in devices().values():
        for name in (device.id, device.name, *device.aliases):
            full.setdefault(_squeezed(name), {})[device.id] = None
            plain = " ".join(match[0] for match in _WORD.finditer(name.lower())).replace(" model ", " ")
            for spared in ("+", " model "):
                if spared in name.lower():
                    short.setdefault(_squeezed(name.lower().replace(spared, " ")), {})[device.id] = None
            for long, forms in SHORT_FORMS.items():
                head, found, tail = plain.partition(long)
                if found and not head and tail:
                    for form in forms:
                        short.setdefault(_squeezed(form + tail), {})[device.id] = None
    return {name: tuple(ids) for name, ids in {**short, **full}.items() if len(name) > 1}


@cache
def _names_at(vendor: str | None) -> Mapping[str, tuple[str, ...]]:
    """Squeezed names of one vendor's devices, without the vendor's."""
    found: dict[str, dict[str, None]] = {}
    for device in devices().values():
        if device.vendor == vendor:
            for name in (device.name, *device.aliases):
                head, _, rest = name.lower().partition(" ")
                if head == device.vendor.lower():
                    found.setdefault(_squeezed(rest), {})[device.id] = None
    return {name: tuple(ids) for name, ids in found.items() if len(name) > 1}


@cache
def _word_sets() -> Mapping[frozenset[str], tuple[str, ...]]:
    """Words of names of several words, all letters and without the vendor's -> ids."""
    found: dict[frozenset[str], dict[str, None]] = {}
    for device in devices().values():
        for name in (device.name, *device.aliases):
            words = [word for word in re.findall(r"[a-z0-9]+", name.lower()) if word != device.vendor.lower()]
            if len(words) > 1 and all(word.isalpha() and len(word) > 1 for word in words):
                found.setdefault(frozenset(words), {})[device.id] = None
    return {words: tuple(ids) for words, ids in found.items()}


@cache
def _model_numbers() -> Mapping[str, tuple[str, ...]]:
    """Number of at least three digits with what follows it in a name, or with the letters that it begins with
    -> ids, where all are of one chip.
    """
    found: dict[str, dict[str, None]] = {}
    for device in devices().values():
        for name in (device.id, device.name, *device.aliases):
            words = [_squeezed(match[0]) for match in _WORD.finditer(name)]
            for at, word in enumerate(words):
                number = _MODEL_NUMBER.fullmatch(word)
                if number and not (number[1].isdigit() and int(number[1]) in _YEARS):
                    found.setdefault("".join((number[1], *words[at + 1 :])), {})[device.id] = None
                    if number[1] != word:
                        found.setdefault(word, {})[device.id] = None
                    break
    return {
        number: tuple(ids)
        for number, ids in found.items()
        if len({devices()[name].chip for name in ids}) == 1
    }


@cache
def _spellings() -> frozenset[str]:
    """Words of at least four letters in the names of the catalogue."""
    return frozenset(
        word
        for device in devices().values()
        for name in (device.vendor, device.name, *device.aliases)
        for word in re.findall(r"[a-z]{4,}", name.lower())
    )


def _spelled(word: _Word) -> _Word:
    """``word`` as the one word of the catalogue that differs by a letter (wrong, missing, too many, swapped)."""
    letters = re.match(r"[a-z]*", word.text)
    head = letters[0] if letters else ""
    if len(head) < SPELLED or head in _spellings():
        return word
    near = _variants(head)
    return _Word(near + word.text[len(head) :], word.start, word.end) if near else word


@cache
def _variants(word: str) -> str | None:
    found = [known for known in _spellings() if abs(len(known) - len(word)) <= 1 and _one_slip(word, known)]
    return found[0] if len(found) == 1 else None


def _one_slip(a: str, b: str) -> bool:
    """Whether one letter replaced, added, left out, or swapped with the next makes ``b`` of ``a``."""
    same = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[same:], b[same:]
    return (
        rest_a[1:] == rest_b[1:]
        or rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or (rest_a[:2] == rest_b[:2][::-1] and rest_a[2:] == rest_b[2:])
    )
