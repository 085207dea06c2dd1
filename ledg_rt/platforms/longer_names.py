"""Names of the catalogue that a text goes on with to the name of another product: ``RTX 4070`` of ``RTX 4070 Super``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ledg_rt.platforms.device import Device

SUFFIXES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("NVIDIA", "gpu"): ("super", "ti", "laptop", "mobile", "notebook", "max-q", "d"),
    ("AMD", "gpu"): ("xt", "xtx", "gre", "laptop", "mobile", "m", "s"),
    ("AMD", "cpu"): ("x3d", "xt"),
    ("Apple", "cpu"): ("pro", "max", "ultra"), ("Apple", "gpu"): ("pro", "max", "ultra"), ("Apple", "npu"): ("pro", "max", "ultra"),
    ("Qualcomm", "cpu"): ("plus", "elite", "lite", "gen"), ("Qualcomm", "gpu"): ("plus", "elite", "lite", "gen"),
    ("Qualcomm", "npu"): ("plus", "elite", "lite", "gen"), ("MediaTek", "cpu"): ("plus",), ("HiSilicon", "cpu"): ("5g", "e"),
    ("Espressif", "mcu"): ("s2", "s3", "c2", "c3", "c5", "c6", "c61", "h2", "p4"),
}  # fmt: skip
"""By vendor and kind: words behind the name of a chip that make it the name of another one."""

PHONES = ("galaxy", "pixel", "iphone", "xiaomi", "oneplus", "vivo", "macbook", "mac mini")
"""Names of products of which the same chip is in the plain one and in that with a suffix."""

_PORTABLE = ("laptop", "mobile", "notebook")
_NEXT = re.compile(r"[\s-]*(?:(?:of|for)\s+)?([a-z0-9]+(?:-q\b)?)", re.ASCII)
_PART_NUMBER = re.compile(
    r"(?:msm|apq|sdm|sm|qcs|qcm|mt|hi|kirin|bcm)\d{3,}\w*(?:[\s-]*(?:ab|ac|pro))?", re.ASCII
)
_FAMILIES: Mapping[str, re.Pattern[str]] = {
    vendor: re.compile(rf"[\s(]*(?:{names})[\s-]*\d", re.ASCII)
    for vendor, names in {
        "Qualcomm": "snapdragon", "MediaTek": "dimensity|helio", "HiSilicon": "kirin", "Samsung": "exynos",
    }.items()
}  # fmt: skip


def goes_on(device: Device, text: str, start: int, end: int) -> bool:
    """Whether the name of ``device`` at ``start`` to ``end`` of ``text`` is but a part of a longer one there.

    A suffix of its kind of chip follows it; or, where the name is a part number, a product of the same maker
    follows it that is another one (``MSM8998 Snapdragon 999``).
    """
    lower = text.lower()
    if len(lower) != len(text):
        return False  # letters that change their length: places no longer agree
    name, behind = lower[start:end], lower[end:]
    suffixes = SUFFIXES.get((device.vendor, device.kind), ())
    found = _NEXT.match(behind)
    portable = found is not None and found[1] in _PORTABLE and "Laptop" in device.name
    if found and found[1] in suffixes and not portable and not any(phone in name for phone in PHONES):
        return True
    family = _FAMILIES.get(device.vendor)
    if family is None or not _PART_NUMBER.fullmatch(name) or not family.match(behind):
        return False
    own = (device.id, device.name, *device.aliases)
    product = re.sub(r"[^a-z0-9+]", "", behind)
    return not any(
        product.startswith(re.sub(r"[^a-z0-9+]", "", alias.lower())) for alias in own if " " in alias
    )
