"""NetsPresso's device matrix: published networks on Jetsons, Raspberry Pis, a Xeon, an NPU and a microcontroller.

Source: Nota-NetsPresso/netspresso-trainer (Apache-2.0). Classifiers were trained for three classes, detectors for four;
the graphs have the thousand of ImageNet and the eighty of COCO, at most 2 % of the multiply-adds more. TFLite's float16
files hold weights only: the CPUs of the table compute them in fp32, as OpenVINO does on the Xeon, and their platforms
have the tag ``fp16-weights``.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "netspresso"


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a network or section that is not in the mapping.

    """
    known = networks(SOURCE)
    for row in rows(data):
        graph, reason = known.find(row["model"])
        if graph is None:
            dropped[str(reason)] += 1
            continue
        yield Sample(
            graph_id=graph, platform=tables(SOURCE)["platforms"][row["section"]], batch=1,
            latency_ms=float(row["latency_ms"]), statistic="unstated", source=SOURCE, family=family(graph),
            isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "netspresso_device_matrix.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
