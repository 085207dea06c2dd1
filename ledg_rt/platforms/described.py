"""Hardware that is not in the catalogue, from its description: what follows from the words and tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ledg_rt.platforms.device import Cluster, Platform
from ledg_rt.platforms.instruction_sets import core_of, is_generic
from ledg_rt.platforms.peaks import cluster_peak, cores_in_use, in_words, peak_at
from ledg_rt.platforms.text import Mention

UNKNOWN = "unknown"
"""What stands in an id for a runtime that nobody named."""

INTEGER_KINDS = ("npu", "dsp", "tpu")
"""Kinds of units that are used in int8 where nobody says otherwise."""


def described(mention: Mention) -> Platform:
    """The platform of a device that the catalogue does not have.

    Peaks of processors follow from cores, clocks and the rates of the cores as they do in the catalogue. ``derived``
    names each figure that the text does not give itself, with what it was derived from.
    """
    precision = mention.precision or ("int8" if mention.kind in INTEGER_KINDS else "fp32")
    runtime = mention.runtime
    if mention.kind == "gpu" and runtime == "ncnn":  # its one way to a GPU
        runtime = "ncnn-vulkan"
    mine = mention.kind in (None, "cpu", "mcu")
    clusters = mention.cores.clusters if mine else ()
    clock = mention.numbers.get("clock_ghz")
    if mention.kind == "mcu" and mention.cores.core and clock and "cores" not in mention.numbers:
        clusters = (
            Cluster(mention.cores.core, 1, clock),
        )  # one core runs the network, whatever else there is
    elif mine and not clusters and not clock:
        clusters = _clocked_by_its_line(mention)
    core = mention.cores.core if mine else None
    used = cores_in_use(clusters, mention.threads, slowest_first="little" in mention.tags)
    given: dict[str, Any] = dict(mention.numbers)
    if used:
        if "cores" in given or mention.kind == "mcu":
            given["cores"] = sum(cluster.count for cluster in used)
        if clock:
            given["clock_ghz"] = used[0].clock_ghz
    elif mention.threads and "cores" in given and mine:
        given["cores"] = min(given["cores"], mention.threads)
    derived = {
        name: (value, how) for name, value, how in _derived(mention, precision, used) if name not in given
    }
    return Platform(
        id="/".join(("text", runtime or UNKNOWN, precision)), text="", name=mention.rest or None,
        vendor=mention.vendor or _core_maker(mention),
        kind=mention.kind, architecture=_architecture(mention), core=used[0].core if used else core,
        runtime=runtime, precision=precision,
        threads=mention.threads, tags=mention.tags, named=tuple(sorted(given)), **given,
        **{name: value for name, (value, _) in derived.items()},
        derived=tuple((name, how) for name, (_, how) in derived.items()),
    )  # fmt: skip


def _clocked_by_its_line(mention: Mention) -> tuple[Cluster, ...]:
    """Cores of a product of which all are sold at one clock, where the text says how many there are, or threads."""
    line = mention.product.line if mention.product else None
    count = mention.cores.cores or mention.threads
    if line is None or not line.clock_ghz or not line.core or line.core != mention.cores.core or not count:
        return ()
    return (Cluster(line.core, count, line.clock_ghz),)


def _derived(mention: Mention, precision: str, used: Sequence[Cluster]) -> Iterator[tuple[str, Any, str]]:
    """Name, value and origin of each figure that follows from others; of one name the first that there is counts."""
    line = mention.product.line if mention.product else None
    if (peak := _peak(mention, precision, used)) is not None:
        yield "peak_gops", *peak
    if used and mention.threads:
        yield "cores", sum(cluster.count for cluster in used), f"{mention.threads} threads"
    if used and line is not None and line.clock_ghz:
        yield "clock_ghz", used[0].clock_ghz, line.source
    if mention.memory and mention.memory.bandwidth_gbs and not _own_memory(mention):
        yield "bandwidth_gbs", mention.memory.bandwidth_gbs, mention.memory.how
    core = (
        core_of(mention.cores.core) if mention.cores.core and mention.kind in (None, "cpu", "mcu") else None
    )
    if line is not None and line.year:
        yield "year", line.year, f"first of {line.architecture}"
    elif core is not None and core.year:
        yield "year", core.year, f"first of {core.name}"


def _peak(mention: Mention, precision: str, used: Sequence[Cluster]) -> tuple[float, str] | None:
    """10^9 operations a second at ``precision`` and what it follows from."""
    said = {name: value for name, value in mention.peaks.items() if name is not None}
    ratios = mention.product.line.peak_ratios if mention.product else {}
    architecture = mention.product.line.architecture if mention.product else None
    for name, value in said.items():
        own, other = (1.0 if each == "fp32" else ratios.get(each) for each in (name, precision))
        if own and other and name != precision:
            return value * other / own, f"{name} of the text, {architecture}"
    if (peak := peak_at(said, precision)) is not None:
        return (
            peak,
            f"{precision} at the rate of {next(name for name, value in said.items() if value == peak)}",
        )
    if used and (peak := cluster_peak(used, precision)) is not None:
        return peak, in_words(used)
    return None


def _own_memory(mention: Mention) -> bool:
    """Whether the unit is a card, whose memory is not that of the host."""
    host = mention.memory is not None and mention.memory.how.startswith("DDR")
    return host and mention.kind == "gpu" and mention.vendor in ("NVIDIA", "AMD")


def _architecture(mention: Mention) -> str | None:
    line = mention.product.line if mention.product else None
    core = _core_name(mention)
    if line is not None and line.architecture and (line.core in (None, mention.cores.core) or not core):
        return line.architecture
    return core or (line.architecture if line else None)


def _core_maker(mention: Mention) -> str | None:
    return (
        core_of(mention.cores.core).name.partition(" ")[0]
        if _core_name(mention) and mention.cores.core
        else None
    )


def _core_name(mention: Mention) -> str:
    """The fastest core that is named, as the catalogue writes it: without its maker. Instruction sets name none."""
    core = mention.cores.core
    if core is None or is_generic(core) or mention.kind not in (None, "cpu", "mcu"):
        return ""
    name = re.sub(r"\s*\(.*?\)", "", core_of(core).name)
    return name.partition(" ")[2]
