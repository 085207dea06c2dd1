"""What a free-text description of hardware says: device, runtime, precision, threads and figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ledg_rt.errors import PlatformError
from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.device import PRECISION_BITS
from ledg_rt.platforms.names import find_device, of_memory

TEXT_LIMIT = 2000
"""Characters of a description that are read; more is cut and flagged ``text_cut``."""

_SCALE = {"k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3, "p": 1e6}
_NUMBER = r"(?<![\w.])(\d+(?:[.,]\d+)?)\s*"


@dataclass(frozen=True, slots=True)
class Mention:
    """Everything that was recognised in a text. ``numbers`` are in the units of ``Platform``."""

    device: str | None = None
    core: str | None = None
    vendor: str | None = None
    kind: str | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    tags: tuple[str, ...] = ()
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)
    rest: str = ""


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    pattern: re.Pattern[str]
    value: Callable[[re.Match[str]], float]
    low: float
    high: float


def _number(match: re.Match[str]) -> float:
    return float(match[1].replace(",", "."))


def _figure(
    name: str, unit: str, value: Callable[[re.Match[str]], float], low: float, high: float
) -> _Figure:
    return _Figure(name, re.compile(_NUMBER + unit, re.IGNORECASE), value, low, high)


# Order matters: what one line takes is gone for the next (GB/s before GB, TFLOPS before T).
_FIGURES = (
    _figure("peak_gops", r"([kmgtp])(?:fl)?op(?:s|/s)?\b", lambda m: _number(m) * _SCALE[m[2].lower()], 1e-3, 1e8),
    _figure("bandwidth_gbs", r"([mgt])i?b(?:yte)?s?(?:/s|ps|/sec)\b", lambda m: _number(m) * _SCALE[m[2].lower()], 1e-3, 1e5),
    _figure("memory_gb", r"([kmgt])(?:i?b|o)\b", lambda m: _number(m) * _SCALE[m[2].lower()], 1e-6, 1e5),
    _figure("clock_ghz", r"([mg])hz\b", lambda m: _number(m) * _SCALE[m[2].lower()], 1e-4, 20),
    _figure("process_nm", r"nm\b", _number, 0.5, 1e4),
    _figure("power_w", r"(m?)w(?:atts?)?\b(?!/)", lambda m: _number(m) * (1e-3 if m[2] else 1.0), 1e-3, 1e5),
)  # fmt: skip
_COUNTS = {
    "single": 1, "dual": 2, "quad": 4, "hexa": 6, "octa": 8, "one": 1, "two": 2, "three": 3, "four": 4, "six": 6,
    "eight": 8, "ten": 10, "twelve": 12, "sixteen": 16,
}  # fmt: skip
_COUNT = rf"(?<![\w.])(?P<count>\d+|{'|'.join(_COUNTS)})"
_CORES = re.compile(rf"{_COUNT}[\s-]*(?:cores?|kerne|c(?:oe|œ)urs|n[uú]cleos)\b", re.IGNORECASE)
# "4t" is four threads, a phone called 7T is not.
_THREADS = re.compile(
    rf"{_COUNT}[\s-]*(?:threads?|thread(?:ed)|hilos?)\b|threads?\s*[=:]?\s*(?P<given>\d+)(?=\s*(?:[,;/)]|$))|(?<![\w.])(?P<short>\d+)(?-i:t)\b",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\w.])(19[89]\d|20[0-4]\d)(?![\w.])")

_PRECISION_WORDS = {
    "float32": "fp32", "single precision": "fp32", "float": "fp32", "f32": "fp32", "half": "fp16", "float16": "fp16",
    "f16": "fp16", "half precision": "fp16", "bfloat16": "bf16", "int-8": "int8", "i8": "int8", "uint8": "int8",
    "8 bit": "int8", "8-bit": "int8", "8bit": "int8", "w8a8": "int8", "quantized": "int8", "mixed precision": "amp", "float64": "fp64",
}  # fmt: skip
_RUNTIMES = {
    "tensorrt": "tensorrt", "trt": "tensorrt", "tflite": "tflite", "tensorflow lite": "tflite", "tf lite": "tflite", "litert": "tflite",
    "onnxruntime": "onnxruntime", "onnx runtime": "onnxruntime", "ort": "onnxruntime", "openvino": "openvino",
    "pytorch": "pytorch", "torch": "pytorch", "ncnn": "ncnn", "ncnn vulkan": "ncnn-vulkan", "vulkan": "ncnn-vulkan", "mnn": "mnn", "tvm": "tvm",
    "armnn": "armnn", "arm nn": "armnn", "snpe": "snpe", "qnn": "qnn", "coreml": "coreml", "core ml": "coreml",
    "tensorflow": "tensorflow", "paddle lite": "paddle-lite", "paddle-lite": "paddle-lite", "rknn": "rknn",
    "deepsparse": "deepsparse", "qaic": "qaic", "hailort": "hailo-sdk", "tinygrad": "tinygrad", "triton": "tensorrt",
}  # fmt: skip
_VENDORS = {
    "nvidia": "NVIDIA", "geforce": "NVIDIA", "rtx": "NVIDIA", "gtx": "NVIDIA", "tesla": "NVIDIA", "jetson": "NVIDIA", "amd": "AMD", "radeon": "AMD", "ryzen": "AMD",
    "epyc": "AMD", "intel": "Intel", "xeon": "Intel", "core i": "Intel", "qualcomm": "Qualcomm",
    "snapdragon": "Qualcomm", "adreno": "Qualcomm", "hexagon": "Qualcomm", "apple": "Apple", "arm": "Arm",
    "mali": "Arm", "cortex": "Arm", "mediatek": "MediaTek", "dimensity": "MediaTek", "samsung": "Samsung",
    "exynos": "Samsung", "google": "Google", "coral": "Google", "huawei": "HiSilicon", "kirin": "HiSilicon",
    "hisilicon": "HiSilicon", "rockchip": "Rockchip", "amlogic": "Amlogic", "allwinner": "Allwinner",
    "broadcom": "Broadcom", "raspberry": "Broadcom", "xilinx": "AMD", "hailo": "Hailo", "loongson": "Loongson",
}  # fmt: skip
_MAKERS = {"tensorrt": "NVIDIA", "openvino": "Intel", "coreml": "Apple", "qaic": "Qualcomm", "snpe": "Qualcomm", "qnn": "Qualcomm"}  # fmt: skip
"""Whose hardware a runtime is for."""

_KINDS = {
    "gpu": "gpu", "graphics": "gpu", "geforce": "gpu", "radeon": "gpu", "adreno": "gpu", "mali": "gpu", "cuda": "gpu", "vulkan": "gpu",
    "npu": "npu", "neural engine": "npu", "neural processing": "npu", "accelerator": "npu", "tpu": "tpu",
    "dsp": "dsp", "fpga": "fpga", "mcu": "mcu", "microcontroller": "mcu", "cortex-m": "mcu", "cpu": "cpu",
    "processor": "cpu", "cortex-a": "cpu", "xeon": "cpu", "epyc": "cpu", "ryzen": "cpu", "x86": "cpu", "risc-v": "cpu",
}  # fmt: skip
_TAGS = {
    "torch.compile": "compile",
    "compiled": "compile",
    "channels last": "nhwc",
    "nhwc": "nhwc",
    "throughput": "throughput",
    "maxq": "maxq",
    "little cores": "little",
}


def read_text(text: str) -> Mention:
    """Find in ``text`` (at most ``TEXT_LIMIT`` characters) what is known to matter.

    Where a text names several devices, the longest name wins (``jetson agx orin`` over ``orin``), then
    the first. The kind asked for ("GPU", "CPU", "NPU") chooses between the units of one chip, the memory
    between those of one name.

    Raises:
        PlatformError: a figure with a unit that no hardware has (0 GHz, 10^9 GB).
    """
    left = " ".join(text[:TEXT_LIMIT].replace("\0", " ").split())
    kind, vendor = _first(left, _KINDS), _first(left, _VENDORS)
    runtime, _ = _take_runtime(left)
    found = find_device(left, kind, vendor or _MAKERS.get(runtime or ""))
    device, named = None, left
    if found is not None:
        left = f"{left[: found.start]} {left[found.end :]}"
    numbers: dict[str, float | int | None] = {}
    for figure in _FIGURES:
        left = _take_figure(left, figure, numbers)
    if found is not None:
        device = of_memory(found, named, numbers.get("memory_gb")).id
    if match := _CORES.search(left):
        numbers["cores"] = _count(match)
        left = _without(left, match)
    threads = None
    if match := _THREADS.search(left):
        threads = _count(match)
        left = _without(left, match)
    if device is None and (match := _YEAR.search(left)):
        numbers["year"] = int(match[1])
        left = _without(left, match)
    core = _named_core(left) if device is None else None
    runtime, left = _take_runtime(left)
    precision, left = _take_word(left, {**_PRECISION_WORDS, **{name: name for name in PRECISION_BITS}})
    tag, left = _take_word(left, _TAGS)
    return Mention(
        device=device, core=core, vendor=vendor, kind=kind, runtime=runtime, precision=precision,
        threads=threads or None, tags=(tag,) if tag else (), numbers=numbers, rest=_plain(left),
    )  # fmt: skip


def _count(match: re.Match[str]) -> int:
    word = next(group for group in match.groupdict().values() if group is not None).lower()
    return _COUNTS[word] if word in _COUNTS else int(word)


def _take_figure(left: str, figure: _Figure, numbers: dict[str, float | int | None]) -> str:
    if not (match := figure.pattern.search(left)):
        return left
    value = figure.value(match)
    if not figure.low <= value <= figure.high:
        raise PlatformError(
            "usage",
            f"{match[0].strip()!r} is no figure of any hardware",
            f"{figure.name} is {figure.low:g} to {figure.high:g}",
        )
    numbers[figure.name] = value
    return _without(left, match)


def _named_core(text: str) -> str | None:
    """The microarchitecture named in ``text``: the first in the text, the longest name at one place."""
    plain = f" {_plain(text)} "
    found = [
        (plain.find(f" {name} "), -len(name), core.id)
        for core in cores().values()
        for name in {_plain(core.id), _plain(core.name)}
        if f" {name} " in plain
    ]
    return min(found)[2] if found else None


def _take_runtime(text: str) -> tuple[str | None, str]:
    """The canonical runtime with the version that follows its name, and the text without both."""
    for word in sorted(_RUNTIMES, key=len, reverse=True):
        if match := re.search(
            rf"(?<![\w]){re.escape(word)}\b(?:[\s-]*v?(\d+(?:\.\d+)+))?", text, re.IGNORECASE
        ):
            version = f"-{match[1]}" if match[1] else ""
            return _RUNTIMES[word] + version, _without(text, match)
    return None, text


def _take_word(text: str, words: Mapping[str, str]) -> tuple[str | None, str]:
    for word in sorted(words, key=len, reverse=True):
        if match := re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text, re.IGNORECASE):
            return words[word], _without(text, match)
    return None, text


def _first(text: str, words: Mapping[str, str]) -> str | None:
    found = [(text.lower().find(word), meaning) for word, meaning in words.items() if word in text.lower()]
    return min(found)[1] if found else None


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"


def _plain(text: str) -> str:
    """Lower case, words of letters, digits and dots only: the form in which names are compared."""
    return " ".join(re.findall(r"[a-z0-9.]+", text.lower())).replace(" . ", " ")
