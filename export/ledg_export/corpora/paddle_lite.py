"""Paddle Lite's benchmark: published networks on one core, and on the GPU, of phones.

Source: PaddlePaddle/Paddle-Lite, docs/performance/benchmark.md of v2.11 (Apache-2.0). Mean of 600 runs on one thread.
Under a heading a network may be listed again for some chips, twice as fast: half precision or pruned weights, the
table does not say which. Only the first listing counts.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "paddle_lite"

_HEADINGS: tuple[tuple[str, str], ...] = (("GPU", ""), ("ARMV8", "/1t"), ("ARMV7", "/1t+armv7"))
"""Unit in the heading -> end of the platform id."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a network, chip or heading that is not in the mapping.

    """
    known = networks(SOURCE)
    listed: set[tuple[str, str, str]] = set()
    for row in rows(data):
        key = row["section"], row["model"], row["soc"]
        graph, reason = known.find(row["model"].removesuffix("_quant"))
        if graph is None or key in listed:
            dropped[reason or "listed again: precision or pruning not stated"] += 1
            continue
        listed.add(key)
        yield Sample(
            graph_id=graph, platform=platform_id(row), batch=1, latency_ms=float(row["latency_ms"]),
            statistic="mean", source=SOURCE, family=family(graph), isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "paddle_lite_benchmark.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def platform_id(row: Mapping[str, str]) -> str:
    """``<device>/paddle-lite-2.11/<precision>[/1t[+armv7]]``.

    Raises:
        KeyError: a chip or heading that is not in the mapping.

    """
    for unit, end in _HEADINGS:
        if unit in row["section"]:
            device = tables(SOURCE)["gpus" if unit == "GPU" else "cpus"][row["soc"]]
            precision = "int8" if "int8" in row["section"] else "fp32"
            return f"{device}/paddle-lite-2.11/{precision}{end}"
    raise KeyError(f"no unit is known for {row['section']!r}")
