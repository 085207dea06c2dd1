"""RKNN Model Zoo: frames per second of published networks on Rockchip's NPUs.

Source: airockchip/rknn_model_zoo, README (Apache-2.0). Batch 1, NPU at its highest clock, without pre- and
post-processing. Frames may overlap: 1 / fps is the inverse of a throughput, so the platform has the tag
``throughput``. On chips of several NPU cores one core runs.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "rknn"


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a network or heading that is not in the mapping.

    """
    known = networks(SOURCE)
    for row in rows(data):
        graph, reason = known.find(row["model"])
        if graph is None:
            dropped[str(reason)] += 1
            continue
        device = tables(SOURCE)["devices"][row["platform"]]
        yield Sample(
            graph_id=graph, platform=f"{device}/rknn/{row['dtype'].lower()}+throughput", batch=1,
            latency_ms=1000 / float(row["fps"]), statistic="throughput", source=SOURCE, family=family(graph),
            isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "rknn_model_zoo_fps.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
