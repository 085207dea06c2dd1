"""What a built corpus holds, as Markdown."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ledg_export.corpora import SOURCES, WITHOUT_LATENCIES
from ledg_export.corpus import built_sources, dropped_rows, load_graphs, sample_path
from ledg_export.sample_store import read_table
from ledg_rt.platforms.catalogue import devices

WELL_MEASURED = 30
"""Samples that a chip should have."""

SETTING = ("graph_id", "platform", "batch", "statistic")
"""Samples that agree in these are repeats of one measurement."""


def stats(cache: Path) -> str:
    """A table of sources, totals, rows left out by reason, and why a source or a folder of the raw tables is absent.

    Noise: median distance in percent of repeated samples from their median; platforms measured in whole milliseconds
    are told apart, with the median error of rounding.
    """
    lines = [
        "| source | rows | kept | graphs | platforms | devices | chips | median ms | noise % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    sources = built_sources(cache)
    chips: Counter[str] = Counter()
    graph_ids: set[str] = set()
    for source in sources:
        table = read_table(sample_path(cache, source))
        found = _by_chip(table)
        lines.append(_line(source, table, len(found), sum(dropped_rows(cache, source).values())))
        chips.update(found)
        graph_ids.update(table["graph_id"].unique().to_pylist())
    lines += ["", *_totals(cache, chips, graph_ids), ""]
    for source in sources:
        lines += _rounded(source, read_table(sample_path(cache, source)))
        lines += [
            f"- {source}: {count} x {why}" for why, count in sorted(dropped_rows(cache, source).items())
        ]
    lines += [f"- {source}: absent, not built into this cache" for source in SOURCES if source not in sources]
    lines += [f"- {folder}: no source, {why}" for folder, why in WITHOUT_LATENCIES.items()]
    return "\n".join(lines)


def _line(source: str, table: pa.Table, chips: int, dropped: int) -> str:
    platforms = table["platform"].unique().to_pylist()
    noise = _noise(table)
    cells: tuple[Any, ...] = (
        source, len(table) + dropped, len(table), len(table["graph_id"].unique()), len(platforms),
        len({name.split("/")[0] for name in platforms}), chips, f"{np.median(table['latency_ms'].to_numpy()):.4g}",
        "-" if noise is None else f"{noise:.1f}",
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def _noise(table: pa.Table) -> float | None:
    """Median distance in percent of repeated samples from the median of their setting; None without repeats."""
    codes = np.column_stack([_codes(table[name]) for name in SETTING])
    setting = np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(setting, kind="stable")
    latency = table["latency_ms"].to_numpy()[order]
    groups = np.split(latency, np.flatnonzero(np.diff(setting[order])) + 1)
    distances = [np.abs(group / np.median(group) - 1) for group in groups if len(group) > 1]
    return 100 * float(np.median(np.concatenate(distances))) if distances else None


def _rounded(source: str, table: pa.Table) -> list[str]:
    """A line on the platforms whose ``WELL_MEASURED`` samples or more are all whole milliseconds; none without."""
    latency, platform = table["latency_ms"].to_numpy(), _codes(table["platform"])
    counts = np.bincount(platform)
    broken = np.bincount(platform, weights=latency != np.round(latency))
    whole = (counts >= WELL_MEASURED) & (broken == 0)
    if not whole.any():
        return []
    error = 100 * float(
        np.median(0.25 / latency[whole[platform]])
    )  # half of all are rounded by a quarter or less
    return [
        f"- {source}: {whole.sum()} platforms in whole milliseconds, rounding of {error:.1f} % in the median"
    ]


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    whole = column.combine_chunks()
    return np.asarray(whole.indices if pa.types.is_dictionary(whole.type) else whole, dtype=np.int64)


def _by_chip(table: pa.Table) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in table["platform"].value_counts().to_pylist():
        counts[devices()[row["values"].split("/")[0]].chip] += row["counts"]
    return counts


def _totals(cache: Path, chips: Counter[str], graph_ids: set[str]) -> list[str]:
    graphs = load_graphs(cache, graph_ids)
    single = {graph_id for graph_id in graph_ids if graphs.size(graph_id) == 1}
    several = {graphs.digest(graph_id) for graph_id in graph_ids - single}
    enough = sum(count >= WELL_MEASURED for count in chips.values())
    return [
        f"- {chips.total()} samples, {len(several)} distinct graphs of several nodes, "
        f"{len({graphs.digest(graph_id) for graph_id in single})} of one",
        f"- {len(chips)} chips, {enough} of them with {WELL_MEASURED} or more samples",
    ]
