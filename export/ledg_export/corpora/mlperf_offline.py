"""MLPerf Inference, offline: samples a second of systems that may batch and overlap as they like.

Source: mlcommons/inference_results v0.5 to v4.1 (Apache-2.0), one row a run. Latency is the inverse of the throughput, a
share of the time and no latency of one run: the platform is that of the single-stream rows with the tag
``throughput``. The batch is not stated: a sample has batch 1. Only systems of one accelerator, or of one CPU alone, count,
since how well several share the work is not the network's; TensorRT on a Jetson uses GPU and DLAs at once. Networks, devices and what is assumed: see
``mlperf_inference``.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora import mlperf_inference
from ledg_export.corpora.sample import Sample

SOURCE = "mlperf_offline"

_ONE = ("0", "1", "")
"""Accelerators of a system that counts."""

_SOCKETS = re.compile(r"\+\d+s(\+|$)")


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason."""
    described = {_key(entry): entry for entry in mlperf_inference.systems(data).values()}
    for row in rows(data):
        # Systems without single-stream rows have no description beyond the row.
        system = described.get(_key(row), {**row, "hw_notes": ""})
        found = mlperf_inference.graph(row["model"])
        reason = mlperf_inference.left_out(row["model"]) if found is None else _fault(row, system)
        if found is None or reason is not None:
            dropped[str(reason)] += 1
            continue
        graph_id, stated = found
        yield Sample(
            graph_id=graph_id, platform=platform_id(system, stated), batch=1,
            latency_ms=1000 / float(row["samples_per_s"]), statistic="throughput", source=SOURCE,
            family=mlperf_inference.family(graph_id), isomorphism=graph_id,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    path = data / mlperf_inference.FOLDER / "offline_throughput.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def platform_id(system: Mapping[str, str], stated: str | None) -> str:
    """The platform of the single-stream rows with one tag more, in order.

    Raises:
        KeyError: hardware or a runtime that no mapping knows.

    """
    head, *tags = mlperf_inference.platform_id(system, stated).split("+")
    return "+".join((head, *sorted((*tags, "throughput"))))


def _fault(row: Mapping[str, str], system: Mapping[str, str]) -> str | None:
    """Why a row of a network that has a graph is left out; None for a good one."""
    if row["n_accel"] not in _ONE:
        return "several accelerators"
    if row["valid"] != "VALID" and row["division"] == "closed":
        return "invalid"
    if reason := mlperf_inference.mapping().excluded.get((row["round"], row["division"], row["system"])):
        return reason
    try:
        platform = platform_id(system, None)
    except KeyError:
        return "hardware or runtime without single-stream rows"
    if platform.startswith("jetson") and "/tensorrt" in platform:
        return "GPU and DLAs at once"
    if _SOCKETS.search(platform):
        return "several sockets"
    if row["model"].startswith("bert-99") and platform.split("/")[1].startswith("tensorrt"):
        return "BERT without padding"
    return None


def _key(entry: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(entry[field] for field in ("round", "division", "submitter", "system"))
