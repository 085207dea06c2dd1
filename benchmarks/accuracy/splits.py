"""The splits of ``splits.toml``: families and chips that training never sees, fixed before training.

A family is one across sources. One training run holds out the test and validation families *and* chips;
"new architecture" is a held-out family on a chip of the training set, "new device" a training family on a
held-out chip. NAS-Bench-201 is one family: its isomorphism classes are split instead.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from ledg_export.corpora.sample import Sample
from ledg_rt.platforms.catalogue import devices

PATH = Path(__file__).with_name("splits.toml")


@dataclass(frozen=True)
class Split:
    """Samples by role. ``new_architecture`` and ``new_device`` are test rows; ``validation_*`` choose."""

    train: tuple[Sample, ...]
    validation_architecture: tuple[Sample, ...]
    validation_device: tuple[Sample, ...]
    new_architecture: tuple[Sample, ...]
    new_device: tuple[Sample, ...]


def chip_of(platform: str) -> str:
    """The chip of a platform id: all units of a system-on-chip are one."""
    return devices()[platform.split("/")[0]].chip


@cache
def by_class() -> frozenset[str]:
    """Families that are split by isomorphism class."""
    return frozenset(_table()["families"]["by_class"])


def _table() -> dict[str, Any]:
    return tomllib.loads(PATH.read_text(encoding="utf-8"))


def split(samples: Sequence[Sample]) -> Split:
    """Sort samples into roles by the table; rows that are held out twice (new family, new chip) rest."""
    table = _table()
    chips = {chip: role for role in ("validation", "test") for chip in table["chips"][role]}
    families = {family: role for role in ("validation", "test") for family in table["families"][role]}
    parts: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        architecture = families.get(sample.family, "train")
        if sample.family in by_class():
            architecture = {0: "test", 1: "validation"}.get(crc32(sample.isomorphism.encode()) % 10, "train")
        key = (architecture, chips.get(chip_of(sample.platform), "train"))
        parts.setdefault(key, []).append(sample)
    role = {name: tuple(parts.get(key, ())) for name, key in _ROLES.items()}
    return Split(**role)


_ROLES = {
    "train": ("train", "train"),
    "validation_architecture": ("validation", "train"), "validation_device": ("train", "validation"),
    "new_architecture": ("test", "train"), "new_device": ("train", "test"),
}  # fmt: skip
