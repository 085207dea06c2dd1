"""OpenCV Zoo's benchmark: published networks in OpenCV's own engine on boards and a desktop.

Source: opencv/opencv_zoo, benchmark/README.md (Apache-2.0). The median of a table's row counts: upstream's ``min`` runs
on over the networks of one name. Times include the scaling of the image and the reading of the result.
"""

from __future__ import annotations

import ast
import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "opencv_zoo"


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a network, device or target that is not in the mapping.

    """
    known = networks(SOURCE)
    for row in rows(data):
        name, precision = network(row)
        graph, reason = known.find(name)
        if graph is None or (precision == "int8" and row["backend"] == "CUDA"):
            dropped[reason or "int8 in a float engine"] += 1
            continue
        yield Sample(
            graph_id=graph, platform=platform_id(row, precision), batch=1, latency_ms=float(row["median_ms"]),
            statistic="p50", source=SOURCE, family=family(graph), isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    with (data / SOURCE / "opencv_zoo_benchmark.csv").open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def network(row: Mapping[str, str]) -> tuple[str, str]:
    """Name of a network, which is that of its (first) file, and the precision that the file's name states."""
    name = str(ast.literal_eval(row["files"])[0]).rpartition(".")[0]
    for precision in ("int8", "fp16"):
        if name.endswith(f"_{precision}"):
            return name.removesuffix(f"_{precision}"), precision
    return name, "fp32"


def platform_id(row: Mapping[str, str], precision: str) -> str:
    """``<device>/opencv[-<backend>]/<precision>``.

    Raises:
        KeyError: a device or target that is not in the mapping.

    """
    unit = "GPU" if row["backend"] == "CUDA" else row["target"]
    device = tables(SOURCE)["devices"][row["device"]][unit]
    used = "fp16" if row["target"] == "CUDA_FP16" or (unit == "NPU" and precision == "fp32") else precision
    engine = "opencv" if row["backend"] == "OPENCV" else f"opencv-{row['backend'].lower()}"
    return f"{device}/{engine}/{used}"
