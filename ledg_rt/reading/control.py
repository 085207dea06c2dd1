"""Control flow put into the flat graph: the dearer branch of an If, a body once with its trip count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from onnx import GraphProto, NodeProto, TensorProto, TypeProto

from ledg_rt.reading.inference import Known
from ledg_rt.reading.protos import element_type, shape_of, tensor_proto_type
from ledg_rt.reading.topology import count_nodes, subgraphs

if TYPE_CHECKING:
    from ledg_rt.reading.expand import Expansion, Frame

ENDLESS = 1 << 31
"""Exporters write "while" as a loop of at most this many turns or more."""


def expand_if(expansion: Expansion, frame: Frame, node: NodeProto) -> None:
    """Inline the branch that a constant condition takes, else the one with more nodes (``branch_chosen``)."""
    branches = {attribute.name: attribute.g for attribute in node.attribute if attribute.HasField("g")}
    condition = frame.value(node.input[0]) if node.input else None
    if condition is not None and condition.data is not None and condition.data.size == 1:
        chosen = branches.get("then_branch" if bool(condition.data.reshape(-1)[0]) else "else_branch")
    else:
        ordered = [branches[name] for name in ("then_branch", "else_branch") if name in branches]
        chosen = max(ordered, key=count_nodes, default=None)
        expansion.notes["branch_chosen"] = None
    if chosen is None:
        _open_outputs(expansion, frame, node)
        return
    branch = chosen
    body = expansion.frame(branch, frame)

    def close() -> None:
        for outer, inner in zip(node.output, branch.output, strict=False):
            frame.names[outer] = body.value(inner.name)

    body.close = close
    expansion.push(body, node)


def expand_loop(expansion: Expansion, frame: Frame, node: NodeProto) -> None:
    """Inline a Loop's body with its trip count; 1 and ``unresolved_shape`` where it is not known."""
    graph = _body(node)
    if graph is None:
        _open_outputs(expansion, frame, node)
        return
    limit = frame.value(node.input[0]) if node.input and node.input[0] else None
    going = frame.value(node.input[1]) if len(node.input) > 1 and node.input[1] else None
    trips = _scalar(limit)
    start = _scalar(going)
    if start == 0:
        trips = 0
    elif trips is not None and (not 0 <= trips < ENDLESS or (going is not None and start is None)):
        trips = None
    carried = [frame.value(name) if name else None for name in node.input[2:]]
    if trips == 0:
        for name, value in zip(node.output, carried, strict=False):
            frame.names[name] = value or Known(TypeProto())
        for name in node.output[len(carried) :]:
            frame.names[name] = Known(TypeProto())
        return
    counter, condition = tensor_proto_type(TensorProto.INT64, ()), tensor_proto_type(TensorProto.BOOL, ())
    bound = [Known(counter), Known(condition), *(_varying(value) for value in carried)]
    _inline(expansion, frame, node, graph, bound, len(carried), trips, skipped=1)


def expand_scan(expansion: Expansion, frame: Frame, node: NodeProto) -> None:
    """Inline a Scan's body; it runs once for each slice of the scanned inputs."""
    graph = _body(node)
    attributes = {attribute.name: attribute for attribute in node.attribute}
    scanned = attributes["num_scan_inputs"].i if "num_scan_inputs" in attributes else 0
    version = frame.opsets.get("") or 9
    values = [frame.value(name) if name else None for name in node.input]
    # Before opset 9 a Scan has a batch axis of its own; no exporter in use writes it.
    if graph is None or version < 9 or not 0 < scanned <= len(values):
        _open_outputs(expansion, frame, node)
        return
    states, sequences = values[: len(values) - scanned], values[len(values) - scanned :]
    axes = list(attributes["scan_input_axes"].ints) if "scan_input_axes" in attributes else [0] * scanned
    trips: int | None = None
    bound = [_varying(value) for value in states]
    for value, axis in zip(sequences, axes, strict=False):
        shape = value.shape if value is not None else None
        if value is None or not shape or not -len(shape) <= axis < len(shape):
            bound.append(Known(TypeProto()))
            continue
        trips = trips or shape[axis]
        inner = [size for at, size in enumerate(shape) if at != axis % len(shape)]
        bound.append(Known(tensor_proto_type(element_type(value.type), inner), producer=value.producer))
    _inline(expansion, frame, node, graph, bound, len(states), trips, skipped=0)


def _inline(
    expansion: Expansion,
    frame: Frame,
    node: NodeProto,
    graph: GraphProto,
    bound: list[Known],
    carried: int,
    trips: int | None,
    skipped: int,
) -> None:
    """Push a body that runs ``trips`` times.

    Of its outputs the first ``skipped`` are its own (a condition), the next ``carried`` keep their shape, the
    rest gain a leading axis of one entry a turn.
    """
    if trips is None:
        expansion.notes["unresolved_shape"] = None
    body = expansion.frame(graph, frame)
    body.repeats = frame.repeats * (trips or 1)
    body.names.update(zip((info.name for info in graph.input), bound, strict=False))

    def close() -> None:
        results = [body.value(info.name) for info in graph.output][skipped:]
        for position, (name, value) in enumerate(zip(node.output, results, strict=False)):
            shape = shape_of(value.type)
            if position < carried:
                frame.names[name] = _varying(value)
            else:
                stacked = (trips, *shape) if shape is not None else None
                proto = tensor_proto_type(element_type(value.type), stacked)
                frame.names[name] = Known(proto, producer=value.producer)

    body.close = close
    expansion.push(body, node)


def _varying(value: Known | None) -> Known:
    """A value that starts as ``value`` and changes from turn to turn: same type, not a constant."""
    return Known(TypeProto()) if value is None else Known(value.type, producer=value.producer)


def _scalar(value: Known | None) -> int | None:
    if value is None or value.data is None or value.data.size != 1:
        return None
    return int(value.data.reshape(-1)[0])


def _body(node: NodeProto) -> GraphProto | None:
    return next(iter(subgraphs(node)), None)


def _open_outputs(expansion: Expansion, frame: Frame, node: NodeProto) -> None:
    expansion.notes["unresolved_shape"] = None
    for name in node.output:
        frame.names[name] = Known(TypeProto())


EXPANDERS: Mapping[str, Callable[[Expansion, Frame, NodeProto], None]] = {
    "If": expand_if,
    "Loop": expand_loop,
    "Scan": expand_scan,
}
