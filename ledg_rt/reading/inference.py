"""Types of a node's outputs, one node at a time, in the order of the graph.

onnx's own inference does the work. Walking in order, with the values of constants at hand, closes the gaps
that whole-model inference leaves where shapes are computed, in one pass instead of one pass a gap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from onnx import NodeProto, TensorProto, TypeProto, checker, defs, shape_inference

from ledg_rt.graph import Attribute
from ledg_rt.reading import contrib
from ledg_rt.reading.protos import (
    Array,
    element_type,
    resolved,
    shape_of,
    tensor_constant,
    tensor_proto_type,
    text,
)

MAX_ELEMENTS = 1 << 56
"""onnx multiplies sizes in 64 bits; tensors beyond this are not shown to it."""

SAME_AS_INPUT = frozenset((
    "Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization", "Bernoulli", "Ceil",
    "Celu", "Clip", "Cos", "Cosh", "CumSum", "Dropout", "Elu", "Erf", "Exp", "Floor", "Gelu",
    "GroupNormalization", "HardSigmoid", "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "LRN",
    "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization",
    "Mish", "Neg", "Not", "PRelu", "RMSNormalization", "Reciprocal", "Relu", "Round", "ScaledTanh",
    "Scaler", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softmax", "Softplus", "Softsign", "Sqrt",
    "Swish", "Tan", "Tanh", "ThresholdedRelu", "Trilu",
))  # fmt: skip
"""Operators whose first output has the shape of the first input."""

WINDOWED = ("Conv", "Pool")

_READS_FLOATS = frozenset(("Resize", "Upsample", "Range"))
"""Operators whose output shape depends on the value of an input that is not a list of integers."""


class Known:
    """A value of the graph: its type and, where it is constant, what is known of it.

    ``shape`` is that of ``type``. ``data``: the values of a small constant. ``stored``: element type of a constant as the file keeps it,
    where that is another than the type the operators see. ``producer``: position of the node it comes from.
    """

    __slots__ = ("constant", "data", "producer", "shape", "stored", "type")

    def __init__(
        self,
        proto: TypeProto,
        constant: bool = False,
        data: Array | None = None,
        stored: str | None = None,
        producer: int | None = None,
    ) -> None:
        self.type = proto
        self.shape = shape_of(proto)
        self.constant = constant
        self.data = data
        self.stored = stored
        self.producer = producer


@dataclass(frozen=True, slots=True)
class Call:
    """One operator call as inference sees it: ``op`` and ``domain`` as text, ``version`` of its opset."""

    node: NodeProto
    op: str
    domain: str
    version: int | None
    attributes: Mapping[str, Attribute]
    inputs: Sequence[Known | None]


@lru_cache(maxsize=4096)
def schema_of(op: str, domain: str, version: int | None) -> defs.OpSchema | None:
    """The operator's schema at an opset version (the newest for ``None``), ``None`` for unknown operators."""
    try:
        if version is not None and version > 0:
            return defs.get_schema(op, version, domain)
        return defs.get_schema(op, domain)
    except defs.SchemaError:
        return None


def is_known(call: Call) -> bool:
    """Whether the operator's meaning is known: a standard one, or a contributed one we have rules for."""
    return schema_of(call.op, call.domain, call.version) is not None or contrib.knows(call.op, call.domain)


def signature(call: Call) -> tuple[object, ...]:
    """All that ``output_types`` depends on: the layers of a network repeat, and need inference once."""
    return (
        call.op,
        call.domain,
        call.version,
        tuple([name != "" for name in call.node.output]),
        *[attribute.SerializeToString() for attribute in call.node.attribute],
        *[
            None if value is None else (value.type.SerializeToString(), None if value.data is None else value.data.tobytes())
            for value in call.inputs
        ],
    )  # fmt: skip


def output_types(call: Call, ir_version: int, rebatched: int | None = None) -> tuple[list[TypeProto], bool]:
    """Types of all outputs, empty where open, and whether the shapes the file claims may fill the gaps.

    They may not where inference says that the node cannot run on these inputs. ``rebatched``: the batch
    that replaced a fixed 1; a reshape to a written-out leading 1 follows it.
    """
    open_types = [TypeProto() for _ in call.node.output]
    for value in call.inputs:
        if value is not None and value.shape and math.prod(size or 1 for size in value.shape) > MAX_ELEMENTS:
            return open_types, False
    schema = schema_of(call.op, call.domain, call.version)
    if schema is None:
        return contrib.output_types(call) or open_types, True
    data = [value.data if value is not None else None for value in call.inputs]
    if rebatched and call.op == "Reshape" and len(data) == 2:
        data[1] = _rebatched_target(call.inputs[0], data[1], rebatched)
    names = call.node.input
    types = {name: value.type for name, value in zip(names, call.inputs, strict=True) if value is not None}
    constants = {
        name: constant
        for name, values in zip(names, data, strict=True)
        if values is not None
        and (_is_size(values) or call.op in _READS_FLOATS)
        and (constant := tensor_constant(name, values)) is not None
    }
    try:
        found = _infer(schema, call, types, constants, ir_version)
    except (shape_inference.InferenceError, checker.ValidationError, ValueError, RuntimeError, TypeError):
        # Without types onnx cannot judge the node; with all types known, it says that they do not fit.
        return open_types, any(value is not None and not resolved(value.shape) for value in call.inputs)
    outputs = [found.get(name, empty) for name, empty in zip(names_of(call.node), open_types, strict=True)]
    return _checked(call, outputs)


def _infer(
    schema: defs.OpSchema,
    call: Call,
    types: dict[str, TypeProto],
    constants: dict[str, TensorProto],
    ir_version: int,
) -> dict[str, TypeProto]:
    try:
        return shape_inference.infer_node_outputs(schema, call.node, types, constants, ir_version=ir_version)
    except checker.ValidationError:
        # Files declare an opset older than what they use (element types above all), and runtimes let them.
        newest = schema_of(call.op, call.domain, None)
        if newest is None or newest.since_version == schema.since_version:
            raise
        return shape_inference.infer_node_outputs(newest, call.node, types, constants, ir_version=ir_version)


def _is_size(values: Array) -> bool:
    return values.ndim <= 1 and values.dtype.kind == "i"


def names_of(node: NodeProto) -> list[str]:
    """Names of a node's outputs, in order."""
    return [text(name) for name in node.output]


def _checked(call: Call, outputs: list[TypeProto]) -> tuple[list[TypeProto], bool]:
    first = call.inputs[0] if call.inputs else None
    if first is not None and call.op in SAME_AS_INPUT and outputs and not resolved(shape_of(outputs[0])):
        outputs[0] = tensor_proto_type(element_type(outputs[0]) or element_type(first.type), first.shape)
    if any(name in call.op for name in WINDOWED):
        raw = outputs[0].tensor_type.shape.dim if outputs else ()
        too_small = any(dim.HasField("dim_value") and dim.dim_value <= 0 for dim in raw)
        if (too_small and not (first is not None and 0 in (first.shape or ()))) or not _groups_fit(call):
            return [tensor_proto_type(element_type(output), None) for output in outputs], False
    return outputs, True


def _groups_fit(call: Call) -> bool:
    if call.op != "Conv" or len(call.inputs) < 2 or call.inputs[0] is None or call.inputs[1] is None:
        return True
    data, weight = call.inputs[0].shape, call.inputs[1].shape
    group = call.attributes.get("group", 1)
    if not data or not weight or len(data) < 2 or len(weight) < 2 or not isinstance(group, int):
        return True
    if group < 1 or (weight[0] is not None and weight[0] % group):
        return False
    return data[1] is None or weight[1] is None or data[1] == weight[1] * group


def _rebatched_target(data: Known | None, target: Array | None, batch: int) -> Array | None:
    """The target of a Reshape written for batch 1, for another batch."""
    if data is None or target is None or target.ndim != 1 or target.size < 2 or int(target[0]) != 1:
        return target
    if not resolved(data.shape) or not data.shape or data.shape[0] != batch:
        return target
    if -1 not in target and math.prod(map(int, target)) == math.prod(size or 0 for size in data.shape):
        return target
    return np.concatenate([np.array([batch], dtype=target.dtype), target[1:]])
