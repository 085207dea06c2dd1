"""How people write microarchitectures, and which cores a Kryo is built on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.device import Core
from ledg_rt.platforms.instruction_sets import is_core

TIERS: Mapping[str, tuple[str, ...]] = {
    "250": ("cortex-a53",), "260": ("cortex-a73", "cortex-a53"), "280": ("cortex-a73", "cortex-a53"),
    "360": ("cortex-a75", "cortex-a55"), "385": ("cortex-a75", "cortex-a55"), "460": ("cortex-a76", "cortex-a55"),
    "465": ("cortex-a76", "cortex-a55"), "468": ("cortex-a76", "cortex-a55"), "470": ("cortex-a76", "cortex-a55"),
    "475": ("cortex-a76", "cortex-a55"), "485": ("cortex-a76", "cortex-a55"), "495": ("cortex-a76", "cortex-a55"),
    "560": ("cortex-a76", "cortex-a55"), "570": ("cortex-a77", "cortex-a55"), "585": ("cortex-a77", "cortex-a55"),
    "660": ("cortex-a78", "cortex-a55"), "670": ("cortex-a78", "cortex-a55"),
    "680": ("cortex-x1", "cortex-a78", "cortex-a55"), "780": ("cortex-x2", "cortex-a710", "cortex-a510"),
}  # fmt: skip
"""Cores that a Kryo is built on, from the fastest (Wikipedia, Kryo); where a text lists more clusters, the middle
ones repeat the last but one."""


@cache
def core_names() -> re.Pattern[str]:
    """Names of the microarchitectures, the longest first, and Kryos with their number."""
    names: set[str] = set()
    for core in cores().values():
        names.update(_written(core))
    words = sorted((name for name in names if len(name) > 2), key=lambda name: (-len(name), name))
    every = "|".join(r"[\s-]*".join(map(re.escape, re.split(r"[\s-]+", name))) for name in words)
    spaced = every.replace(r"cortex[\s-]*a", r"cortex[\s-]*a[\s-]*").replace(
        r"cortex[\s-]*x", r"cortex[\s-]*x[\s-]*"
    )
    return re.compile(
        rf"(?<![a-z0-9])(?:k(?:ry|yr)o[\s-]*(?P<kryo>{'|'.join(TIERS)})(?:[\s-]*(?P<tier>prime|gold|silver))?|k(?P<plain>ry|yr)o(?![\s-]*\d)|{spaced})(?![a-z0-9])"
    )


def named_core(match: re.Match[str]) -> str:
    """Id of the core that a match of ``core_names`` names; ``kryo-<number>`` where it is one of several."""
    if match["kryo"]:
        tiers = TIERS[match["kryo"]]
        tier = {"prime": 0, "gold": max(len(tiers) - 2, 0), "silver": -1}.get(match["tier"] or "")
        return f"kryo-{match['kryo']}" if tier is None else tiers[tier]
    return "kryo" if match["plain"] else _by_name()[_squeezed(match[0])]


def core_id(text: str) -> str | None:
    """Id of the core that the whole of ``text`` names: its id, its name with its maker or without, or the generic core of instruction sets."""
    found = _by_name().get(_squeezed(text.lower()))
    return found or (text if is_core(text) else None)


@cache
def _by_name() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for core in cores().values():
        for name in _written(core):
            found.setdefault(_squeezed(name), core.id)
    return found


def _written(core: Core) -> Iterator[str]:
    """How people write a core: with its maker and without, of some the number alone (``C910V``)."""
    plain = re.sub(r"\(.*?\)", "", core.name).strip().lower()
    bare = plain.partition(" ")[2]
    yield from (core.id, plain)
    if core.ops_per_cycle or not (plain.startswith("apple ") and bare.isalpha()):  # "lightning" is a word
        yield bare
    if re.fullmatch(r"[cux]\d{2,3}", number := plain.rpartition(" ")[2]):
        yield from (number, f"{number}v")


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name)
