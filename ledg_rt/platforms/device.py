"""Hardware as the catalogue describes it: ``Core`` (a microarchitecture), ``Cluster``, ``Device``.

Peaks of CPUs are derived: cores x clock x operations per cycle of the microarchitecture. Peaks of
accelerators are published figures. A figure that is not known is ``None``, never guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledg_rt.calibration import Calibration

KINDS = ("cpu", "gpu", "npu", "dsp", "tpu", "fpga", "mcu")

PRECISION_BITS: Mapping[str, int] = {
    "fp64": 64, "fp32": 32, "tf32": 32, "fp16": 16, "bf16": 16, "amp": 16, "amp-bf16": 16, "fp8": 8,
    "int16": 16, "w8a16": 16, "int8": 8, "w4a16": 16, "int4": 4,
}  # fmt: skip
"""Bits of an activation at each precision that a platform can run in."""

PEAK_FALLBACK: Mapping[str, tuple[str, ...]] = {
    "amp": ("fp16", "bf16", "fp32"), "amp-bf16": ("bf16", "fp16", "fp32"), "fp16": ("fp32", "int8"),
    "bf16": ("fp32", "int8"), "tf32": ("fp32",), "w8a16": ("int16", "fp16", "fp32", "int8"),
    "int16": ("fp16", "fp32", "int8"), "int8": ("fp16", "fp32"), "w4a16": ("fp16", "fp32", "int8"),
    "int4": ("int8", "fp16", "fp32"), "fp8": ("fp16", "fp32"),
}  # fmt: skip
"""Where a precision has no peak of its own: units that compute it by converting to the next one. The last resort of 16 bits is the 8-bit
peak, which NPUs publish alone: none is faster at 16 bits, so that a roofline with this peak stays a bound."""


@dataclass(frozen=True, slots=True)
class Core:
    """A CPU microarchitecture. ``ops_per_cycle``: operations (a multiply-add is two) one core finishes
    per cycle, by precision, with the widest vector unit. ``pipeline``: ``in order`` or ``out of order``; ``decode``: instructions that it
    decodes a cycle at most. Both say how near to its rate a core comes.
    """

    id: str
    name: str
    ops_per_cycle: Mapping[str, float]
    year: int | None = None
    pipeline: str | None = None
    decode: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """``count`` equal cores at ``clock_ghz`` (highest sustained clock as published)."""

    core: str
    count: int
    clock_ghz: float


@dataclass(frozen=True, slots=True)
class Device:
    """A compute unit: a CPU cluster set, a GPU, an NPU.

    ``chip`` is the die: all units of a system-on-chip share it. ``peak_gops``: 10^9 operations a second
    by precision, dense. ``clusters`` are ordered from the fastest core to the slowest. ``sources`` maps
    a field (or "all") to where its figure was published.
    """

    id: str
    name: str
    chip: str
    vendor: str
    kind: str
    architecture: str | None = None
    year: int | None = None
    clusters: tuple[Cluster, ...] = ()
    peak_gops: Mapping[str, float] = field(default_factory=dict)
    bandwidth_gbs: float | None = None
    memory_gb: float | None = None
    power_w: float | None = None
    cores: int | None = None
    clock_ghz: float | None = None
    process_nm: float | None = None
    aliases: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Platform:
    """Hardware plus how it is used, resolved to words and numbers: all that the model sees of it.

    ``peak_gops``, ``cores`` and ``core``, the id of the first one that runs, hold for ``precision`` and ``threads``. ``device`` is a catalogue id or
    ``None``; ``named`` lists the fields that the user's own text gave (they win over the catalogue), ``derived`` those that follow from it, each with what it follows from.
    ``calibration`` is what measurements on it taught, for one bundle.
    """

    id: str
    text: str
    device: str | None = None
    name: str | None = None
    chip: str | None = None
    vendor: str | None = None
    kind: str | None = None
    architecture: str | None = None
    core: str | None = None
    runtime: str | None = None
    precision: str = "fp32"
    threads: int | None = None
    tags: tuple[str, ...] = ()
    peak_gops: float | None = None
    bandwidth_gbs: float | None = None
    memory_gb: float | None = None
    power_w: float | None = None
    cores: int | None = None
    clock_ghz: float | None = None
    process_nm: float | None = None
    year: int | None = None
    named: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None

    @property
    def sha256(self) -> str:
        """Digest of all that a prediction depends on, in hexadecimal: equal for two ways to write the same platform."""
        seen = {
            name: value
            for name, value in asdict(self).items()
            if name not in ("id", "text", "named", "derived", "notes")
            and (name, value) not in (("calibration", None), ("core", None))
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
