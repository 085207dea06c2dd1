"""What makes two models the same network: a hash of the graph without weights, names and order."""

from __future__ import annotations

import hashlib

from ledg_rt.graph import Graph, TensorType

ROUNDS = 2
"""Refinements after the two passes over the whole graph."""


def graph_sha256(graph: Graph) -> str:
    """Hexadecimal SHA-256 of a graph; the order of nodes in the file and all names leave it unchanged.

    Weisfeiler-Lehman colouring (Shervashidze et al., JMLR 2011): a node starts as its operator, attributes
    and types, then takes in everything above it and everything below it in topological order, then
    ``ROUNDS`` times its neighbours. Linear in nodes and edges up to the sorting of neighbours. Edges do not
    say which slot they feed, so swapped operands of equal type are the same network here.
    """
    fathers: list[list[int]] = [[] for _ in graph.nodes]
    sons: list[list[int]] = [[] for _ in graph.nodes]
    for producer, consumer in graph.edges:
        fathers[consumer].append(producer)
        sons[producer].append(consumer)
    colours = [
        _digest(
            node.op,
            node.domain,
            sorted(node.attributes.items()),
            [None if slot is None else (_plain(slot.type), slot.constant) for slot in node.inputs],
            [_plain(out) for out in node.outputs],
            node.repeats,
        )
        for node in graph.nodes
    ]
    above, below = list(colours), list(colours)
    for node in range(len(colours)):
        above[node] = _digest(colours[node], sorted(above[father] for father in fathers[node]))
    for node in reversed(range(len(colours))):
        below[node] = _digest(colours[node], sorted(below[son] for son in sons[node]))
    colours = [_digest(*both) for both in zip(above, below, strict=True)]
    for _ in range(ROUNDS):
        colours = [
            _digest(colour, sorted(colours[father] for father in fathers[node]), sorted(colours[son] for son in sons[node]))
            for node, colour in enumerate(colours)
        ]  # fmt: skip
    ends = [sorted(map(repr, map(_plain, tensors))) for tensors in (graph.inputs, graph.outputs)]
    return hashlib.sha256(repr((sorted(colours), ends)).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(tensor: TensorType) -> tuple[str, tuple[int | None, ...] | None]:
    return tensor.dtype, tensor.shape


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
