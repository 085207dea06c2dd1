"""Numbers in a text: counts in words, and the range that a figure of hardware can have."""

from __future__ import annotations

from collections.abc import Mapping

from ledg_rt.errors import PlatformError

COUNT_WORDS: Mapping[str, int] = {
    "single": 1, "dual": 2, "quad": 4, "hexa": 6, "octa": 8, "deca": 10, "one": 1, "two": 2, "three": 3, "four": 4,
    "six": 6, "eight": 8, "ten": 10, "twelve": 12, "sixteen": 16,
}  # fmt: skip

LIMITS: Mapping[str, tuple[float, float]] = {
    "peak_gops": (1e-3, 1e8), "bandwidth_gbs": (1e-3, 1e5), "memory_gb": (1e-6, 1e5), "power_w": (1e-3, 1e5),
    "cores": (1, 1e6), "clock_ghz": (1e-4, 20), "process_nm": (0.5, 1e4), "year": (1970, 2100),
}  # fmt: skip
"""The range of each figure that some hardware could have."""


def count_of(word: str) -> int:
    """A count of cores or threads, in digits or words.

    Raises:
        PlatformError: none, or more than any hardware has.
    """
    key = word.lower()
    count = COUNT_WORDS[key] if key in COUNT_WORDS else int(word)
    return int(checked("cores", count, word))


def checked(name: str, value: float, written: str) -> float:
    """``value`` if some hardware could have it.

    Raises:
        PlatformError: it is out of range; the message quotes it as ``written``.
    """
    low, high = LIMITS[name]
    if not low <= value <= high:
        raise PlatformError(
            "usage", f"{written.strip()!r} is no figure of any hardware", f"{name} is {low:g} to {high:g}"
        )
    return value
