"""The graph zoo: published architectures as weight-less ONNX, one module a family.

A graph id is ``<family>/<architecture>``; what an architecture looks like is in the family's module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from onnx import ModelProto

from ledg_export.zoo import (
    accel_nasbench,
    alexnet,
    bert,
    densenet,
    distilbert,
    efficientnet,
    efficientnet_lite,
    electra,
    fbnet,
    googlenet,
    gpt,
    hat,
    inception_v3,
    mlperf_tiny,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v3_paddle,
    nasbench101,
    nasbench201,
    ncnn_param,
    nnlqp_families,
    ofa_mbv3,
    operator,
    resnet,
    retinanet,
    shufflenet_v2,
    squeezenet,
    ssd_mobilenet_v1,
    ssd_resnet34,
    timm_zip,
    unet3d,
    vgg,
    yolo11,
    yolov3,
    yolov5,
    yolov8,
    yolox,
)

_BUILDERS: Mapping[str, Callable[[str, int], ModelProto]] = {
    "accel_nasbench": accel_nasbench.build,
    "alexnet": alexnet.build,
    "bert": bert.build,
    "densenet": densenet.build,
    "distilbert": distilbert.build,
    "efficientnet": efficientnet.build,
    "efficientnet_lite": efficientnet_lite.build,
    "electra": electra.build,
    "fbnet": fbnet.build,
    "googlenet": googlenet.build,
    "gpt": gpt.build,
    "hat": hat.build,
    "inception_v3": inception_v3.build,
    "mlperf_tiny": mlperf_tiny.build,
    "mnasnet": mnasnet.build,
    "mobilenet_v1": mobilenet_v1.build,
    "mobilenet_v2": mobilenet_v2.build,
    "mobilenet_v3": mobilenet_v3.build,
    "mobilenet_v3_paddle": mobilenet_v3_paddle.build,
    "nasbench101": nasbench101.build,
    "nasbench201": nasbench201.build,
    "ncnn": ncnn_param.build,
    "nnlqp_families": nnlqp_families.build,
    "ofa_mbv3": ofa_mbv3.build,
    "operator": operator.build,
    "resnet": resnet.build,
    "retinanet": retinanet.build,
    "shufflenet_v2": shufflenet_v2.build,
    "squeezenet": squeezenet.build,
    "ssd_mobilenet_v1": ssd_mobilenet_v1.build,
    "ssd_resnet34": ssd_resnet34.build,
    "timm": timm_zip.build,
    "unet3d": unet3d.build,
    "vgg": vgg.build,
    "yolo11": yolo11.build,
    "yolov3": yolov3.build,
    "yolov5": yolov5.build,
    "yolov8": yolov8.build,
    "yolox": yolox.build,
}

FROM_FILES = frozenset({"ncnn", "timm"})
"""Families whose graphs are in files of their own, so that a name alone does not build them."""

_CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"

EXAMPLES: Mapping[str, str] = {
    "bert_base_128.onnx": "bert/base-128",
    "efficientnet_lite0.onnx": "efficientnet_lite/0",
    "mobilenet_v2.onnx": "mobilenet_v2/1.0-224",
    "mobilenet_v3_large.onnx": "mobilenet_v3/large-224-1.0",
    "nasbench201.onnx": f"nasbench201/{_CELL}",
    "resnet18.onnx": "resnet/18-224",
    "resnet50.onnx": "resnet/50-224",
    "ssd_mobilenet_v1.onnx": "ssd_mobilenet_v1/300",
}
"""Graph id behind each file of examples/."""


def families() -> tuple[str, ...]:
    """The families that graph ids may start with, sorted."""
    return tuple(sorted(_BUILDERS))


def family_of(graph_id: str) -> str:
    """The family of a graph id.

    Raises:
        ValueError: the zoo has no such family.

    """
    family = graph_id.partition("/")[0]
    if family not in _BUILDERS:
        raise ValueError(f"unknown family {family!r} in {graph_id!r}: want one of {', '.join(families())}")
    return family


def build(graph_id: str, batch: int = 1) -> ModelProto:
    """The weight-less ONNX model (opset 17) of a graph id, with ``batch`` as the inputs' leading dimension.

    Raises:
        ValueError: no such family, an architecture that the family does not have, or a batch below 1.
        FileNotFoundError: the family reads its graphs from raw tables that are not there.

    """
    family = family_of(graph_id)
    try:
        return _BUILDERS[family](graph_id.partition("/")[2], batch)
    except ValueError as error:
        raise ValueError(f"cannot build {graph_id!r}: {error}") from error


def write_examples(folder: Path) -> None:
    """Write the files of ``EXAMPLES``; the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, graph_id in EXAMPLES.items():
        (folder / name).write_bytes(build(graph_id).SerializeToString(deterministic=True))
