"""Search spaces measured on many platforms: a table of latencies of networks by columns, and what is known of a column.

Raw tables below ``$LEDG_DATA``. ``nasbench201``, ``fbnet`` and ``ofa`` are HELP's; ``nasbench201_all`` adds the columns of
HW-NAS-Bench, BRP-NAS, OneProxy and NNLQP (CIFAR-10 inputs), some of which have a part of the cells only.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.nasbench201_identity import Column
from benchmarks.accuracy.nasbench201_identity import columns as nasbench201_columns
from benchmarks.accuracy.splits import chip_of
from ledg_export.corpora import brp_nas, help, hw_nas_bench, nnlqp, oneproxy
from ledg_export.zoo.nasbench201 import OPERATIONS, parse
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import PLATFORM_NUMBERS, encode_platform
from ledg_rt.platforms import resolve

SPACES = ("nasbench201", "fbnet", "ofa", "nasbench201_all")
HELP_FILES = {"nasbench201": "nb201", "fbnet": "fbnet", "ofa": "ofa_mbv3"}

DEFAULT_TASK = (
    "1080ti_1", "1080ti_32", "1080ti_256", "silver_4114", "silver_4210r", "samsung_a50", "pixel3", "essential_ph_1",
    "samsung_s7",
)  # fmt: skip
"""HELP's training columns of NAS-Bench-201 (Lee et al., NeurIPS 2021); the others are its new devices."""

FIGURES = ("peak_gops", "bandwidth_gbs", "power_w", "cores", "year")
"""Figures of a platform that likeness reads; the others are rarely known here."""

LARGEST_BATCH = 256

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Space:
    """P columns over N networks.

    ``names``, ``platforms`` (ids) and ``batches`` of the columns; ``log_ms``: natural log of milliseconds [P, N], NaN where
    nothing was measured; ``features``: one-hot choices of the networks [N, F].
    """

    names: tuple[str, ...]
    platforms: tuple[str, ...]
    batches: tuple[int, ...]
    log_ms: Float
    features: Float

    @property
    def chips(self) -> NDArray[np.str_]:
        """The chip of each column [P]."""
        return np.array([chip_of(platform) for platform in self.platforms])


def load(data: Path, name: str) -> Space:
    """One of ``SPACES`` from the tables below ``data``."""
    table = name.removesuffix("_all")
    rows = _read(data / "help" / f"{HELP_FILES[table]}_latency_ms.csv.gz")
    found = [
        (column, *described, _logs([float(row[column] or "nan") for row in rows], column in help.PHONES))
        for column in rows[0] if (described := help.platform(column)) is not None
    ]  # fmt: skip
    if name.endswith("_all"):
        cells = {row["arch_idx"]: at for at, row in enumerate(rows)}
        for other in nasbench201_columns(data):
            if (platform := _platform(other)) is not None:
                values = np.full(len(rows), np.nan)
                values[[cells[index] for index in other.latency_ms]] = list(other.latency_ms.values())
                found.append((f"{other.source} {other.name}", platform, 1, _logs(values, False)))
    names, platforms, batches, logs = zip(*found, strict=True)
    return Space(names, platforms, batches, np.stack(logs), _features(data, table, rows))


def _read(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _logs(values: Sequence[float] | Float, phone: bool) -> Float:
    """Logarithms; NaN for what was not measured, and for networks on a phone that have no path to the output."""
    found = np.array(values, dtype=float)
    found[~(found > (help.LEAST_PHONE_MS if phone else 0))] = np.nan
    return np.log(found)


def _platform(column: Column) -> str | None:
    """The platform of a column of another source than HELP; None for HELP's, for a repeat of it and for larger images."""
    name = column.name.split()[0]
    if column.source == hw_nas_bench.SOURCE:
        wanted = column.name.endswith(" cifar10") and name != "pixel3"
        return hw_nas_bench.PLATFORMS[f"{name}_latency"] if wanted else None
    known = {brp_nas.SOURCE: brp_nas.PLATFORM, nnlqp.SOURCE: nnlqp.PLATFORM}
    return oneproxy.PLATFORMS[name] if column.source == oneproxy.SOURCE else known.get(column.source)


def _features(data: Path, table: str, rows: Sequence[dict[str, str]]) -> Float:
    """One-hot choices; of a NAS-Bench-201 cell, those of pairs of edges as well."""
    if table == "nasbench201":
        with (data / "nasbench201" / "nb201_accuracy.csv").open(encoding="utf-8", newline="") as stream:
            cells = {row["arch_idx"]: row["arch_str"] for row in csv.DictReader(stream)}
        choices = [
            [operation for node in parse(cells[row["arch_idx"]]) for operation in node] for row in rows
        ]
        edges = np.stack([np.array(choices) == operation for operation in OPERATIONS], -1).astype(float)
        first, second = np.triu_indices(edges.shape[1], 1)
        pairs = np.einsum("npa,npb->npab", edges[:, first], edges[:, second])
        return np.hstack([edges.reshape(len(rows), -1), pairs.reshape(len(rows), -1)])
    if table == "fbnet":
        words = [row["arch_ops"].split() for row in rows]
    else:
        # Blocks beyond the depth of a stage do not exist.
        words = [
            [row["r"], *(block for stage in help.ofa_stages(row) for block in (stage.split(".") + ["-"] * help.STAGE_BLOCKS)[: help.STAGE_BLOCKS])]
            for row in rows
        ]  # fmt: skip
    slots = [sorted(set(column)) for column in zip(*words, strict=True)]
    return np.array(
        [[float(word == value) for word, values in zip(line, slots, strict=True) for value in values] for line in words]
    )  # fmt: skip


def distances(space: Space, embedder: Embedder) -> dict[str, Float]:
    """Squared distances between columns by what is known of them without a measurement, [P, P] each.

    By the sentences of hardware and software (embedded, of length one), kind and precision, batch, and each of
    ``FIGURES`` (decades; 0 where one of the two is unknown).
    """
    encodings = [encode_platform(resolve(platform)) for platform in space.platforms]
    numeric = np.stack([encoding.numeric for encoding in encodings]).astype(np.float64)
    count = len(PLATFORM_NUMBERS)
    values, known, kind = numeric[:, :count], numeric[:, count : 2 * count], numeric[:, 2 * count :]
    batch = np.log2(np.array(space.batches)) / np.log2(LARGEST_BATCH)
    found = {
        "hardware": _apart(_unit(embedder, [encoding.sentences[0] for encoding in encodings])),
        "software": _apart(_unit(embedder, [encoding.sentences[1] for encoding in encodings])),
        "kind": _apart(kind), "batch": _apart(batch[:, None]), "batched": _apart((batch[:, None] > 0) * 1.0),
    }  # fmt: skip
    for name in FIGURES:
        at = PLATFORM_NUMBERS.index(name)
        found[name] = _apart(values[:, [at]]) * np.outer(known[:, at], known[:, at])
    return found


def physics(space: Space) -> Float:
    """What sets the level of a column, [P, 5]: log batch, minus log10 of peak and bandwidth (0 where unknown), and which are unknown."""
    numeric = np.stack([encode_platform(resolve(platform)).numeric for platform in space.platforms])
    at = [PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs")]
    unknown = 1 - numeric[:, len(PLATFORM_NUMBERS) + np.array(at)]
    return np.column_stack([np.log(space.batches), -numeric[:, at], unknown]).astype(np.float64)


def _unit(embedder: Embedder, sentences: Sequence[str]) -> Float:
    vectors = np.asarray(embedder.embed(sentences), dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _apart(x: Float) -> Float:
    return ((x[:, None] - x[None]) ** 2).sum(-1)
