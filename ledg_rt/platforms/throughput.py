"""Throughputs in a text, each with the precision that it is said of: ``35 TFLOPS fp32``, ``26 INT8 TOPS``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ledg_rt.platforms.device import PRECISION_BITS
from ledg_rt.platforms.figures import checked

PRECISION_WORDS: Mapping[str, str] = {
    "float32": "fp32", "single precision": "fp32", "float": "fp32", "f32": "fp32", "half": "fp16", "float16": "fp16",
    "f16": "fp16", "half precision": "fp16", "bfloat16": "bf16", "int-8": "int8", "i8": "int8", "uint8": "int8",
    "8 bit": "int8", "8-bit": "int8", "8bit": "int8", "w8a8": "int8", "quantized": "int8", "mixed precision": "amp", "float64": "fp64",
    **{name: name for name in PRECISION_BITS},
}  # fmt: skip
"""How people write a precision."""

SCALE: Mapping[str, float] = {"k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3, "p": 1e6}
"""10^9 of a prefix."""

_WORDS = "|".join(sorted(map(re.escape, PRECISION_WORDS), key=len, reverse=True))
_UNIT = r"([kmgtp])(?:fl)?op(?:s|/s)?\b"
_NUMBER = r"(?<![\w.])(\d{1,12}(?:[.,]\d{1,9})?)\s*"
_PEAK = re.compile(
    rf"(?:(?<!\w)(?P<before>{_WORDS})\s*[:=]?\s*)?{_NUMBER}(?:(?P<between>{_WORDS})\s+)?{_UNIT}"
    rf"(?:\s*\(?\s*(?:(?:of|at|in|dense|peak|for)\s+)*(?P<after>{_WORDS})(?!\w)\)?)?",
    re.IGNORECASE,
)


def take_peaks(text: str) -> tuple[dict[str | None, float], str]:
    """10^9 operations a second by precision (None where it says none), and ``text`` without them.

    Of two figures of one precision the first counts.

    Raises:
        PlatformError: a throughput that no hardware has.
    """
    found: dict[str | None, float] = {}
    for match in _PEAK.finditer(text):
        # "fp16 35 TFLOPS fp32": what stands behind or inside belongs to the figure, what stands before may not.
        word = match["between"] or match["after"] or match["before"]
        start = match.start(2) if word != match["before"] and match["before"] else match.start()
        number, scale = match[2], SCALE[match[4].lower()]
        value = checked("peak_gops", float(number.replace(",", ".")) * scale, text[start : match.end()])
        found.setdefault(PRECISION_WORDS[word.lower()] if word else None, value)
        text = f"{text[:start]}{' ' * (match.end() - start)}{text[match.end() :]}"
    return found, text
