"""ncnn ``.param`` text -> weight-less ONNX model.

A ``.param`` file lists layers in topological order, one a line: type, name, numbers of inputs and outputs,
blob names, then ``key=value`` parameters (format: ncnn wiki, "param and model file structure"). Blobs have
no batch axis; the ONNX tensors carry one in front, so an ncnn axis ``a`` is the ONNX axis ``a + 1``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from ledg_export.zoo.ncnn_layers import LEARNED
from ledg_export.zoo.ncnn_plain_layers import PLAIN
from ledg_export.zoo.ncnn_writer import GraphWriter

EMITTERS = {**LEARNED, **PLAIN}
"""The layer types that become nodes."""

MAGIC = "7767517"
_ARRAY = 23300  # the key of array parameter k is -(23300 + k)
_SHAPE_HINT = 30

POST_PROCESSING = frozenset({"DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput", "Noop"})
"""Layers with no operator in ONNX, at the end of a network: what they read becomes a graph output."""

Number = int | float


@dataclass(frozen=True, slots=True)
class Layer:
    """One line of a ``.param`` file. ``hints`` are the stored output shapes, as (w, h, c) cut to their rank."""

    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[int, Number | tuple[Number, ...]] = field(default_factory=dict)
    hints: tuple[tuple[int, ...], ...] = ()

    def integer(self, key: int, default: int = 0) -> int:
        """The scalar parameter ``key`` as an int."""
        value = self.params.get(key, default)
        return int(value) if isinstance(value, (int, float)) else default

    def number(self, key: int, default: float = 0.0) -> float:
        """The scalar parameter ``key`` as a float."""
        value = self.params.get(key, default)
        return float(value) if isinstance(value, (int, float)) else default

    def array(self, key: int) -> tuple[Number, ...]:
        """The array parameter ``key``; () where it is absent."""
        value = self.params.get(key, ())
        return value if isinstance(value, tuple) else ()


def parse_param(text: str) -> list[Layer]:
    """The layers of a ``.param`` file, in file order.

    Raises:
        ValueError: no ncnn magic in the first line, or a line that is cut short.

    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != MAGIC:
        raise ValueError(f"not an ncnn .param text: the first line is not {MAGIC}")
    return [_layer(line) for line in lines[2:] if line.strip()]


def _layer(line: str) -> Layer:
    words = line.split()
    try:
        inputs, outputs = int(words[2]), int(words[3])
        blobs, rest = words[4 : 4 + inputs + outputs], words[4 + inputs + outputs :]
        if len(blobs) < inputs + outputs:
            raise IndexError
        params = dict(_parameter(word) for word in rest)
    except (IndexError, ValueError):
        raise ValueError(f"broken ncnn layer line: {line!r}") from None
    hints = params.pop(_SHAPE_HINT, ())
    return Layer(
        words[0], words[1], tuple(blobs[:inputs]), tuple(blobs[inputs:]), params,
        _shape_hints(hints) if isinstance(hints, tuple) else (),
    )  # fmt: skip


def _parameter(word: str) -> tuple[int, Number | tuple[Number, ...]]:
    key, value = word.split("=", 1)
    if int(key) > -_ARRAY:
        return int(key), _scalar(value)
    return -int(key) - _ARRAY, tuple(_scalar(item) for item in value.split(",")[1:])


def _scalar(value: str) -> Number:
    return float(value) if any(mark in value for mark in ".e") else int(value)


def _shape_hints(flat: Sequence[Number]) -> tuple[tuple[int, ...], ...]:
    groups = [[int(number) for number in flat[start : start + 4]] for start in range(0, len(flat), 4)]
    return tuple(tuple(group[1 : 1 + group[0]]) for group in groups)


def build_param(text: str, input_shapes: Sequence[Sequence[int]], batch: int = 1) -> onnx.ModelProto:
    """The ONNX model (opset 17) of a ``.param`` text.

    Args:
        text: contents of the ``.param`` file.
        input_shapes: (C, H, W) of each Input layer, in file order.
        batch: size of the batch axis.

    Returns:
        A model whose weights have a shape and no data. Post-processing layers and prior boxes are left
        out: what they read becomes outputs. Copies (ncnn ``Split``) are edges.

    Raises:
        ValueError: a broken text, an unknown layer type, or weights that do not fit the tensor shapes.

    """
    writer = GraphWriter(batch)
    shapes = iter(input_shapes)
    for layer in parse_param(text):
        if layer.type == "Input":
            shape = next(shapes, None)
            if shape is None:
                raise ValueError(f"no shape is given for the input {layer.outputs[0]!r}")
            writer.add_input(layer.outputs[0], (batch, *shape))
        elif layer.type == "Split":
            for copy in layer.outputs:
                writer.alias(copy, layer.inputs[0])
        elif layer.type == "PriorBox" or (
            layer.inputs and all(writer.is_dropped(name) for name in layer.inputs)
        ):
            writer.drop(layer.outputs)
        elif layer.type in POST_PROCESSING:
            writer.mark_outputs(layer.inputs)
            writer.drop(layer.outputs)
        elif layer.type in EMITTERS:
            EMITTERS[layer.type](writer, layer)
        else:
            raise ValueError(f"unknown ncnn layer type {layer.type!r} (layer {layer.name!r})")
    return writer.model()


def graph_name(param: str) -> str:
    """Name of the network of a benchmark entry: the int8 variants are the same graph."""
    return param.removesuffix(".param").replace("_int8", "")


def build(arch: str, batch: int = 1) -> onnx.ModelProto:
    """The network ``arch`` (``squeezenet``) of ncnn's benchmark set, at its benchmark input size.

    Raises:
        FileNotFoundError: ``LEDG_DATA`` is unset, or has no such network.
        ValueError: see ``build_param``.

    """
    root = os.environ.get("LEDG_DATA")
    if not root:
        raise FileNotFoundError("ncnn graphs are read from $LEDG_DATA/ncnn/param: LEDG_DATA is not set")
    folder = Path(root) / "ncnn"
    path = folder / "param" / f"{arch}.param"
    sizes = json.loads((folder / "input_shapes_whc.json").read_text(encoding="utf-8"))
    if arch not in sizes or not path.is_file():
        raise FileNotFoundError(f"no ncnn network {arch!r} in $LEDG_DATA/ncnn/param")
    shapes = [(channels, height, width) for width, height, channels in sizes[arch]]
    return build_param(path.read_text(encoding="utf-8"), shapes, batch)
