"""Hailo Model Zoo: frames per second of published networks on Hailo's NPUs.

Source: hailo-ai/hailo_model_zoo, docs/public_models (MIT). Two figures a row, for batches of 1 and 8, in int8. Frames
are pipelined: batch / fps is the inverse of a throughput, so the platform has the tag ``throughput``.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "hailo"
BATCHES = (1, 8)


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``, two a row; counts those left out in ``dropped``, by reason.

    Raises:
        KeyError: a network or device that is not in the mapping.

    """
    known = networks(SOURCE)
    for row in rows(data):
        graph, reason = known.find(network(row))
        for batch in BATCHES:
            fps = row[f"fps_bs{batch}"]
            if graph is None or not fps:
                dropped[reason or "no time measured"] += 1
                continue
            device = tables(SOURCE)["devices"][row["hw"]]
            yield Sample(
                graph_id=graph, platform=f"{device}/hailo-dfc-{row['compiler'].strip('.')}/int8+throughput",
                batch=batch, latency_ms=1000 * batch / float(fps), statistic="throughput", source=SOURCE,
                family=family(graph), isomorphism=graph,
            )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "hailo_model_zoo_fps.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def network(row: dict[str, str]) -> str:
    """Name of the network of a row, without the star of recommended ones."""
    return row["model"].removesuffix("⭐")
