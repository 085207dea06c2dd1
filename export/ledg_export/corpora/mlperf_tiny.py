"""MLPerf Tiny: the benchmark's four networks on microcontrollers and small accelerators.

Source: mlcommons/tiny_results_v1.2 and v1.3 (Apache-2.0): median inferences a second of one inference after another,
so latency is the inverse. The networks are the references' int8 files unless the system's name says ``float``.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.published import networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "mlperf_tiny"

FAMILIES: Mapping[str, str] = {"ad": "autoencoder", "ic": "resnet", "kws": "ds_cnn", "vww": "mobilenet_v1"}
"""Benchmark -> architecture family, by the name that all sources share."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a benchmark or system that is not in the mapping.

    """
    known = networks(SOURCE)
    seen: set[tuple[str, str, str]] = set()
    for row in rows(data):
        graph, reason = known.find(row["bench"])
        key = row["system"], row["bench"], row["inf_per_s"]
        reason = reason or tables(SOURCE)["excluded"].get(row["system"])
        if graph is None or reason or key in seen:
            dropped[reason or "submitted again"] += 1
            continue
        seen.add(key)
        yield Sample(
            graph_id=graph, platform=platform_id(row["system"]), batch=1, latency_ms=1000 / float(row["inf_per_s"]),
            statistic="p50", source=SOURCE, family=FAMILIES[row["bench"]], isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "mlperf_tiny_v1.2_v1.3.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def platform_id(system: str) -> str:
    """``<device>/<runtime>/<precision>[+<tag>]`` of a submitted system.

    Raises:
        KeyError: a system that is not in the mapping.

    """
    entry: Mapping[str, str] = tables(SOURCE)["systems"][system]
    tag = f"+{entry['tag']}" if "tag" in entry else ""
    return f"{entry['device']}/{entry['runtime']}/{'fp32' if 'float' in system else 'int8'}{tag}"
