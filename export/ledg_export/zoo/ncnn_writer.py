"""An ONNX graph under construction: nodes, weight-less initializers, and the shape of every tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17

Shape = tuple[int, ...]


class GraphWriter:
    """The ONNX graph under construction. Tensors are named by their ncnn blob and have a known shape."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.shapes: dict[str, Shape] = {}
        self._names: dict[str, str] = {}
        self._dropped: set[str] = set()
        self._read: set[str] = set()
        self._forced: list[str] = []
        self._inputs: list[str] = []
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def name(self, blob: str) -> str:
        """The tensor behind a blob (copies share one)."""
        return self._names.get(blob, blob)

    def shape(self, blob: str) -> Shape:
        """Shape of a blob's tensor, batch first."""
        return self.shapes[self.name(blob)]

    def alias(self, blob: str, source: str) -> None:
        """Make ``blob`` another name of ``source``."""
        self._names[blob] = self.name(source)

    def drop(self, blobs: Sequence[str]) -> None:
        """Leave blobs out of the graph: constants of post-processing and its results."""
        self._dropped.update(blobs)

    def is_dropped(self, blob: str) -> bool:
        """Whether a blob was left out."""
        return blob in self._dropped

    def add_input(self, blob: str, shape: Shape) -> None:
        """Declare a graph input."""
        self._inputs.append(blob)
        self.shapes[blob] = shape

    def mark_outputs(self, blobs: Sequence[str]) -> None:
        """Make blobs graph outputs, in order, dropped ones left out."""
        self._forced.extend(self.name(blob) for blob in blobs if not self.is_dropped(blob))

    def weight(self, shape: Sequence[int]) -> str:
        """A float32 initializer that has a shape and no data."""
        name = f"%w{len(self._constants)}"
        self._constants.append(TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape))
        self.shapes[name] = tuple(shape)
        return name

    def constant(self, values: Any, dtype: type) -> str:
        """An initializer with data (axes, sizes, bounds)."""
        name = f"%c{len(self._constants)}"
        array: np.ndarray[Any, Any] = np.asarray(values, dtype)
        self._constants.append(numpy_helper.from_array(array, name))
        self.shapes[name] = array.shape
        return name

    def node(
        self, op: str, inputs: Sequence[str], shape: Shape, output: str | None = None, **attributes: Any
    ) -> str:
        """Append a node with one output of ``shape``; returns the output's name."""
        return self.nodes(op, inputs, [shape], [output or f"%t{len(self._nodes)}"], **attributes)[0]

    def nodes(
        self,
        op: str,
        inputs: Sequence[str],
        shapes: Sequence[Shape],
        outputs: Sequence[str],
        **attributes: Any,
    ) -> Sequence[str]:
        """Append a node with several outputs."""
        names = [self.name(blob) for blob in inputs]
        self._read.update(names)
        self._nodes.append(helper.make_node(op, names, list(outputs), **attributes))
        self.shapes.update(zip(outputs, shapes, strict=True))
        return outputs

    def model(self) -> onnx.ModelProto:
        """The finished model; outputs are what nothing reads, then what was marked."""
        loose = [out for node in self._nodes for out in node.output if out not in self._read]
        outputs = list(dict.fromkeys((*loose, *self._forced)))
        graph = helper.make_graph(
            self._nodes, "ncnn", [self._value(name) for name in self._inputs],
            [self._value(name) for name in outputs], self._constants,
        )  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)

    def _value(self, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[name])
