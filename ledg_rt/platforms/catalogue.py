"""The device catalogue: TOML files in ``devices/`` and ``cores/``, read once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ledg_rt.platforms.device import KINDS, PRECISION_BITS, Cluster, Core, Device


def _tables(folder: str) -> Iterator[dict[str, Any]]:
    for entry in sorted((files("ledg_rt.platforms") / folder).iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            yield tomllib.loads(entry.read_text(encoding="utf-8"))


@cache
def cores() -> Mapping[str, Core]:
    """Every known microarchitecture, by id."""
    return {
        core_id: Core(id=core_id, **fields) for table in _tables("cores") for core_id, fields in table.items()
    }


@cache
def devices() -> Mapping[str, Device]:
    """Every device of the catalogue, by id.

    Raises:
        ValueError: two devices of one id, an unknown kind or precision (a fault of the catalogue).
    """
    found: dict[str, Device] = {}
    for table in _tables("devices"):
        for fields in table["device"]:
            device = _device(fields)
            if device.id in found:
                raise ValueError(f"device {device.id!r} is in the catalogue twice")
            found[device.id] = device
    return found


def _device(fields: dict[str, Any]) -> Device:
    fields = dict(fields)
    fields["clusters"] = tuple(Cluster(**cluster) for cluster in fields.get("clusters", ()))
    fields["aliases"] = tuple(fields.get("aliases", ()))
    device = Device(**fields)
    if device.kind not in KINDS:
        raise ValueError(f"device {device.id!r}: kind {device.kind!r} is none of {KINDS}")
    if unknown := set(device.peak_gops) - set(PRECISION_BITS):
        raise ValueError(f"device {device.id!r}: unknown precisions {sorted(unknown)}")
    return device
