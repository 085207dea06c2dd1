"""What a neural network is inside ledg-rt: typed nodes and the data edges between them.

A ``Graph`` holds no weights: constants are folded into the nodes that read them, and an edge is a pair of
node positions. Names of nodes are kept for people alone: no number and no identity depends on them.
Everything downstream (costs, language, encoding) reads only this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]

BITS: Mapping[str, int] = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8": 8, "float4": 4,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4, "int2": 2,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "uint4": 4, "uint2": 2,
    "bool": 8, "complex64": 64, "complex128": 128, "string": 64,
}  # fmt: skip
"""Bits an element takes in memory, by element type (all float8 variants are ``float8``)."""

NAME_LIMIT = 200
"""Characters that are kept of the name of a node: files may hold any number."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type and shape of a tensor.

    ``shape`` is ``None`` where the rank is unknown; a dimension is ``None`` where it is unresolved.
    ``dtype`` is a key of ``BITS`` or ``"unknown"``. For a folded constant it is the *stored* type: a
    weight kept in int8 and dequantized on the way is int8.
    """

    dtype: str
    shape: tuple[int | None, ...] | None

    @property
    def resolved(self) -> bool:
        """Whether every dimension is known."""
        return self.shape is not None and all(dim is not None for dim in self.shape)

    @property
    def elements(self) -> int:
        """Number of elements; unresolved dimensions count as 1 (ask ``resolved`` first)."""
        return math.prod(dim for dim in self.shape if dim is not None) if self.shape is not None else 0

    @property
    def nbytes(self) -> int:
        """Bytes in memory, rounded up; an unknown element type counts as 4 bytes."""
        return (self.elements * BITS.get(self.dtype, 32) + 7) // 8


@dataclass(frozen=True, slots=True)
class Input:
    """One input slot of a node. ``constant``: an initializer or folded constant (weights, axes, ...)."""

    type: TensorType
    constant: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call.

    ``inputs`` keeps the operator's positions; an omitted optional input is ``None``. ``repeats`` is the
    number of times the node runs (bodies of loops); ``domain`` is "" for standard ONNX operators. ``name`` is
    what the file calls the node (its first output where it has no name), cut to ``NAME_LIMIT`` characters.
    """

    op: str
    inputs: tuple[Input | None, ...]
    outputs: tuple[TensorType, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    domain: str = ""
    repeats: int = 1
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Graph:
    """A network: nodes in topological order, edges as (producer, consumer) positions in ``nodes``.

    ``edges`` is sorted and without duplicates. ``notes`` are stable reader codes that become flags of
    the prediction (e.g. ``unresolved_shape``), in order of first occurrence.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]
    inputs: tuple[TensorType, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    notes: tuple[str, ...] = ()
