"""The vocabulary of descriptions: runtimes, vendors, kinds of units, tags; and how a word of it is found."""

from __future__ import annotations

import re
from collections.abc import Mapping

RUNTIMES = {
    "tensorrt": "tensorrt", "trt": "tensorrt", "tflite": "tflite", "tensorflow lite": "tflite", "tf lite": "tflite", "litert": "tflite",
    "onnxruntime": "onnxruntime", "onnx runtime": "onnxruntime", "ort": "onnxruntime", "openvino": "openvino",
    "pytorch": "pytorch", "torch": "pytorch", "ncnn": "ncnn", "ncnn vulkan": "ncnn-vulkan", "vulkan": "ncnn-vulkan", "mnn": "mnn", "tvm": "tvm",
    "armnn": "armnn", "arm nn": "armnn", "snpe": "snpe", "qnn": "qnn", "coreml": "coreml", "core ml": "coreml",
    "tensorflow": "tensorflow", "paddle lite": "paddle-lite", "paddle-lite": "paddle-lite", "rknn": "rknn",
    "deepsparse": "deepsparse", "qaic": "qaic", "hailort": "hailo-sdk", "tinygrad": "tinygrad", "triton": "tensorrt",
}  # fmt: skip
VENDORS = {
    "nvidia": "NVIDIA", "geforce": "NVIDIA", "rtx": "NVIDIA", "gtx": "NVIDIA", "tesla": "NVIDIA", "jetson": "NVIDIA", "amd": "AMD", "radeon": "AMD", "ryzen": "AMD",
    "epyc": "AMD", "intel": "Intel", "xeon": "Intel", "core i": "Intel", "qualcomm": "Qualcomm",
    "snapdragon": "Qualcomm", "adreno": "Qualcomm", "hexagon": "Qualcomm", "apple": "Apple", "arm": "Arm",
    "mali": "Arm", "cortex": "Arm", "mediatek": "MediaTek", "dimensity": "MediaTek", "samsung": "Samsung",
    "exynos": "Samsung", "google": "Google", "coral": "Google", "huawei": "HiSilicon", "kirin": "HiSilicon",
    "hisilicon": "HiSilicon", "rockchip": "Rockchip", "amlogic": "Amlogic", "allwinner": "Allwinner",
    "broadcom": "Broadcom", "raspberry": "Broadcom", "xilinx": "AMD", "hailo": "Hailo", "loongson": "Loongson",
}  # fmt: skip
MAKERS = {"tensorrt": "NVIDIA", "openvino": "Intel", "coreml": "Apple", "qaic": "Qualcomm", "snpe": "Qualcomm", "qnn": "Qualcomm"}  # fmt: skip
"""Whose hardware a runtime is for."""

RUNTIME_KINDS = {"tensorrt": "gpu", "ncnn-vulkan": "gpu", "qnn": "npu", "snpe": "npu", "rknn": "npu", "hailo": "npu", "qaic": "npu"}  # fmt: skip
"""The kind of unit that a runtime is for."""

KIND_WORDS = {
    "gpu": "gpu", "graphics": "gpu", "geforce": "gpu", "radeon": "gpu", "adreno": "gpu", "mali": "gpu", "cuda": "gpu", "vulkan": "gpu",
    "npu": "npu", "neural engine": "npu", "neural processing": "npu", "accelerator": "npu", "tpu": "tpu",
    "dsp": "dsp", "fpga": "fpga", "mcu": "mcu", "microcontroller": "mcu", "cortex-m": "mcu", "cpu": "cpu", "vcpu": "cpu",
    "processor": "cpu", "cortex-a": "cpu", "xeon": "cpu", "epyc": "cpu", "ryzen": "cpu", "x86": "cpu", "risc-v": "cpu",
}  # fmt: skip
UNITS = {
    word: kind for word, kind in KIND_WORDS.items() if word in (kind, "neural engine", "neural processing")
}
"""Words that say the unit itself; the others say it by a product that may have several."""

TAGS = {
    "torch.compile": "compile",
    "compiled": "compile",
    "channels last": "nhwc",
    "nhwc": "nhwc",
    "throughput": "throughput",
    "maxq": "maxq",
    "little cores": "little",
}


COMPONENTS = re.compile(
    r"(?:adreno|mali|immortalis|powervr|bx[emst]|video ?core|vega|uhd|iris|xclipse|kryo|kyro|oryon)(?![a-z]).*",
    re.DOTALL,
)
"""Names of units and cores that chips share, so that one does not tell which chip is meant."""


def is_component(name: str) -> bool:
    """Whether ``name`` (lower case) is that of a unit or core which many chips have."""
    return COMPONENTS.fullmatch(name) is not None


def take_runtime(text: str) -> tuple[str | None, str]:
    """The canonical runtime with the version that follows its name, and the text without both."""
    for word in sorted(RUNTIMES, key=len, reverse=True):
        if match := re.search(
            rf"(?<![\w]){re.escape(word)}\b(?:[\s-]*v?(\d+(?:\.\d+)+))?", text, re.IGNORECASE
        ):
            version = f"-{match[1]}" if match[1] else ""
            return RUNTIMES[word] + version, without(text, match)
    return None, text


def take_word(text: str, words: Mapping[str, str]) -> tuple[str | None, str]:
    """What the longest of ``words`` in ``text`` means, and the text without it."""
    for word in sorted(words, key=len, reverse=True):
        if match := re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", text, re.IGNORECASE):
            return words[word], without(text, match)
    return None, text


def first_of(text: str, words: Mapping[str, str]) -> str | None:
    """What the first of ``words`` in ``text`` means, as a word or a part of one."""
    found = [(text.lower().find(word), meaning) for word, meaning in words.items() if word in text.lower()]
    return min(found)[1] if found else None


def first_word(text: str, words: Mapping[str, str]) -> tuple[int, str] | None:
    """Place and meaning of the first of ``words`` that a word of ``text`` (lower case) begins with."""
    found = [
        (match.start(), meaning)
        for word, meaning in words.items()
        if (match := re.search(rf"(?<![a-z]){re.escape(word)}", text))
    ]
    return min(found, default=None)


def without(text: str, match: re.Match[str]) -> str:
    """``text`` with a space in place of ``match``."""
    return f"{text[: match.start()]} {text[match.end() :]}"


def plain_words(text: str) -> str:
    """Lower case, words of letters, digits and dots only: the form in which names are compared."""
    return " ".join(re.findall(r"[a-z0-9.]+", text.lower())).replace(" . ", " ")
