"""Qualcomm AI Hub Models: published networks on Hexagon NPUs of phones, cars, boards and laptops.

Source: qualcomm/ai-hub-models, perf.yaml of each model, releases v0.46.1 and v0.47.0 (BSD-3-Clause). One row a
network, chip, precision and runtime. The figure is AI Hub's estimated inference time; of which statistic of its runs
is not stated. ``qualcomm_aihub.toml`` maps networks and chips.

* Precision. ``float`` runs in fp16 on the NPU and in fp32 on the CPU. Mixed precisions are left out.
* Units. A row counts only where every layer ran on one unit: fallbacks cost more than the layers themselves.
* Proxies. AI Hub measures a proxy on another product with the same chip.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.published import family, networks, tables
from ledg_export.corpora.sample import Sample

SOURCE = "qualcomm_aihub"

PRECISIONS: Mapping[str, str] = {"w8a8": "int8", "w8a16": "w8a16", "w4a16": "w4a16", "w16a16": "int16"}
"""Precision of the table -> precision of a platform; ``float`` depends on the unit."""

_FLOAT: Mapping[str, str] = {"NPU": "fp16", "CPU": "fp32"}

_COMPILED = ("qnn_context_binary", "precompiled_qnn_onnx")
"""Runtimes that load a network compiled ahead for the chip."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of both releases below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a network or chip that is not in the mapping.

    """
    known = networks(SOURCE)
    for row in rows(data):
        graph, reason = known.find(row["model_id"])
        reason = reason or _fault(row)
        if graph is None or reason is not None:
            dropped[str(reason)] += 1
            continue
        yield Sample(
            graph_id=graph, platform=platform_id(row), batch=1, latency_ms=float(row["inference_ms"]),
            statistic="unstated", source=SOURCE, family=family(graph), isomorphism=graph,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of all releases as they are."""
    for path in sorted((data / SOURCE).glob("aihub_perf_*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream)


def _fault(row: Mapping[str, str]) -> str | None:
    """Why a row of a network that has a graph is left out; None for a good one."""
    if not row["inference_ms"]:
        return "no time measured"
    if row["precision"] != "float" and row["precision"] not in PRECISIONS:
        return "mixed precision"
    if row["primary_compute_unit"] not in _FLOAT:
        return f"on the {row['primary_compute_unit']}"
    if row[f"layers_{row['primary_compute_unit'].lower()}"] != row["layers_total"]:
        return "split between units"
    return None


def platform_id(row: Mapping[str, str]) -> str:
    """``<device>/<runtime>/<precision>[+context-binary]``.

    Raises:
        KeyError: a chip or unit that is not in the mapping.

    """
    unit = row["primary_compute_unit"]
    device = tables(SOURCE)["devices"][row["chipset"]][unit]
    precision = PRECISIONS.get(row["precision"]) or _FLOAT[unit]
    tag = "+context-binary" if row["runtime"] in _COMPILED else ""
    return f"{device}/{runtime(row)}/{precision}{tag}"


def runtime(row: Mapping[str, str]) -> str:
    """The runtime with its version; ``-qnn`` where it hands the network to Qualcomm's QNN."""
    versions: Mapping[str, str] = json.loads(row["tool_versions"])
    engine = row["runtime"]
    if engine in ("qnn_dlc", "qnn_context_binary"):
        return f"qnn-{'.'.join(versions['qairt'].split('.')[:3])}"
    name = f"tflite-{versions['tflite']}" if engine == "tflite" else f"onnxruntime-{versions['onnx_runtime']}"
    return f"{name}-qnn" if "qairt" in versions else name
