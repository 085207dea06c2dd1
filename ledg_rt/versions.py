"""The version of a runtime that a description leaves open: the newest that a bundle knows on that hardware.

A runtime is written as words and a version between hyphens: ``tflite-2.5.0-ruy``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from ledg_rt.encoding import platform_keys
from ledg_rt.platforms.device import Platform
from ledg_rt.platforms.resolve import identity

_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9})*", re.ASCII)


def newest_version(platform: Platform, known: Collection[str]) -> Platform:
    """``platform`` with the newest of the known versions that its runtime can mean.

    A runtime without a version can mean all of them, ``tensorrt-8.4`` can mean 8.4.0 and 8.4.2; what follows the
    words of a runtime (``-ruy``) may be left out. Versions known in the very same use come first, then those at the
    same precision of the device. Where none is known, or the runtime as written is, the platform stays as it is.

    Args:
        platform: as described.
        known: names of platforms, see ``encoding.platform_keys``; other names do not matter.
    """
    if platform.device is None or platform.runtime is None:
        return platform
    words, version = _read(platform.runtime)
    *_, stack, use, own = (key.partition(" ")[2] for key in platform_keys(platform))
    if f"platform {own}" in known:
        return platform
    found = []
    for key in known:
        level, _, name = key.partition(" ")
        runtime, _, used = name.partition(" ")
        if level == "platform" and used.partition("+")[0] == stack:
            its_words, its_version = _read(runtime)
            alike = its_words[: len(words)] == words and its_version[: len(version)] == version
            if its_version and alike:
                found.append((used == use, its_version, -len(its_words), runtime))
    if not found:
        return platform
    *_, newest = max(found)
    name = identity(platform.device, newest, platform.precision, platform.threads, platform.tags)
    return replace(platform, id=name, runtime=newest)


def _read(runtime: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The words of a runtime, and the numbers of its version: () where it has none."""
    parts = runtime.split("-")
    numbers = [part for part in parts if _VERSION.fullmatch(part)]
    words = tuple(part for part in parts if part not in numbers)
    return words, tuple(int(number) for number in numbers[0].split(".")) if numbers else ()
