"""Between onnx's messages and ours: element types, shapes, the values of small constants, attributes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, NodeProto, TensorProto, TypeProto, numpy_helper

from ledg_rt.graph import Attribute, TensorType
from ledg_rt.reading.limits import MAX_RANK, limit_exceeded

Array = NDArray[np.generic]

MAX_ATTRIBUTE = 1024
"""Attributes with more entries or letters (tree tables, embedded code) are left out of the graph."""

_DTYPES: Mapping[int, str] = {
    TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64", TensorProto.FLOAT16: "float16",
    TensorProto.BFLOAT16: "bfloat16", TensorProto.INT64: "int64", TensorProto.INT32: "int32",
    TensorProto.INT16: "int16", TensorProto.INT8: "int8", TensorProto.UINT64: "uint64",
    TensorProto.UINT32: "uint32", TensorProto.UINT16: "uint16", TensorProto.UINT8: "uint8",
    TensorProto.BOOL: "bool", TensorProto.STRING: "string", TensorProto.COMPLEX64: "complex64",
    TensorProto.COMPLEX128: "complex128", 17: "float8", 18: "float8", 19: "float8", 20: "float8",
    21: "uint4", 22: "int4", 23: "float4", 24: "float8", 25: "uint2", 26: "int2",
}  # fmt: skip
"""TensorProto.DataType -> key of ``graph.BITS``; numbers where older versions of onnx lack the name."""

_NUMPY: Mapping[str, int] = {
    "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "float16": TensorProto.FLOAT16,
    "int64": TensorProto.INT64, "int32": TensorProto.INT32, "int16": TensorProto.INT16,
    "int8": TensorProto.INT8, "uint64": TensorProto.UINT64, "uint32": TensorProto.UINT32,
    "uint16": TensorProto.UINT16, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL,
}  # fmt: skip
"""numpy dtype name -> TensorProto.DataType, for the types whose values are followed."""

NUMPY_TYPES: Mapping[int, str] = {number: name for name, number in _NUMPY.items()}


def dtype_name(element_type: int) -> str:
    """Key of ``graph.BITS`` for a TensorProto.DataType, or ``"unknown"``."""
    return _DTYPES.get(element_type, "unknown")


def tensor_proto_type(element_type: int, shape: Sequence[int | None] | None) -> TypeProto:
    """TypeProto of a tensor; ``None`` is an open dimension, or an open rank."""
    proto = TypeProto()
    proto.tensor_type.elem_type = element_type
    if shape is not None:
        dims = proto.tensor_type.shape.dim
        proto.tensor_type.shape.SetInParent()
        for size in shape:
            dim = dims.add()
            if size is not None and 0 <= size < 1 << 63:
                dim.dim_value = size
    return proto


def element_type(proto: TypeProto) -> int:
    """TensorProto.DataType of a tensor type, 0 for anything else."""
    return proto.tensor_type.elem_type if proto.HasField("tensor_type") else 0


def shape_of(proto: TypeProto) -> tuple[int | None, ...] | None:
    """Shape of a tensor type; negative and symbolic dimensions are open.

    Raises:
        ModelError: ``limit_exceeded`` above ``MAX_RANK`` dimensions.

    """
    if not proto.HasField("tensor_type") or not proto.tensor_type.HasField("shape"):
        return None
    dims = proto.tensor_type.shape.dim
    check_rank(len(dims))
    # dim_value reads 0 where it is not set, so that most dimensions need one look.
    return tuple([value if (value := dim.dim_value) > 0 or (value == 0 and dim.HasField("dim_value")) else None for dim in dims])  # fmt: skip


def check_rank(rank: int) -> None:
    """Refuse tensors of more than ``MAX_RANK`` dimensions."""
    if rank > MAX_RANK:
        raise limit_exceeded(f"a tensor has {rank:,} dimensions")


def tensor_type(proto: TypeProto) -> TensorType:
    """Our type of a TypeProto; sequences, maps and optionals are ``unknown``."""
    return TensorType(dtype_name(element_type(proto)), shape_of(proto))


def resolved(shape: tuple[int | None, ...] | None) -> bool:
    """Whether rank and every dimension are known."""
    return shape is not None and None not in shape


def tensor_values(tensor: TensorProto) -> Array | None:
    """Values of a small constant; ``None`` where they were left out or are stored in another file."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.data_type not in NUMPY_TYPES:
        return None
    check_rank(len(tensor.dims))
    elements = math.prod(tensor.dims)
    stored = len(tensor.raw_data) or sum(
        len(values)
        for values in (tensor.int64_data, tensor.int32_data, tensor.float_data, tensor.double_data, tensor.uint64_data)
    )  # fmt: skip
    if min(tensor.dims, default=0) < 0 or elements > 1024 or (stored == 0 and elements > 0):
        return None
    try:
        return numpy_helper.to_array(tensor)
    except (ValueError, TypeError):
        return None


def tensor_constant(name: str, values: Array) -> TensorProto | None:
    """A TensorProto of known values, ``None`` for types that inference has no use for."""
    if values.dtype.name not in _NUMPY:
        return None
    return numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)


def array_type(values: Array) -> TypeProto:
    """TypeProto of an array of one of the followed types."""
    return tensor_proto_type(_NUMPY.get(values.dtype.name, 0), values.shape)


def attributes_of(protos: Sequence[AttributeProto]) -> dict[str, Attribute]:
    """Numbers and strings of a node's attributes, sorted by name.

    Tensors, graphs and types are left out, and so are NaNs and what is longer than ``MAX_ATTRIBUTE``.
    """
    found: dict[str, Attribute] = {}
    for proto in protos:
        value = _attribute(proto)
        if value is not None:
            found[text(proto.name)] = value
    return dict(sorted(found.items()))


def _attribute(proto: AttributeProto) -> Attribute | None:
    value: Attribute
    match proto.type:
        case AttributeProto.INT:
            return proto.i
        case AttributeProto.FLOAT:
            return None if math.isnan(proto.f) else proto.f
        case AttributeProto.STRING:
            return text(proto.s) if len(proto.s) <= MAX_ATTRIBUTE else None
        case AttributeProto.INTS:
            value = tuple(proto.ints[: MAX_ATTRIBUTE + 1])
        case AttributeProto.FLOATS:
            value = tuple(proto.floats[: MAX_ATTRIBUTE + 1])
            if any(math.isnan(number) for number in proto.floats[: MAX_ATTRIBUTE + 1]):
                return None
        case AttributeProto.STRINGS:
            value = tuple(text(entry) for entry in proto.strings[: MAX_ATTRIBUTE + 1])
            if sum(map(len, value)) > MAX_ATTRIBUTE:
                return None
        case _:
            return None
    return value if len(value) <= MAX_ATTRIBUTE else None


def text(raw: bytes | str) -> str:
    """A string of the file, whatever its bytes."""
    return raw.decode("utf-8", errors="replace") if isinstance(raw, bytes) else raw


def node_label(node: NodeProto) -> str:
    """How a message names a node: its name or first output, printable and short, and its operator."""
    name = node.name or next(iter(node.output), "")
    return f"{printable(name)} ({printable(node.op_type)})"


def printable(name: str | bytes, width: int = 80) -> str:
    """A name from the file made fit for one line of a message."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text(name[: width + 1]))
    return repr(shown if len(shown) <= width else shown[: width - 1] + "…")
