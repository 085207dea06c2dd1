"""``Graph`` <-> plain lists and numbers, for the pipe between processes. Exact in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledg_rt.graph import Graph, Input, Node, TensorType


def graph_to_data(graph: Graph) -> dict[str, Any]:
    """A JSON-able form. Each distinct type is written once; a slot is 2 x its type + constant, -1 if omitted."""
    types: dict[TensorType, int] = {}

    def type_at(tensor: TensorType) -> int:
        return types.setdefault(tensor, len(types))

    def slot(entry: Input | None) -> int:
        return -1 if entry is None else 2 * type_at(entry.type) + entry.constant

    nodes = [
        [node.op, node.domain, [slot(entry) for entry in node.inputs], [type_at(out) for out in node.outputs], dict(node.attributes), node.repeats, node.name]
        for node in graph.nodes
    ]  # fmt: skip
    return {
        "nodes": nodes,
        "edges": graph.edges,
        "inputs": [type_at(tensor) for tensor in graph.inputs],
        "outputs": [type_at(tensor) for tensor in graph.outputs],
        "notes": graph.notes,
        "types": [[tensor.dtype, tensor.shape] for tensor in types],
    }


def graph_from_data(data: dict[str, Any]) -> Graph:
    """The inverse of ``graph_to_data``, before or after JSON."""
    types = [TensorType(dtype, None if shape is None else tuple(shape)) for dtype, shape in data["types"]]
    slots = [Input(tensor, constant) for tensor in types for constant in (False, True)]

    def typed(positions: Sequence[int]) -> tuple[TensorType, ...]:
        return tuple(types[position] for position in positions)

    nodes = tuple(
        Node(
            op,
            tuple(slots[slot] if slot >= 0 else None for slot in inputs),
            typed(outputs),
            {name: tuple(value) if isinstance(value, list) else value for name, value in attributes.items()},
            domain,
            repeats,
            name,
        )
        for op, domain, inputs, outputs, attributes, repeats, name in data["nodes"]
    )
    edges = tuple((producer, consumer) for producer, consumer in data["edges"])
    return Graph(nodes, edges, typed(data["inputs"]), typed(data["outputs"]), tuple(data["notes"]))
