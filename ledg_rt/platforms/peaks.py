"""Peak throughput of the cores in use, for devices of the catalogue and described ones alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ledg_rt.platforms.device import PEAK_FALLBACK, Cluster
from ledg_rt.platforms.instruction_sets import core_of

LITTLE_SHARE = 0.5
"""Cores slower than this share of the fastest one do not count where no thread count is given."""


def cores_in_use(
    clusters: Sequence[Cluster], threads: int | None, *, slowest_first: bool = False
) -> list[Cluster]:
    """The cores that ``threads`` threads run on; without a count, all but the slow cluster."""
    if not clusters:
        return []
    if threads is None:
        fastest = cluster_rate(clusters[0])
        return [cluster for cluster in clusters if cluster_rate(cluster) >= LITTLE_SHARE * fastest]
    used, left = [], threads
    for cluster in reversed(clusters) if slowest_first else clusters:
        if left > 0:
            used.append(replace(cluster, count=min(cluster.count, left)))
            left -= cluster.count
    return used


def cluster_rate(cluster: Cluster) -> float:
    """10^9 fp32 operations a second of one core; its clock where the core's rate is not known."""
    return cluster.clock_ghz * (peak_at(core_of(cluster.core).ops_per_cycle, "fp32") or 1.0)


def cluster_peak(used: Sequence[Cluster], precision: str) -> float | None:
    """10^9 operations a second of all ``used`` cores; None where the rate of one of them is not known."""
    rates = [peak_at(core_of(cluster.core).ops_per_cycle, precision) for cluster in used]
    if any(rate is None for rate in rates):
        return None
    return sum(
        rate * cluster.count * cluster.clock_ghz for rate, cluster in zip(rates, used, strict=True) if rate
    )


def in_words(used: Sequence[Cluster]) -> str:
    """What the peak of ``used`` cores follows from: ``4 x Arm Cortex-A76 at 2.4 GHz``."""
    return ", ".join(
        f"{cluster.count} x {core_of(cluster.core).name} at {cluster.clock_ghz:g} GHz" for cluster in used
    )


def peak_at(table: Mapping[str, float], precision: str) -> float | None:
    """The figure of ``precision``, or of the first of ``PEAK_FALLBACK`` where it has none; None where that is missing too."""
    return next(
        (table[name] for name in (precision, *PEAK_FALLBACK.get(precision, ())) if name in table), None
    )
