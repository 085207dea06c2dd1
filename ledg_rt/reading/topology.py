"""Nodes of one graph in an order in which they can run; files need not keep one."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence

from onnx import AttributeProto, GraphProto, NodeProto

from ledg_rt.errors import ModelError
from ledg_rt.reading.protos import node_label


def subgraphs(node: NodeProto) -> list[GraphProto]:
    """Graphs among a node's attributes."""
    found = []
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            found.append(attribute.g)
        elif attribute.type == AttributeProto.GRAPHS:
            found.extend(attribute.graphs)
    return found


def count_nodes(graph: GraphProto) -> int:
    """Nodes of a graph and of all graphs inside it."""
    total, pending = 0, [graph]
    while pending:
        for node in pending.pop().node:
            total += 1
            pending.extend(subgraphs(node))
    return total


def in_order(nodes: Sequence[NodeProto], defined: Collection[str]) -> Sequence[NodeProto]:
    """``nodes`` after the nodes they read from; as given where that already holds.

    ``defined``: names that exist before the first node (inputs and initializers). Where a name is written
    twice, a node reads the latest before it, or the first after it.

    Raises:
        ModelError: ``cycle``.

    """
    first: dict[str, int] = {}
    for position, node in enumerate(nodes):
        for name in node.output:
            if name and name not in defined:
                first.setdefault(name, position)
    if _is_ordered(nodes, first):
        return nodes
    sons: list[list[int]] = [[] for _ in nodes]
    waiting = [0] * len(nodes)
    for position, node in enumerate(nodes):
        for father in {first[name] for name in _reads(node) if name in first}:
            sons[father].append(position)
            waiting[position] += 1
    ready = [position for position, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while ready:
        position = heapq.heappop(ready)
        order.append(position)
        for son in sons[position]:
            waiting[son] -= 1
            if waiting[son] == 0:
                heapq.heappush(ready, son)
    if len(order) < len(nodes):
        raise _cycle(nodes, first, waiting)
    return [nodes[position] for position in order]


def _is_ordered(nodes: Sequence[NodeProto], first: dict[str, int]) -> bool:
    return all(first.get(name, -1) < position for position, node in enumerate(nodes) for name in _reads(node))


def _reads(node: NodeProto) -> set[str]:
    """Names a node reads, those its subgraphs take from outside included."""
    names = set(node.input)
    pending = subgraphs(node)
    inside: set[str] = set()
    while pending:
        graph = pending.pop()
        inside.update(info.name for info in graph.input)
        inside.update(tensor.name for tensor in graph.initializer)
        names.update(info.name for info in graph.output)
        for inner in graph.node:
            names.update(inner.input)
            inside.update(inner.output)
            pending.extend(subgraphs(inner))
    names -= inside - set(node.input)
    names.discard("")
    return names


def _cycle(nodes: Sequence[NodeProto], first: dict[str, int], waiting: Sequence[int]) -> ModelError:
    """Walk back from a node that never became ready until one comes round again: that one is in a cycle."""
    position = next(at for at, count in enumerate(waiting) if count)
    seen: set[int] = set()
    while position not in seen:
        seen.add(position)
        position = min(
            first[name] for name in _reads(nodes[position]) if name in first and waiting[first[name]]
        )
    return ModelError(
        "cycle", f"node {node_label(nodes[position])} feeds itself through others", "export the model again"
    )
