"""PaddleClas's table of ImageNet networks: a server GPU, the CPU of a phone and a Xeon.

Source: PaddlePaddle/PaddleClas, docs of the ImageNet models (Apache-2.0). GPU columns: Paddle Inference with
TensorRT in fp32, batches of 1, 4 and 8, mean of 2100 runs; the plots of the page name the V100, not which of them.
The phone runs Paddle Lite on 1, 2 or 4 threads.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.published import family, networks
from ledg_export.corpora.sample import Sample

SOURCE = "paddleclas"

_GPU = "nvidia-v100/paddle-tensorrt/fp32"
_PHONE = "snapdragon-855-cpu/paddle-lite/fp32"

COLUMNS: Mapping[str, tuple[str, int]] = {
    "time(ms) bs=1": (_GPU, 1), "time(ms) bs=4": (_GPU, 4), "time(ms) bs=8": (_GPU, 8),
    "SD855 time(ms) bs=1, thread=1": (f"{_PHONE}/1t", 1), "SD855 time(ms) bs=1, thread=2": (f"{_PHONE}/2t", 1),
    "SD855 time(ms) bs=1, thread=4": (f"{_PHONE}/4t", 1),
    "Intel-Xeon-Gold-6148 time(ms) bs=1": ("xeon-gold-6148/paddle-onednn/fp32", 1),
}  # fmt: skip
"""Column of the page -> platform, batch."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    A network listed again with better weights (``_ssld``) has the figures of the first listing and counts once.

    Raises:
        KeyError: a network or column that is not in the mapping.

    """
    known = networks(SOURCE)
    listed: set[tuple[str, str, str]] = set()
    for row in rows(data):
        graph, reason = known.find(network(row))
        key = str(graph), row["column"], row["latency_ms"]
        if graph is None or key in listed:
            dropped[reason or "the same figure for other weights"] += 1
            continue
        listed.add(key)
        platform, batch = COLUMNS[row["column"]]
        yield Sample(
            graph_id=graph, platform=platform, batch=batch, latency_ms=float(row["latency_ms"]), statistic="mean",
            source=SOURCE, family=family(graph), isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "paddleclas_imagenet_latency.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def network(row: Mapping[str, str]) -> str:
    """Name of the architecture of a row: without line breaks, footnotes and the name of the training."""
    return row["model"].replace(" ", "").removesuffix("[1]").removesuffix("_ssld")
