"""What every deployment runtime does to a graph before it runs it.

Identity, Dropout and a Cast to the type that the data already has go; a normalisation or a per-channel
scale and shift right behind a convolution or matrix product that nothing else reads is folded into its
weights. So a file exported with or without folded BatchNormalization encodes alike. Multiply-adds are
not changed.
"""

from __future__ import annotations

from dataclasses import replace

from ledg_rt.graph import Graph, Input, Node, TensorType

_PASSED = ("Identity", "Dropout")
_HOSTS = ("Conv", "ConvTranspose", "Gemm")
_FOLDED = ("BatchNormalization",)
_SCALES = ("Mul", "Add")
_STANDARD = ("", "ai.onnx")


def simplify(graph: Graph) -> Graph:
    """Fold until nothing more folds; edges are rewired and the order of the remaining nodes is kept."""
    nodes: list[Node | None] = list(graph.nodes)
    fathers: list[set[int]] = [set() for _ in nodes]
    sons: list[set[int]] = [set() for _ in nodes]
    for a, b in graph.edges:
        fathers[b].add(a)
        sons[a].add(b)
    for at, node in enumerate(graph.nodes):  # topological: whatever folds into a host was folded before
        passed = node.domain in _STANDARD and (node.op in _PASSED or _casts_to_itself(node))
        if len(fathers[at]) > 1 or (not fathers[at] and not passed):
            continue
        if passed:
            _bypass(at, nodes, fathers, sons)
            continue
        (father,) = fathers[at]
        host = nodes[father]
        if (
            host is not None
            and host.op in _HOSTS
            and len(sons[father]) == 1
            and host.repeats == node.repeats
            and _folds(node, host)
        ):
            nodes[father] = _with_bias(host)
            _bypass(at, nodes, fathers, sons)
    kept = [at for at, node in enumerate(nodes) if node is not None]
    if len(kept) == 0:
        return graph  # nothing but Identity: leave it to the reader's "nothing to predict"
    position = {old: new for new, old in enumerate(kept)}
    edges = tuple(sorted((position[a], position[b]) for a in kept for b in sons[a]))
    return replace(graph, nodes=tuple(node for node in nodes if node is not None), edges=edges)


def _casts_to_itself(node: Node) -> bool:
    """Whether ``node`` casts an activation to the type that it has (of a constant, the type is the stored one)."""
    if node.op != "Cast" or not node.inputs or not node.outputs:
        return False
    slot, dtype = node.inputs[0], node.outputs[0].dtype
    return slot is not None and not slot.constant and slot.type.dtype == dtype != "unknown"


def _folds(node: Node, host: Node) -> bool:
    """Whether ``node`` is a normalisation or a per-channel constant that ``host`` can take over."""
    rest = [slot for slot in node.inputs if slot is not None]
    weight = host.inputs[1] if len(host.inputs) > 1 else None
    if node.domain not in _STANDARD or host.domain not in _STANDARD or weight is None or not weight.constant:
        return False
    if node.op in _FOLDED:
        return len(node.outputs) == 1 and all(slot.constant for slot in rest[1:])
    if node.op not in _SCALES or host.op == "Gemm":
        return False
    constants = [slot for slot in rest if slot.constant]
    return len(rest) == 2 and len(constants) == 1 and _per_channel(constants[0].type, host.outputs[0])


def _per_channel(constant: TensorType, out: TensorType) -> bool:
    """One value, or one a channel: shape [C, 1, 1] with or without a leading 1."""
    if not constant.resolved or constant.shape is None or not out.shape:
        return False
    shape = (1,) * (len(out.shape) - len(constant.shape)) + constant.shape
    return constant.elements == 1 or (
        len(shape) == len(out.shape) and shape[1] == out.shape[1] == constant.elements
    )


def _with_bias(host: Node) -> Node:
    """``host`` with a bias: what folding leaves behind."""
    if len(host.inputs) > 2 and host.inputs[2] is not None:
        return host
    dims = host.outputs[0].shape or ()
    weight = host.inputs[1] if len(host.inputs) > 1 else None
    dtype = weight.type.dtype if weight is not None else "float32"
    bias = Input(TensorType(dtype, (dims[1],) if len(dims) > 1 else None), constant=True)
    return replace(host, inputs=(*host.inputs[:2], bias))


def _bypass(at: int, nodes: list[Node | None], fathers: list[set[int]], sons: list[set[int]]) -> None:
    """Take node ``at`` out and connect its fathers with its sons."""
    for father in fathers[at]:
        sons[father].discard(at)
        sons[father] |= sons[at]
    for son in sons[at]:
        fathers[son].discard(at)
        fathers[son] |= fathers[at]
    fathers[at], sons[at] = set(), set()
    nodes[at] = None
