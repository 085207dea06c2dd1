"""MLPerf Inference, single-stream: one query at a time on servers, accelerators, boards and phones.

Source: mlcommons/inference_results v0.5 to v4.1 (Apache-2.0), one row a run; p50 where the log has it, else the
mean. Repeated runs of one setting are samples of their own. ``mlperf_systems.toml`` maps the descriptions of the
systems to the device catalogue.

What a row does not say, and what is assumed:

* Precision. The names of the mobile grids state it. For the benchmarks' own networks it follows the runtime
  (``[precision]`` of the mapping). Stated by the submitters: fp8 (Untether AI), int8 (IVA; NVIDIA's BERT at 99 %,
  with fp16 at 99.9 %). Assumed: int8 for the other accelerators and for Intel's submissions; float for the reference
  implementations (ONNX Runtime, PyTorch, TensorFlow) and for TFLite, Arm NN and TVM on boards.
* BERT's length. The graph has 384 tokens. TensorRT submissions leave the padding out, and what remains of the
  median query is not stated: those rows are left out (an A2 would exceed its int8 peak by a fifth at 384 tokens).
* Several accelerators. A single stream keeps one of them busy: they are not in the platform. Sockets of a CPU are.
"""

from __future__ import annotations

import csv
import gzip
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from ledg_export.corpora.image_sizes import contradicted
from ledg_export.corpora.sample import Sample
from ledg_rt.platforms.catalogue import devices

SOURCE = "mlperf_inference"
FOLDER = "mlperf_inference"

_QUANTIZED = {
    "quantized": "int8",
    "uint8": "int8",
    "int8": "int8",
    "non-quantized": "fp32",
    "float": "fp32",
    "fp32": "fp32",
}

_GRIDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"mobilenet-v(?P<v>[12])-(?:precision_(?P<kind>float|uint8)-)?(?P<alpha>[\d.]+)-(?P<res>\d+)"), "mobilenet_v{v}/{alpha}-{res}"),
    (re.compile(r"mobilenet-v(?P<v>[12])-(?P<alpha>[\d.]+)-(?P<res>\d+)-(?P<kind>(?:non-)?quantized)"), "mobilenet_v{v}/{alpha}-{res}"),
    (re.compile(r"mobilenet-v3-(?P<size>(?:large|small)(?:-minimalistic)?)_(?P<res>\d+)_(?P<alpha>[\d.]+)_(?P<kind>float|uint8)"), "mobilenet_v3/{size}-{res}-{alpha}"),
    (re.compile(r"mobilenet-v3-precision_(?P<kind>float|uint8)-(?P<size>(?:large|small)(?:-minimalistic)?)-(?P<res>\d+)"), "mobilenet_v3/{size}-{res}-1.0"),
    (re.compile(r"efficientnet-lite(?P<v>[0-4])-(?P<kind>(?:non-)?quantized)"), "efficientnet_lite/{v}"),
    (re.compile(r"(?P<kind>(?:non-)?quantized)-efficientnet-lite(?P<v>[0-4])"), "efficientnet_lite/{v}"),
    (re.compile(r"efficientnet-(?P<kind>fp32|int8)-lite(?P<v>[0-4])"), "efficientnet_lite/{v}"),
)  # fmt: skip
"""Names of the mobile grids of all rounds. A name without a kind is float: v0.5 and v0.7 name only quantized ones."""

_NAMED: Mapping[str, tuple[str, str | None]] = {
    "resnet": ("resnet/50-224", None),
    "resnet50": ("resnet/50-224", None),
    "mobilenet": ("mobilenet_v1/1.0-224", None),
    "mobilenetv2": ("mobilenet_v2/1.0-224", None),
    "ssd-small": ("ssd_mobilenet_v1/300", None),
    "ssd-mobilenet": ("ssd_mobilenet_v1/300", None),
    "ssd-mobilenet-non-quantized": ("ssd_mobilenet_v1/300", "fp32"),
    "ssd-mobilenet-v1-non-quantized-mlperf": ("ssd_mobilenet_v1/300", "fp32"),
    "ssd_mobilenet_v1_coco": ("ssd_mobilenet_v1/300", "fp32"),
    "ssd-mobilenet-v1-quantized-mlperf": ("ssd_mobilenet_v1/300", None),
    "ssd_mobilenet_v1_quantized_coco": ("ssd_mobilenet_v1/300", None),
    "ssd-mobilenet-v1-edgetpu": ("ssd_mobilenet_v1/300", "int8"),
    "ssd-large": ("ssd_resnet34/1200", None),
    "ssd-resnet34": ("ssd_resnet34/1200", None),
    "retinanet": ("retinanet/800", None),
    "bert-99": ("bert/large-384", None),
    "bert-99.9": ("bert/large-384", "fp16"),
}  # fmt: skip
"""The benchmarks' own networks -> graph, precision where the name states one."""

_SIMULATED = ("ssd-mobilenet-v1-quantized-mlperf", "ssd_mobilenet_v1_quantized_coco")
"""TensorFlow graphs that round after each operator and compute in float: neither an int8 nor the float network."""

_RUNTIMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        # System names come first: some descriptions name the framework of a sibling, or that of the training.
        (r"HanGuang", "hanguang"),
        (r"iva-fpga", "iva"),
        (r"-tensorflow-v([\d.]+)-tensorrt-dynamic ", "tensorflow-{}-tensorrt-dynamic"),
        (r"-tensorflow-v([\d.]+)-tensorrt ", "tensorflow-{}-tensorrt"),
        (r"-tensorflow-v([\d.]+)-", "tensorflow-{}"),
        (r"-tf-cpu .*Tensorflow_macos ([\d.]+)", "tensorflow-macos-{}"),
        (r"MacBookPro|apple-m1-onnxruntime", "onnxruntime"),
        (r"TensorRT v?(\d+\.\d+(?:\.\d+)?)", "tensorrt-{}"),
        (r"ArmNN v([\d.]+) \((\w+)\)", "armnn-{}-{}"),
        (r"for Coral", "tflite-edgetpu"),
        (r"TFLite vmaster \((\w+)\)", "tflite-master-{}"),
        (r"TFLite v([\d.]+) \((\w+)\)", "tflite-{}-{}"),
        (r"TFLite v([\d.]+)", "tflite-{}"),
        (r"TensorFlow-Lite ([\d.]+) \+ custom patches", "centaur-tflite-{}"),
        (r"custom patches", "centaur-tflite"),
        (r"Cloud AI SDK v([\d.]+)", "qaic-{}"),
        (r"Onnx ?runtime.*? v?(\d+(?:\.\d+)+)", "onnxruntime-{}"),
        (r"ONNX ?Runtime", "onnxruntime"),
        (r"openvino_([\d.]+)", "openvino-{}"),
        (r"OpenVino", "openvino"),
        (r"pytorch-caffe2", "pytorch-caffe2"),
        (r"MERA v([\d.]+)", "edgecortix-mera-{}"),
        (r"Pytorch v?(\d+(?:\.\d+)+)", "pytorch-{}"),
        (r"TVM v([\d.]+)", "tvm-{}"),
        (r"Tensorflow v?([\d.]+)", "tensorflow-{}"),
        (r"Processing Engine v([\d.]+)", "snpe-{}"),
        (r"Synapse-V([\d.]+)", "synapse-{}"),
        (r"Hailo SDK", "hailo-sdk"),
        (r"FuriosaAI SDK(?: ([\d.]+))?", "furiosa-sdk-{}"),
        (r"furiosa", "furiosa"),
        (r"mobilint", "mobilint"),
        (r"SiMa SDK Version ([\d.]+)", "sima-sdk-{}"),
        (r"RBLN SDK v([\d.]+)", "rebellions-sdk-{}"),
        (r"imAIgine SDK v([\d.]+)", "untether-imaigine-{}"),
        (r"_TRT", "tensorrt"),  # where the framework names CUDA only
    )
)
"""Pattern in "<system> | <framework>" -> runtime; the first that matches counts."""

_POWER_LIMIT = re.compile(r"(?<![\w.])(\d+)W(?=\b|_A100)")
_JETSON_MODE = re.compile(r"Power mode: MODE_(\w+)")


@dataclass(frozen=True, slots=True)
class SystemMap:
    """``mlperf_systems.toml``: catalogue ids by description, precisions by runtime, exceptions by
    (round, division, system).
    """

    accelerators: Mapping[str, str]
    cpus: Mapping[str, str]
    precision: Mapping[str, str]
    misdescribed: Mapping[tuple[str, str, str], str]
    excluded: Mapping[tuple[str, str, str], str]


@cache
def mapping() -> SystemMap:
    """The mapping file next to this module."""
    table = tomllib.loads((files("ledg_export.corpora") / "mlperf_systems.toml").read_text(encoding="utf-8"))
    return SystemMap(
        accelerators=table["accelerator"], cpus=table["cpu"], precision=table["precision"],
        misdescribed={_key(entry): entry["device"] for entry in table["misdescribed"]},
        excluded={_key(entry): entry["reason"] for entry in table["excluded"]},
    )  # fmt: skip


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the table below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a CPU or accelerator that is not in the mapping, or a runtime that no pattern knows.
    """
    samples = list(_read(data, dropped))
    for sample, wrong in zip(samples, contradicted(samples), strict=True):
        if wrong:
            dropped["slower than a larger image"] += 1
        else:
            yield sample


def _read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Every row that is good by itself."""
    known = systems(data)
    for row in rows(data):
        system = known[row["sys_id"]]
        found = graph(row["model"])
        reason = left_out(row["model"]) if found is None else _fault(row, system)
        if found is None or reason is not None:
            dropped[str(reason)] += 1
            continue
        graph_id, stated = found
        p50 = float(row["p50_ms"])
        yield Sample(
            graph_id=graph_id, platform=platform_id(system, stated), batch=1,
            latency_ms=p50 if p50 > 0 else float(row["mean_ms"]), statistic="p50" if p50 > 0 else "mean",
            source=SOURCE, family=family(graph_id), isomorphism=graph_id,
        )  # fmt: skip


def rows(data: Path) -> Iterator[dict[str, str]]:
    """The rows of the table as they are."""
    path = data / FOLDER / "singlestream_latency.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def systems(data: Path) -> Mapping[str, dict[str, str]]:
    """The description of each system, by its ``sys_id``."""
    with (data / FOLDER / "systems.csv").open(encoding="utf-8", newline="") as stream:
        return {row["sys_id"]: row for row in csv.DictReader(stream)}


def _fault(row: Mapping[str, str], system: Mapping[str, str]) -> str | None:
    """Why a row of a network that has a graph is left out; None for a good one."""
    if row["valid"] != "VALID" and system["division"] == "closed":
        return "invalid"  # by the length of the run: in the open grids a short one is a measurement too
    if float(row["p50_ms"]) <= 0 and float(row["mean_ms"]) <= 0:
        return "no time measured"
    if reason := mapping().excluded.get(_key(system)):
        return reason
    if row["model"].startswith("bert-99") and runtime(system).startswith("tensorrt"):
        return "BERT without padding"
    return "simulated quantization" if row["model"] in _SIMULATED else None


def graph(model: str) -> tuple[str, str | None] | None:
    """Graph id of a model name, and the precision that the name states; None for networks without a graph."""
    for pattern, template in _GRIDS:
        if match := pattern.fullmatch(model):
            parts = match.groupdict()
            return template.format_map(parts), _QUANTIZED[parts["kind"] or "float"]
    return _NAMED.get(model)


def left_out(model: str) -> str:
    """Why the rows of a network that ``graph`` does not know are dropped."""
    if model.startswith("3d-unet"):
        return "a volume is as many windows as its size asks for"
    return f"no_graph:{model}"


def family(graph_id: str) -> str:
    """Architecture family, by the name that all sources share."""
    name = graph_id.partition("/")[0]
    return "efficientnet" if name == "efficientnet_lite" else name


def device_id(system: Mapping[str, str]) -> str:
    """The catalogue device that a system runs networks on: its accelerator, else its CPU."""
    if device := mapping().misdescribed.get(_key(system)):
        return device
    accelerator = system["accel"].strip()
    if accelerator in ("", "-"):
        return mapping().cpus[system["cpu"]]
    return mapping().accelerators[accelerator]


def runtime(system: Mapping[str, str]) -> str:
    """The runtime of a system with its version where one is stated: ``tflite-2.5.0-ruy``, ``tensorrt-8.0.1``.

    Raises:
        KeyError: no pattern knows it.
    """
    text = f"{system['system']} | {system['framework']}"
    for pattern, template in _RUNTIMES:
        if match := pattern.search(text):
            parts = [part.lower().strip(".") if part else "" for part in match.groups()]
            return template.format(*parts).rstrip("-")
    raise KeyError(f"no runtime is known for {text!r}")


def platform_id(system: Mapping[str, str], stated: str | None) -> str:
    """``<device>/<runtime>/<precision>[+<tag>...]``; ``stated`` is the precision that the model's name gives."""
    device, engine = device_id(system), runtime(system)
    base = next(name for name in _prefixes(engine) if name in mapping().precision)
    return "+".join(
        (f"{device}/{engine}/{stated or mapping().precision[base]}", *sorted(_tags(system, device)))
    )


def _prefixes(engine: str) -> Iterator[str]:
    """The runtime, then the same with one word less at the end, and so on: the longest known name wins."""
    words = engine.split("-")
    return ("-".join(words[:count]) for count in range(len(words), 0, -1))


def _tags(system: Mapping[str, str], device: str) -> list[str]:
    name, notes = system["system"], system["hw_notes"]
    tags = [
        tag
        for tag, word in (("triton", "triton"), ("maxq", "maxq"), ("fan-off", "fan.off"))
        if word in name.lower()
    ]
    if "Docker" in notes:
        tags.append("docker")
    if re.search(r"_q\d+e\b", name.replace("_prev", "").replace("-", " ")):
        tags.append("power-efficient")  # Qualcomm's power runs of a server, at lower clocks
    if match := _JETSON_MODE.search(notes):
        tags.append(f"power-{match[1].lower().replace('_', '-')}")
    limit = _POWER_LIMIT.search(notes)
    published = devices()[device].power_w
    if limit and published and float(limit[1]) != published:
        tags.append(f"power-{limit[1]}w")
    sockets = float(system["n_cpu"] or 1)
    if devices()[device].kind == "cpu" and devices()[device].vendor == "Intel" and sockets > 1:
        tags.append(f"{sockets:g}s")  # Arm boards and Macs give their clusters or cores here
    return tags


def _key(entry: Mapping[str, str]) -> tuple[str, str, str]:
    return entry["round"], entry["division"], entry["system"]
