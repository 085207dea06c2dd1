"""The bandwidth of a memory that a text describes: its type, transfers a second and width, or channels of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ledg_rt.platforms.figures import COUNT_WORDS

RATES: Mapping[str, tuple[float, float]] = {
    "ddr2": (400, 1066), "ddr3": (800, 2133), "ddr4": (1600, 3200), "ddr5": (3200, 9600), "lpddr2": (400, 1066),
    "lpddr3": (800, 2133), "lpddr4": (1600, 4266), "lpddr4x": (3200, 4266), "lpddr5": (4400, 6400),
    "lpddr5x": (6400, 10667), "gddr5": (3000, 9000), "gddr5x": (10000, 12000),
    "gddr6": (10000, 20000), "gddr6x": (17000, 24000), "gddr7": (24000, 36000),
}  # fmt: skip
"""10^6 transfers a second of each type (JEDEC); of a clock in MHz they tell whether it has one or two a cycle."""

CHANNEL_BITS = 64
"""Width of a channel of DDR memory. One of LPDDR may have 16 or 32 bits: its channels say nothing."""

WIDEST_BITS = 8192

_COUNT = rf"(\d{{1,2}}|{'|'.join(COUNT_WORDS)})"
_MEMORY = re.compile(
    r"(?<![a-z0-9])((?:lp|g)?ddr\d[xte]?)(?:[\s@(,-]*(?:(?:at|with) )?(\d{1,2}(?:\.\d+)?(?=\s*(?:gbps|gt/s))|\d{3,5}(?!\d)(?!\s*g))\s*(mt/s|mts|mhz|mbps|gbps|gt/s)?)?"
)
_WIDTH = re.compile(r"(?<![\w.])(?:(\d{1,2})\s*[x×]\s*)?(\d{2,4})[\s-]*bits?\b")
_CHANNELS = re.compile(rf"(?<![\w.]){_COUNT}[\s-]*(?:ch\b|channels?\b|kan[aä]le?\b)")
_NEAR = 24


@dataclass(frozen=True, slots=True)
class Memory:
    """``bandwidth_gbs`` is None unless type, rate and width are known; ``how`` says what it follows from.

    ``spans`` are the parts of the text that speak of the memory.
    """

    bandwidth_gbs: float | None
    how: str
    spans: tuple[tuple[int, int], ...]


def memory(text: str) -> Memory | None:
    """The first memory that ``text`` (lower case) names by its type; None where there is none."""
    match = _MEMORY.search(text)
    if match is None:
        return None
    rate = _transfers(match)
    # "LPDDR4X 25 GBps" is no rate of a pin.
    beyond = rate is None and match[3] in ("gbps", "gt/s")
    spans = [match.span(1) if beyond else match.span()]
    near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
    offset = max(0, match.start() - _NEAR)
    bits, words = None, ""
    if width := _WIDTH.search(near):
        bits = int(width[1] or 1) * int(width[2])
        words = f"{bits} bit"
        spans.append((width.start() + offset, width.end() + offset))
    elif channels := _CHANNELS.search(text):
        spans.append(channels.span())
        if match[1].startswith("ddr"):
            count = COUNT_WORDS.get(channels[1]) or int(channels[1])
            bits, words = CHANNEL_BITS * count, f"{count} channels of {CHANNEL_BITS} bit"
    if rate is None or not bits or bits > WIDEST_BITS:
        return Memory(None, "", tuple(spans))
    return Memory(rate * bits / 8000, f"{match[1].upper()}-{rate:g}, {words}", tuple(spans))


def _transfers(match: re.Match[str]) -> float | None:
    """10^6 transfers a second; None where a clock could mean one or two a cycle, or nothing of that type is so fast."""
    if match[2] is None:
        return None
    value = float(match[2])
    if match[3] in ("gbps", "gt/s") or (match[3] is None and value < 100):
        value *= 1000
    low, high = RATES.get(match[1], (0.0, 0.0))
    high *= 1.25  # kits beyond the standard are sold
    possible = [
        rate for rate in ((value, 2 * value) if match[3] == "mhz" else (value,)) if 0.9 * low <= rate <= high
    ]
    return possible[0] if len(possible) == 1 else None
