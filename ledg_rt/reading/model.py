"""From bytes to a ``Graph``: strip, parse, size the inputs, expand, drop what is dead."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError
from onnx import ModelProto

from ledg_rt.errors import ModelError
from ledg_rt.graph import Graph, Input, Node, TensorType
from ledg_rt.reading.expand import Expansion, FlatNode
from ledg_rt.reading.inference import Known
from ledg_rt.reading.inputs import resolve_inputs
from ledg_rt.reading.limits import limit_exceeded
from ledg_rt.reading.protos import dtype_name, element_type, resolved, tensor_type
from ledg_rt.reading.sniff import not_onnx, sniff
from ledg_rt.reading.source import empty_file, open_model
from ledg_rt.reading.wire import Buffer, DamageError, strip_weights

_IDLE = frozenset(("Identity", "Dropout"))
"""Operators that no runtime runs: a graph of nothing else has nothing to predict."""


def read_model(
    source: str | os.PathLike[str] | bytes,
    shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
) -> Graph:
    """Read one model; see ``ledg_rt.reading.read_graph``."""
    try:
        if isinstance(source, bytes):
            if not source:
                raise empty_file()
            model = parse(source)
        else:
            with open_model(source) as mapped:
                model = parse(mapped)
        inputs = resolve_inputs(model.graph, shapes or {}, batch)
        return _build(Expansion(model, inputs), [tensor_type(proto) for proto in inputs.types.values()])
    except MemoryError as error:
        raise limit_exceeded("the model needs more memory than reading may take") from error


def parse(data: Buffer) -> ModelProto:
    """The model without its weights.

    Raises:
        ModelError: ``not_onnx``, ``lfs_pointer``, ``truncated``, ``no_nodes``, ``limit_exceeded``.

    """
    head = bytes(data[:512])
    # Every exporter writes ir_version first, and no other format begins like that.
    recognised = sniff(head, len(data)) if head[:1] != b"\x08" else None
    if recognised is not None:
        raise recognised
    try:
        stripped = strip_weights(data)
    except DamageError as damage:
        if damage.cut:
            raise ModelError("truncated", f"the file is cut: its last field, at byte {damage.offset}, is longer than the rest of the file", "download or copy the model again") from damage  # fmt: skip
        raise not_onnx(head, str(damage)) from damage
    try:
        model = ModelProto.FromString(stripped)
    except DecodeError as error:
        raise not_onnx(head, "its fields are damaged") from error
    if not model.graph.node:
        raise _no_nodes("the graph has no nodes" if model.HasField("graph") else "the model has no graph")
    if not model.graph.output:
        raise _no_nodes("the graph has no outputs")
    return model


def _build(expansion: Expansion, inputs: Sequence[TensorType]) -> Graph:
    alive = _alive(expansion)
    position = {old: new for new, old in enumerate(alive)}
    nodes: list[Node] = []
    edges: set[tuple[int, int]] = set()
    # Outputs for training (masks, running statistics) that nothing reads have no type, and do not count.
    read = {id(value) for old in alive for value in expansion.nodes[old].inputs}
    read |= {id(value) for value in expansion.outputs}
    types: dict[tuple[str, tuple[int | None, ...] | None], TensorType] = {}

    def typed(value: Known) -> TensorType:
        key = (value.stored or dtype_name(element_type(value.type)), value.shape)
        return types.get(key) or types.setdefault(key, TensorType(*key))

    for old in alive:
        flat = expansion.nodes[old]
        slots = [Input(typed(value), value.constant) if value is not None else None for value in flat.inputs]
        while slots and slots[-1] is None:
            slots.pop()
        outputs = tuple(
            typed(value)
            for at, value in enumerate(flat.outputs)
            if at == 0 or id(value) in read or resolved(value.shape)
        )
        nodes.append(
            Node(flat.op, tuple(slots), outputs, flat.attributes, flat.domain, flat.repeats, flat.name)
        )
        edges.update((position[producer], position[old]) for producer in _fathers(flat))
    if all(node.op in _IDLE and not node.domain for node in nodes):
        raise _no_nodes("every output is a constant or an input passed on")
    notes = dict(expansion.notes)
    if any(_is_open(node) for node in nodes):
        notes["unresolved_shape"] = None
    outputs = tuple(typed(value) for value in expansion.outputs)
    return Graph(tuple(nodes), tuple(sorted(edges)), tuple(inputs), outputs, tuple(notes))


def _is_open(node: Node) -> bool:
    slots = [slot.type for slot in node.inputs if slot is not None]
    return not all(tensor.resolved for tensor in (*slots, *node.outputs))


def _fathers(flat: FlatNode) -> set[int]:
    return {value.producer for value in flat.inputs if value is not None and value.producer is not None}


def _alive(expansion: Expansion) -> list[int]:
    """Positions of the calls that some output needs, ascending; producers always come first."""
    needed = {value.producer for value in expansion.outputs if value.producer is not None}
    for position in reversed(range(len(expansion.nodes))):
        if position in needed:
            needed |= _fathers(expansion.nodes[position])
    return sorted(needed)


def _no_nodes(message: str) -> ModelError:
    return ModelError("no_nodes", f"nothing to predict: {message}", "name a model that computes something")
