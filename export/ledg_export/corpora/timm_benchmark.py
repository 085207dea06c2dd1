"""timm's own inference benchmark: about 1,200 image networks on two GeForce cards, a workstation card and a Core i9.

Source: huggingface/pytorch-image-models, results/benchmark-infer-*.csv (Apache-2.0). What a file measured is in its
name: precision, memory layout, PyTorch, device, torch.compile. GPU rows are throughput of large batches: latency is
batch / samples per second. CPU rows have batch 1; how many threads ran is not stated.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ledg_export.corpora.sample import Sample
from ledg_export.corpora.timm_families import family_of_timm
from ledg_export.zoo import timm_zip

SOURCE = "timm_benchmark"

DEVICES: Mapping[str, str] = {
    "rtx3090": "nvidia-rtx-3090", "rtx4090": "nvidia-rtx-4090", "4090": "nvidia-rtx-4090",
    "pro6000maxq": "nvidia-rtx-pro-6000-blackwell-max-q", "i9_10940x": "core-i9-10940x",
}  # fmt: skip
"""Device of a file name -> device of the catalogue."""

PYTORCH: Mapping[str, str] = {"113": "1.13", "210": "2.1", "221": "2.2", "240": "2.4", "291": "2.9"}
"""``pt<digits>`` of a file name -> PyTorch's version."""

CONSISTENT = 0.05
"""Share by which batch / samples per second may differ from the time of a step in the same row."""

_FILE = re.compile(
    r"benchmark-infer-(?P<precision>\w+)-(?P<layout>nchw|nhwc)-pt(?P<torch>\d+)-(?:cu\d+|cpu)-"
    r"(?P<device>\w+?)(?P<compiled>-dynamo)?\.csv"
)

MEASURED: Mapping[str, str] = {
    "ecaresnext50t_32x4d@224": "ecaresnext26t_32x4d@224",  # the tables' figures and times are of this one
    "ig_resnext101_32x16d@224": "resnext101_32x16d@224",  # the file of its name holds 32x8d
}
"""Network of a row -> the graph of what was measured, where another file of the archive holds it.

By parameters, multiply-adds and activations, which the rows of both names share.
"""

FUSED = re.compile(r"(fastvit|ghostnetv3|mobileone|repghostnet|repvgg|repvit)_")
"""Beginnings of networks whose parallel branches timm can merge into one convolution."""

FUSING = "291"
"""``pt<digits>`` of the tables measured on merged branches, by their parameters; the archive has the branches."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a file was measured with.

    ``statistic``: ``throughput`` on a GPU, ``mean`` on a CPU. ``fused``: networks of branches were merged.
    """

    platform: str
    statistic: str
    fused: bool


def setting(name: str) -> Setting:
    """The setting behind a file name.

    Raises:
        ValueError: a name that is not of the form above.
        KeyError: a device or version that is not in the mappings.

    """
    match = _FILE.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a file of timm's inference benchmark")
    throughput = not match["device"].startswith("i9")
    used = {"compile": match["compiled"], "nhwc": match["layout"] == "nhwc", "throughput": throughput}
    tags = [tag for tag, holds in used.items() if holds]
    head = (
        f"{DEVICES[match['device']]}/pytorch-{PYTORCH[match['torch']]}/{match['precision'].replace('_', '-')}"
    )
    return Setting("+".join((head, *tags)), "throughput" if throughput else "mean", match["torch"] == FUSING)


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the tables below the data root ``data``; counts rows left out in ``dropped``, by reason."""
    graphs = timm_zip.architectures()
    for path in sorted((data / SOURCE).glob("benchmark-infer-*.csv")):
        measured = setting(path.name)
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                named = f"{row['model']}@{row['infer_img_size']}"
                arch = MEASURED.get(named, named)
                if arch not in graphs:
                    reason: str | None = "no graph"
                elif measured.fused and FUSED.match(arch):
                    reason = "branches were merged"
                else:
                    reason = _fault(row)
                if reason:
                    dropped[reason] += 1
                    continue
                yield Sample(
                    graph_id=f"timm/{arch}", platform=measured.platform, batch=_batch(row),
                    latency_ms=1000 * _batch(row) / float(row["infer_samples_per_sec"]),
                    statistic=measured.statistic, source=SOURCE, family=family_of_timm(row["model"]),
                    isomorphism=f"timm/{arch}",
                )  # fmt: skip


def _batch(row: Mapping[str, str]) -> int:
    return int(float(row["infer_batch_size"]))


def _fault(row: Mapping[str, str]) -> str | None:
    """Why a row is left out; None for a good one."""
    if not row["infer_samples_per_sec"]:
        return "no time measured"
    step = 1000 * _batch(row) / float(row["infer_samples_per_sec"])
    agrees = abs(step / float(row["infer_step_time"]) - 1) <= CONSISTENT
    return None if agrees else "throughput and step time disagree"
