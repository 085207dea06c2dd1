"""What a free-text description of hardware says: device, runtime, precision, threads and figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledg_rt.platforms.composition import Composition, composition, virtual_cores
from ledg_rt.platforms.device import Device
from ledg_rt.platforms.figures import COUNT_WORDS, checked, count_of
from ledg_rt.platforms.instruction_sets import STAND_IN, is_generic, take_instruction_sets
from ledg_rt.platforms.memory import Memory, memory
from ledg_rt.platforms.names import find_device, names_its_chip, of_memory
from ledg_rt.platforms.product_lines import Product, main_product, products
from ledg_rt.platforms.throughput import PRECISION_WORDS, SCALE, take_peaks
from ledg_rt.platforms.words import (
    KIND_WORDS,
    MAKERS,
    RUNTIME_KINDS,
    TAGS,
    UNITS,
    VENDORS,
    first_of,
    first_word,
    is_component,
    plain_words,
    take_runtime,
    take_word,
    without,
)  # fmt: skip

TEXT_LIMIT = 2000
"""Characters of a description that are read; more is cut and flagged ``text_cut``."""

_MOST_THREADS = 256
"""No more cores than these are taken to be there because as many threads run."""

_NUMBER = r"(?<![\w.])(\d{1,12}(?:[.,]\d{1,9})?)\s*"


@dataclass(frozen=True, slots=True)
class Mention:
    """Everything that was recognised in a text. ``numbers`` are in the units of ``Platform``.

    ``peaks``: 10^9 operations a second by the precision that the text says them of, None where it says none. Of a
    device that is not in the catalogue also its ``cores``, its ``memory`` and the ``product`` that names its unit; of one
    that is, the ``rented`` cores, where the text speaks of virtual processors.
    """

    device: str | None = None
    cores: Composition = field(default_factory=Composition)
    product: Product | None = None
    memory: Memory | None = None
    rented: int | None = None
    vendor: str | None = None
    kind: str | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    tags: tuple[str, ...] = ()
    numbers: Mapping[str, float | int] = field(default_factory=dict)
    peaks: Mapping[str | None, float] = field(default_factory=dict)
    rest: str = ""


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str]], float]


def _number(match: re.Match[str]) -> float:
    return float(match[1].replace(",", "."))


def _figure(name: str, unit: str, value: Callable[[re.Match[str]], float]) -> _Figure:
    return _Figure(name, re.compile(_NUMBER + unit, re.IGNORECASE), value)


# Order matters: what one line takes is gone for the next (GB/s before GB).
_FIGURES = (
    _figure("bandwidth_gbs", r"([mgt])i?b(?:yte)?s?(?:/s|ps|/sec)\b", lambda m: _number(m) * SCALE[m[2].lower()]),
    _figure("memory_gb", r"([kmgt])(?:i?b|o)\b", lambda m: _number(m) * SCALE[m[2].lower()]),
    _figure("process_nm", r"nm\b", _number),
    _figure("power_w", r"(m?)w(?:atts?)?\b(?!/)", lambda m: _number(m) * (1e-3 if m[2] else 1.0)),
)  # fmt: skip
_CLOCK = _figure("clock_ghz", r"([mg])hz\b", lambda m: _number(m) * SCALE[m[2].lower()])
_COUNT = rf"(?<![\w.])(?P<count>\d{{1,6}}|{'|'.join(COUNT_WORDS)})"
_CORES = re.compile(rf"{_COUNT}[\s-]*(?:cores?|kerne|c(?:oe|œ)urs|n[uú]cleos)\b", re.IGNORECASE)
# "4t" is four threads, a phone called 7T is not.
_THREADS = re.compile(
    rf"{_COUNT}[\s-]*(?:threads?|thread(?:ed)|hilos?)\b|threads?\s*[=:]?\s*(?P<given>\d{{1,6}})(?=\s*(?:[,;/)]|$))|(?<![\w.])(?P<short>\d{{1,6}})(?-i:t)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\w.])(19[89]\d|20[0-4]\d)(?![\w.])")
_ALONE = re.compile(
    r"(?:(?:on|using|with|the|its|via|only)\s+)*(cpu|i?gpu|npu|dsp|tpu|fpga|mcu)s?(?:\s+only)?"
)
_SMALL = {"a", "an", "and", "at", "in", "of", "on", "the", "using", "with"}
_HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))


def read_text(text: str) -> Mention:
    """Find in ``text`` (at most ``TEXT_LIMIT`` characters) what is known to matter.

    Where a text names several devices, the longest name wins (``jetson agx orin`` over ``orin``), then
    the first. The kind asked for ("GPU", "CPU", "NPU") chooses between the units of one chip, the memory
    between those of one name.

    Raises:
        PlatformError: a figure with a unit that no hardware has (0 GHz, 10^9 GB).
    """
    left = " ".join(text[:TEXT_LIMIT].replace("\0", " ").replace(STAND_IN, " ").split())
    generic, left = _take_instruction_sets(left)
    whole = _lower(left)
    kind, vendor = first_of(left, UNITS) or first_of(left, KIND_WORDS), first_of(left, VENDORS)
    runtime, _ = take_runtime(left)
    asked = _asked(left, generic)
    listed = asked.kind == "cpu" and asked.cores.core_at is not None and asked.cores.clock_ghz is not None
    maker = vendor or MAKERS.get(runtime or "")
    named = left
    if asked.cores.core_at is not None and asked.kind is not None:
        kind = asked.kind  # a core that is named need not be the unit that runs
    found = find_device(named, kind, maker)
    while found is not None and listed and is_component(_lower(named[found.start : found.end])):
        # The GPU beside the cores, which several chips have: it does not tell the device.
        named = _blank(named, [(found.start, found.end)])
        found = find_device(named, "cpu", maker)
    # Of the units of one chip, a runtime may be made for one, and its processor alone has threads to choose.
    meant = _implied(runtime) or ("cpu" if asked.threads else None)
    if found is not None and kind is None and meant and names_its_chip(found, named):
        found = find_device(named, meant, maker)
    units = {unit for word, unit in UNITS.items() if first_word(_lower(left), {word: unit})}
    while (
        found is not None and units == {kind} and names_its_chip(found, named) and not _is(kind, found.device)
    ):
        # The catalogue has the chip without the unit that is asked for, which is then another's or unknown.
        named = _blank(named, [(found.start, found.end)])
        found = find_device(named, kind, maker)
    if found is not None:
        left = f"{left[: found.start]} {left[found.end :]}"
    numbers: dict[str, float | int] = {}
    peaks, left = take_peaks(left)
    described = memory(_lower(left))
    if described is not None:
        left = _blank(left, described.spans)
    for figure in _FIGURES:
        left = _take_figure(left, figure, numbers)
    if found is None:
        return _unknown(left, generic, Mention(memory=described, numbers=numbers, peaks=peaks))
    device = of_memory(found, named, numbers.get("memory_gb"))
    left = _take_figure(left, _CLOCK, numbers)
    if match := _CORES.search(left):
        numbers["cores"] = count_of(match["count"])
        left = without(left, match)
    if device.kind not in ("cpu", "mcu") and (asked.cores.core or generic):
        # Clocks and counts are of the processor beside it, but for those that the text says of the unit.
        own = {"cores": asked.cores.unit_cores, "clock_ghz": asked.cores.unit_clock_ghz}
        numbers = {name: value for name, value in numbers.items() if name not in own}
        numbers |= {name: value for name, value in own.items() if value}
    rented = virtual_cores(whole, device.clusters[0].core) if device.clusters else None
    threads, left = _take_threads(left)
    runtime, left = take_runtime(left)
    precision, left = take_word(left, PRECISION_WORDS)
    tag, left = take_word(left, TAGS)
    return Mention(
        device=device.id, rented=rented, vendor=vendor, kind=kind, runtime=runtime,
        threads=threads, tags=(tag,) if tag else (), rest=plain_words(left), peaks=peaks, **_run_in(precision, peaks, numbers),
    )  # fmt: skip


def _asked(text: str, generic: str | None) -> Mention:
    """The cores that the whole ``text`` lists, and the kind of unit that it means if it names no device."""
    runtime, left = take_runtime(_untrademarked(text))
    threads, left = _take_threads(left)
    _, left = take_peaks(left)
    described = memory(_lower(left))
    lower = _lower(_blank(left, described.spans) if described else left)
    found = products(lower)
    cores = composition(lower, found, generic=generic)
    return Mention(cores=cores, kind=_kind(lower, found, cores, runtime, threads), threads=threads)


def _take_instruction_sets(text: str) -> tuple[str | None, str]:
    """The generic core of the instruction sets in ``text``, and the text with a sign in place of them."""
    lower = _lower(text.translate(_HYPHENS))
    generic, masked = take_instruction_sets(lower)
    kept = (own if new == old else new for own, old, new in zip(text, lower, masked, strict=True))
    return generic, " ".join("".join(kept).split())


def _unknown(left: str, generic: str | None, so_far: Mention) -> Mention:
    """What else ``left`` says of a device that is not in the catalogue: its product line, cores, counts and clocks."""
    runtime, left = take_runtime(_untrademarked(left))
    threads, left = _take_threads(left)
    lower = _lower(left)
    found = products(lower)
    running = threads if generic and threads and threads <= _MOST_THREADS else None
    cores = composition(lower, found, generic=generic, threads=running)
    kind = _kind(lower, found, cores, runtime, threads)
    if kind == "mcu" and generic:
        cores = composition(lower, found)  # the rates are those of processors
    numbers = dict(so_far.numbers)
    figures: dict[str, float | int | None] = {"cores": cores.cores, "clock_ghz": cores.clock_ghz}
    if kind not in (None, "cpu", "mcu"):
        # Cores and clocks of another unit are not those of the processor beside it.
        alone = None if cores.core else cores.clock_ghz
        figures = {"cores": cores.unit_cores, "clock_ghz": cores.unit_clock_ghz or alone}
        if kind == "gpu" and not cores.core and not cores.unit_cores:
            figures["cores"] = cores.cores
    numbers |= {name: value for name, value in figures.items() if value}
    left = _blank(left, cores.spans)
    if match := _YEAR.search(left):
        numbers["year"] = int(match[1])
        left = without(left, match)
    precision, left = take_word(left, PRECISION_WORDS)
    tag, left = take_word(left, TAGS)
    return Mention(
        cores=cores, product=main_product(found, kind), memory=so_far.memory, kind=kind, runtime=runtime,
        vendor=_vendor(lower, found, kind, runtime), threads=threads, tags=(tag,) if tag else (), peaks=so_far.peaks,
        rest=_name(left), **_run_in(precision, so_far.peaks, numbers),
    )  # fmt: skip


def _run_in(
    precision: str | None, peaks: Mapping[str | None, float], numbers: Mapping[str, float | int]
) -> dict[str, Any]:
    """The precision that runs, and the numbers with the throughput that the text gives for it.

    A precision beside a throughput is that of the figure; it is what runs only where the text names no other.
    """
    precision = precision or next(iter(peaks), None)
    peak = peaks.get(precision, peaks.get(None))
    given = dict(numbers)
    if peak is not None:
        given["peak_gops"] = peak
    return {"precision": precision, "numbers": given}


def _is(kind: str | None, device: Device) -> bool:
    """Whether a unit may be called a ``kind``: names of accelerators are used for one another."""
    return device.kind == kind or {device.kind, kind} <= {"npu", "dsp", "tpu"}


def _implied(runtime: str | None) -> str | None:
    """The kind of unit that a runtime is made for."""
    name = runtime or ""
    return RUNTIME_KINDS.get(name if name == "ncnn-vulkan" else name.partition("-")[0])


def _kind(
    text: str, found: Sequence[Product], cores: Composition, runtime: str | None, threads: int | None
) -> str | None:
    """Kind of the unit that runs the network: as asked for, else as the use implies, else what is named first."""
    for part in re.split(r"[,;()|]", text):
        if match := _ALONE.fullmatch(part.strip()):
            return KIND_WORDS[match[1].removeprefix("i")]
    named = cores.core is not None and not is_generic(cores.core)
    if threads and (named or any(product.line.kind == "cpu" for product in found)):
        return "cpu"
    if implied := _implied(runtime):
        return implied
    exact = [product for product in found if product.line.architecture or product.line.kind != "cpu"]
    places = [(product.start, product.line.kind) for product in exact]
    if cores.core_at is not None:
        places.append((cores.core_at, "cpu"))
    if (word := first_word(text, KIND_WORDS)) is not None:
        places.append(word)
    if places:
        return min(places)[1]
    return "cpu" if cores.core or found else None


def _vendor(text: str, found: Sequence[Product], kind: str | None, runtime: str | None) -> str | None:
    """Who makes the unit that runs: of a processor the maker of the chip, not of the cores."""
    makers = [product.line.vendor for product in found if product.line.kind == kind]
    if kind == "cpu":
        makers.sort(key=lambda maker: maker == "Arm")
    word = first_word(text, VENDORS)
    if makers and (makers[0] != "Arm" or kind != "cpu" or word is None):
        return makers[0]
    return word[1] if word else MAKERS.get(runtime or "")


def _name(left: str) -> str:
    """What is left of a text, as a name: without the small words that stood about what was taken."""
    words = plain_words(left).split()
    while words and words[-1] in _SMALL:
        words.pop()
    return " ".join(words)


def _take_threads(left: str) -> tuple[int | None, str]:
    match = _THREADS.search(left)
    if match is None:
        return None, left
    word = next(group for group in match.groupdict().values() if group is not None)
    count = COUNT_WORDS.get(word.lower()) or int(word)
    return count or None, without(left, match)


def _take_figure(left: str, figure: _Figure, numbers: dict[str, float | int]) -> str:
    if not (match := figure.pattern.search(left)):
        return left
    numbers[figure.name] = checked(figure.name, figure.value(match), match[0])
    return without(left, match)


def _lower(text: str) -> str:
    """``text`` in lower case, letter for letter."""
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def _untrademarked(text: str) -> str:
    """``text`` with plain hyphens and without trade marks."""
    return " ".join(re.sub(r"\((?:r|tm)\)|[®™]", " ", text.translate(_HYPHENS), flags=re.IGNORECASE).split())


def _blank(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """``text`` with spaces in place of ``spans``."""
    for start, end in spans:
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text
