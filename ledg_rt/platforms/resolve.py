"""From what a user writes to a ``Platform``: a catalogue id, a TOML file, or free text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledg_rt.errors import PlatformError
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.core_names import core_id
from ledg_rt.platforms.described import UNKNOWN, described
from ledg_rt.platforms.device import PRECISION_BITS, Device, Platform
from ledg_rt.platforms.figures import LIMITS
from ledg_rt.platforms.peaks import cluster_peak, cores_in_use, in_words, peak_at
from ledg_rt.platforms.text import TEXT_LIMIT, read_text

if TYPE_CHECKING:
    from ledg_rt.calibration import Calibration

NUMBERS = ("peak_gops", "bandwidth_gbs", "memory_gb", "power_w", "cores", "clock_ghz", "process_nm", "year")


def resolve(text: str) -> Platform:
    """Read a platform argument.

    Args:
        text: a catalogue id (``nvidia-t4/tensorrt/fp16``), the path of a ``.toml`` file, or free text
            (``"Raspberry Pi 5, tflite int8, 4 threads"``).

    Raises:
        PlatformError: empty text, unreadable file, or figures that no hardware has.
    """
    stripped = text.strip()
    if not stripped:
        raise PlatformError(
            "usage", "the platform is empty", "name a device, e.g. --platform 'nvidia t4 fp16'"
        )
    if stripped.endswith(".toml"):
        return _from_file(Path(stripped))
    if (by_id := from_id(stripped)) is not None:
        return by_id
    return _from_text(stripped)


def from_id(text: str) -> Platform | None:
    """The platform of an id ``<device>/<runtime>/<precision>[/<n>t][+<tag>...]``; ``None`` if it is no id."""
    head, *tags = text.split("+")
    parts = head.split("/")
    device = devices().get(parts[0])
    if device is None or not 3 <= len(parts) <= 4 or parts[2] not in PRECISION_BITS:
        return None
    threads = None
    if len(parts) == 4:
        if not re.fullmatch("[1-9][0-9]{0,5}t", parts[3]):
            return None
        threads = int(parts[3][:-1])
    runtime = None if parts[1] == UNKNOWN else parts[1]
    return on_device(device, text, runtime=runtime, precision=parts[2], threads=threads, tags=tuple(tags))


def _from_text(text: str) -> Platform:
    mention = read_text(text)
    notes = ("text_cut",) if len(text) > TEXT_LIMIT else ()
    if mention.device is None:
        return replace(described(mention), text=text[:TEXT_LIMIT], notes=notes)
    device = devices()[mention.device]
    given: dict[str, Any] = dict(mention.numbers)
    if mention.threads and "cores" in given:
        # Cores are those in use, as in the catalogue: its own count, where it knows the clusters.
        given["cores"] = min(given["cores"], mention.threads)
        if device.clusters:
            del given["cores"]
    runtime = mention.runtime
    if device.kind == "gpu" and runtime == "ncnn":  # its one way to a GPU
        runtime = "ncnn-vulkan"
    base = on_device(
        device, "", runtime=runtime, precision=mention.precision or default_precision(device),
        threads=mention.threads, tags=mention.tags,
    )  # fmt: skip
    rented = mention.rented
    if rented and mention.numbers.get("cores", 0) in range(
        1, sum(cluster.count for cluster in device.clusters)
    ):
        rented = int(mention.numbers["cores"])  # said, and not the number of the whole chip
    if rented and rented < (base.cores or 0):
        # A part of the chip that a cloud rents out: no more cores run than there are in it.
        used = cores_in_use(device.clusters, rented)
        given["cores"] = rented
        peak = cluster_peak(used, base.precision)
        base = replace(base, peak_gops=peak, derived=(("peak_gops", in_words(used)),) if peak else ())
    return replace(base, text=text[:TEXT_LIMIT], **given, named=tuple(sorted(given)), notes=notes)


def _from_file(path: Path) -> Platform:
    """A platform file: the fields of ``Platform``; ``device`` fills in what the file leaves out."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PlatformError("usage", f"{path}: cannot be read", error.strerror or "check the path") from None
    except ValueError as error:  # not TOML, not UTF-8, or NUL in the path
        raise PlatformError(
            "usage", f"{path}: not valid TOML: {error}", "see docs/cli/platforms.md"
        ) from None
    known = {field.name for field in fields(Platform)} - {"id", "text", "named", "derived", "notes", "chip"}
    calibration = _calibration(table.pop("calibration", None), path)
    if unknown := sorted(set(table) - known):
        raise PlatformError(
            "usage", f"{path}: unknown key {unknown[0]!r}", f"known keys: {', '.join(sorted(known))}"
        )
    table["tags"] = tuple(table.get("tags", ()))
    table |= {"core": core} if (core := _core(table, path)) else {}
    precision = table.get("precision", "fp32")
    if precision not in PRECISION_BITS:
        raise PlatformError(
            "usage", f"{path}: unknown precision {precision!r}", f"one of {', '.join(PRECISION_BITS)}"
        )
    given = _checked({name: table[name] for name in NUMBERS if name in table}, str(path))
    if "device" not in table:
        name = "/".join(("file", str(table.get("runtime", UNKNOWN)), precision))
        named = tuple(sorted(given))
        return Platform(id=name, text=str(path), named=named, calibration=calibration, **table)
    if table["device"] not in devices():
        raise PlatformError("usage", f"{path}: no device {table['device']!r}", "see `ledg platforms list`")
    usage = {name: table[name] for name in ("runtime", "threads", "tags") if name in table}
    base = on_device(devices()[table["device"]], str(path), precision=precision, **usage)
    words = {
        name: table[name] for name in ("name", "vendor", "kind", "architecture", "core") if name in table
    }
    return replace(base, named=tuple(sorted(given)), calibration=calibration, **given, **words)


def _core(table: Mapping[str, Any], path: Path) -> str | None:
    """The core of a platform file: the one that it says, else the one that its architecture is the name of."""
    said = table.get("core")
    found = core_id(str(said if said is not None else table.get("architecture", "")))
    if said is not None and not found:
        raise PlatformError(
            "usage", f"{path}: no core {said!r}", 'a microarchitecture, as in "Cortex-A55", or leave it out'
        )
    return found


def _calibration(table: Any, path: Path) -> Calibration | None:
    """The ``[calibration]`` of a platform file, as ``ledg calibrate`` writes it."""
    if table is None:
        return None
    from ledg_rt.calibration import calibration_from  # numpy, which no other platform needs

    try:
        return calibration_from(table)
    except ValueError as error:
        raise PlatformError(
            "usage", f"{path}: [calibration]: {error}", "run `ledg calibrate` again; do not edit its figures"
        ) from None


def on_device(
    device: Device, text: str, *, runtime: str | None = None, precision: str, threads: int | None = None,
    tags: tuple[str, ...] = (),
) -> Platform:  # fmt: skip
    """The platform of a catalogue device in one use; ``peak_gops`` and ``cores`` follow ``threads``."""
    tags = tuple(sorted(tags))
    name = identity(device.id, runtime, precision, threads, tags)
    used = cores_in_use(device.clusters, threads, slowest_first="little" in tags)
    return Platform(
        id=name, text=text or name, device=device.id, name=device.name, chip=device.chip,
        vendor=device.vendor, kind=device.kind, architecture=device.architecture, core=used[0].core if used else None,
        runtime=runtime, precision=precision, threads=threads, tags=tags,
        peak_gops=cluster_peak(used, precision) if used else peak_at(device.peak_gops, precision),
        bandwidth_gbs=device.bandwidth_gbs, memory_gb=device.memory_gb, power_w=device.power_w,
        cores=sum(cluster.count for cluster in used) or device.cores,
        clock_ghz=used[0].clock_ghz if used else device.clock_ghz,
        process_nm=device.process_nm, year=device.year,
    )  # fmt: skip


def identity(
    device: str, runtime: str | None, precision: str, threads: int | None, tags: tuple[str, ...]
) -> str:
    """The id of a device in one use, see ``from_id``; ``tags`` are sorted."""
    use = (device, runtime or UNKNOWN, precision, *((f"{threads}t",) if threads else ()))
    return "+".join(("/".join(use), *tags))


def default_precision(device: Device) -> str:
    """What a device is used in where nobody says: int8 on integer accelerators, else fp32."""
    if device.kind in ("npu", "dsp", "tpu", "fpga", "mcu") and "fp32" not in device.peak_gops:
        return next((name for name in ("int8", "fp16", "bf16") if name in device.peak_gops), "int8")
    return "fp32"


def _checked(numbers: dict[str, Any], where: str) -> dict[str, Any]:
    for name, value in numbers.items():
        low, high = LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise PlatformError(
                "usage", f"{where}: {name} = {value!r} is out of range", f"{low:g} to {high:g}"
            )
    return numbers
