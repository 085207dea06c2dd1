"""Nodes and platforms put into words.

Two templates each: the ``paper`` one as attested for LeDG-Former (arXiv 2506.07735) and the ``rich`` one
that we ship. Sentences carry no tensor sizes, so there are few of them: they are embedded once. A rich
platform is two sentences, hardware and software, since each recurs with many partners of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from ledg_rt.graph import Node, TensorType
from ledg_rt.platforms.device import Platform

_VENDOR_SHORT = {"NVIDIA": "Nv", "Intel": "In", "Qualcomm": "Qc", "Apple": "Ap", "HiSilicon": "Hs"}


def kernel_of(node: Node) -> tuple[int, ...]:
    """Spatial kernel of a convolution or pooling, from its attribute or its weight; () for other nodes."""
    if kernel := _sizes(node, "kernel_shape"):
        return kernel
    weight = next((slot.type for slot in node.inputs[1:2] if slot is not None and slot.constant), None)
    if "Conv" in node.op and weight is not None and weight.resolved and weight.shape:
        return tuple(size for size in weight.shape[2:] if size is not None)
    return ()


def stride_of(node: Node) -> tuple[int, ...]:
    """Strides of a convolution or pooling; () where the operator has none."""
    return _sizes(node, "strides")


def groups_of(node: Node) -> int:
    """Groups of a convolution, 1 for every other node."""
    group = node.attributes.get("group", 1)
    return group if isinstance(group, int) and group > 0 else 1


def _sizes(node: Node, name: str) -> tuple[int, ...]:
    """An attribute of positive integers; () where it is missing or, in a hostile file, something else."""
    values = node.attributes.get(name)
    if not isinstance(values, tuple):
        return ()
    sizes = tuple(value for value in values if isinstance(value, int) and value > 0)
    return sizes if len(sizes) == len(values) else ()


def channels(tensor: TensorType | None) -> int:
    """Size of the channel axis: axis 1 from rank 4 on (and of rank 2), the last axis of sequences."""
    if tensor is None or not tensor.shape:
        return 0
    axis = -1 if len(tensor.shape) in (1, 3) else 1
    return tensor.shape[axis] or 0


def learned(node: Node) -> bool:
    """Whether the node has parameters of its own (the paper's ``ParamL``): a constant float tensor."""
    return any(
        slot is not None
        and slot.constant
        and slot.type.elements > 1
        and not slot.type.dtype.startswith(("int64", "bool"))
        for slot in node.inputs[1:]
    )


def paper_node_sentence(node: Node) -> str:
    """``T_arch``: class, operation, attributes as bare numbers; a 3x3 convolution is ``ParamL Conv 3``."""
    kernel = kernel_of(node)
    numbers = [str(kernel[0])] if kernel else []
    return " ".join(("ParamL" if learned(node) else "ParamF", node.op, *numbers))


def rich_node_sentence(node: Node) -> str:
    """Operator, learned or not, kernel, stride, grouping, element kind: all but sizes."""
    words = [node.op, "with learned weights" if learned(node) else ""]
    if node.domain not in ("", "ai.onnx"):
        words.append(f"of {node.domain}")
    if kernel := kernel_of(node):
        words.append("kernel " + "x".join(map(str, kernel)))
    if (stride := stride_of(node)) and prod(stride) > 1:
        words.append("stride " + "x".join(map(str, stride)))
    if prod(_sizes(node, "dilations")) > 1:
        words.append("dilated")
    groups = groups_of(node)
    if groups > 1:
        first = next((slot.type for slot in node.inputs if slot is not None), None)
        words.append("depthwise" if groups == channels(first) else "grouped")
    if any(out.dtype in ("int8", "uint8", "int4", "uint4") for out in node.outputs):
        words.append("quantized")
    return " ".join(word for word in words if word)


def paper_platform_sentence(platform: Platform) -> str:
    """``T_plat``: vendor, kind, precision, TFLOPS, architecture, power: ``Nv GPU FP32 8.1 Turing 70W``."""
    vendor = platform.vendor or ""
    peak = f"{platform.peak_gops / 1000:.3g}" if platform.peak_gops else ""
    power = f"{platform.power_w:g}W" if platform.power_w else ""
    words = (
        _VENDOR_SHORT.get(vendor, vendor), (platform.kind or "").upper(), platform.precision.upper(), peak,
        platform.architecture or "", power,
    )  # fmt: skip
    return " ".join(word for word in words if word) or "unknown"


def hardware_sentence(platform: Platform) -> str:
    """Vendor, kind, architecture and name, with no figures: ``NVIDIA GPU Turing: NVIDIA T4``."""
    words = (platform.vendor or "", (platform.kind or "device").upper(), platform.architecture or "")
    head = " ".join(word for word in words if word)
    return f"{head}: {platform.name}" if platform.name else head


def software_sentence(platform: Platform) -> str:
    """Runtime with version, precision, tags: ``tensorrt 8.4.0 fp16 maxq``."""
    runtime = (platform.runtime or "unknown runtime").replace("-", " ")
    return " ".join((runtime, platform.precision, *(tag.replace("-", " ") for tag in platform.tags)))


def platform_sentence(platform: Platform) -> str:
    """Both rich sentences as one line, for people."""
    return f"{hardware_sentence(platform)} | {software_sentence(platform)}"


NODE_TEMPLATES: Mapping[str, Callable[[Node], str]] = {
    "paper": paper_node_sentence,
    "rich": rich_node_sentence,
}
PLATFORM_TEMPLATES: Mapping[str, Callable[[Platform], tuple[str, str]]] = {
    "paper": lambda platform: (paper_platform_sentence(platform), ""),
    "rich": lambda platform: (hardware_sentence(platform), software_sentence(platform)),
}
"""Each template gives a pair of sentences, (hardware, software); the paper's has no second one."""
