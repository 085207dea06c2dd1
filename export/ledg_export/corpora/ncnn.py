"""ncnn's benchmark table: convolutional networks on boards, phones, desktops and their graphics.

Source: Tencent/ncnn, benchmark/README.md (BSD-3-Clause), one row a timing line. A row gives least, greatest and
mean time of a loop of 4 to 512 runs; there is no median, so the mean is taken and loops with hiccups are
left out. ``ncnn_devices.toml`` maps the headings to the device catalogue.
"""

from __future__ import annotations

import csv
import gzip
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledg_export.corpora.sample import Sample
from ledg_export.zoo.ncnn_param import graph_name
from ledg_rt.platforms.catalogue import devices

SOURCE = "ncnn"
NOISY = 3.0
"""A loop whose mean is more than this many times its least time says little about either."""

ALL_CORES, LITTLE_CORES = 0, 1
"""Values of ncnn's ``powersave``; 2 is the big cores, as is every platform id without a tag."""

FAMILIES: Mapping[str, str] = {
    "FastestDet": "fastestdet", "alexnet": "alexnet", "blazeface": "blazeface", "efficientnet_b0": "efficientnet",
    "efficientnetv2_b0": "efficientnetv2", "googlenet": "googlenet", "mnasnet": "mnasnet", "mobilenet": "mobilenet_v1",
    "mobilenet_ssd": "ssd_mobilenet_v1", "mobilenet_v2": "mobilenet_v2", "mobilenet_v3": "mobilenet_v3",
    "mobilenet_yolo": "mobilenet_v1_yolo", "mobilenetv2_yolov3": "mobilenet_v2_yolo", "nanodet_m": "nanodet",
    "proxylessnasnet": "proxylessnas", "regnety_400m": "regnet", "resnet18": "resnet", "resnet50": "resnet",
    "shufflenet": "shufflenet_v1", "shufflenet_v2": "shufflenet_v2", "squeezenet": "squeezenet",
    "squeezenet_ssd": "ssd_squeezenet", "vgg16": "vgg", "vision_transformer": "vit", "yolo-fastest-1.1": "yolo_fastest",
    "yolo-fastestv2": "yolo_fastest_v2", "yolov4-tiny": "yolov4",
}  # fmt: skip
"""Network of the table -> architecture family, by the name that all sources share."""

_FLAGS = re.compile(r"fp16-?(p(?:/\w)*)=([\d/]+)")


@dataclass(frozen=True, slots=True)
class Host:
    """A heading of the table: the catalogue's devices behind it, and what the CPU computes floats in."""

    text: str
    cpu: str | None = None
    gpus: Mapping[str, str] = field(default_factory=dict)
    float: str = "fp32"


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """``ncnn_devices.toml``: hosts by heading, extra tags by run, (run, backend) pairs to leave out."""

    hosts: Mapping[str, Host]
    tags: Mapping[int, str]
    excluded: Mapping[tuple[int, str], str]


@cache
def mapping() -> DeviceMap:
    """The table of headings, read once."""
    table: dict[str, Any] = tomllib.loads(
        (files("ledg_export.corpora") / "ncnn_devices.toml").read_text(encoding="utf-8")
    )
    return DeviceMap(
        hosts={entry["text"]: Host(**entry) for entry in table["host"]},
        tags={run: entry["tag"] for entry in table["tagged"] for run in entry["runs"]},
        excluded={
            (run, entry["backend"]): entry["reason"] for entry in table["excluded"] for run in entry["runs"]
        },
    )


def rows(data: Path) -> Iterator[dict[str, str]]:
    """Rows of the raw table below the data root ``data``, as text."""
    with gzip.open(data / "ncnn" / "ncnn_benchmark.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of ncnn's table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Repeated runs of one setting are samples of their own.

    Raises:
        KeyError: a heading, graphics name or network that is not in the mapping.

    """
    for row in rows(data):
        if reason := _fault(row):
            dropped[reason] += 1
            continue
        name = graph_name(row["param_file"])
        yield Sample(
            graph_id=f"ncnn/{name}", platform=platform_id(row), batch=1, latency_ms=float(row["avg_ms"]),
            statistic="mean", source=SOURCE, family=FAMILIES[name], isomorphism=f"ncnn/{name}",
        )  # fmt: skip


def _fault(row: Mapping[str, str]) -> str | None:
    """Why a row is left out; None for a good one."""
    least, mean = float(row["min_ms"]), float(row["avg_ms"])
    if least <= 0:
        return "no time measured"
    if reason := mapping().excluded.get((int(row["run_id"]), row["backend"])):
        return reason
    if _on_gpu(row) and _is_int8(row):
        return "int8 on Vulkan: ncnn runs it on the CPU"
    return "noisy loop" if mean > NOISY * least else None


def device_id(row: Mapping[str, str]) -> str:
    """The catalogue device that a row was measured on."""
    host = mapping().hosts[row["device_text"]]
    if _on_gpu(row):
        return host.gpus[row["gpu_name"]]
    if host.cpu is None:
        raise KeyError(f"no CPU is mapped for {host.text!r}")
    return host.cpu


def platform_id(row: Mapping[str, str]) -> str:
    """The platform of a row: ``<device>/ncnn/<precision>/<n>t[+tags]`` or ``<device>/ncnn-vulkan/<precision>``."""
    device = device_id(row)
    if _on_gpu(row):
        precision, tags = _vulkan_precision(row["gpu_caps"])
        if row["gpu_name"].startswith("Microsoft Direct3D12"):
            tags = (*tags, "d3d12")
        return "+".join((f"{device}/ncnn-vulkan/{precision}", *sorted(tags)))
    precision = "int8" if _is_int8(row) else mapping().hosts[row["device_text"]].float
    tags = _cpu_tags(device, row)
    return "+".join((f"{device}/ncnn/{precision}/{int(row['num_threads'])}t", *sorted(tags)))


def _cpu_tags(device: str, row: Mapping[str, str]) -> tuple[str, ...]:
    tags = []
    if len(devices()[device].clusters) > 1:  # where all cores are equal, powersave changes nothing
        powersave = int(row["powersave"])
        tags = ["allcores"] if powersave == ALL_CORES else ["little"] if powersave == LITTLE_CORES else []
    if extra := mapping().tags.get(int(row["run_id"])):
        tags.append(extra)
    return tuple(tags)


def _vulkan_precision(caps: str) -> tuple[str, tuple[str, ...]]:
    """What Vulkan shaders compute in, from the log's flags ``fp16-p/s/a=1/0/1`` or ``fp16p=1  fp16s=0  fp16a=1``.

    p: half-precision packed in memory, s: stored, a: arithmetic. Without arithmetic the shaders compute in
    fp32 on tensors that take half the memory: tag ``fp16-storage``.
    """
    flags = dict(re.findall(r"fp16([psa])=(\d)", caps))
    if match := _FLAGS.search(caps):
        flags |= dict(zip(match[1].split("/"), match[2].split("/"), strict=True))
    if flags.get("a") == "1":
        return "fp16", ()
    return "fp32", ("fp16-storage",) if "1" in flags.values() else ()


def _on_gpu(row: Mapping[str, str]) -> bool:
    # A build without Vulkan ignores the GPU that it is asked for, and logs none.
    return row["backend"] == "vulkan" and bool(row["gpu_name"])


def _is_int8(row: Mapping[str, str]) -> bool:
    return row["param_file"].removesuffix(".param").endswith("_int8")
