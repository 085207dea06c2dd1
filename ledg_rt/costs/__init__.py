"""What a node costs, by operator family: multiply-adds, operations, bytes, parameters.

``macs`` count a multiply-add as one; ``flops`` count it as two and add elementwise work. An operator that
is not in the table is never free: its tensors are counted and ``known`` is False. Sizes that could not be
resolved count as 1 and clear ``resolved``. Figures are for all ``Node.repeats`` runs of a node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from ledg_rt.costs.families import is_view, op_family, rule_of
from ledg_rt.costs.rules import output_elements
from ledg_rt.graph import BITS, Graph, Input, Node, TensorType

__all__ = ["Cost", "Totals", "graph_cost", "is_view", "node_cost", "op_family"]

_LEARNED = ("conv", "matmul", "norm", "recurrent", "attention")
_MOVED: Mapping[str, int | None] = {
    "Concat": None, "QLinearConcat": None, "Scatter": None, "ScatterElements": None, "ScatterND": None,
    "TensorScatter": None, "GridSample": 2, "MaxUnpool": 2,
}  # fmt: skip
"""How many leading inputs of a movement are data (None: all); of the others it is one, the rest are shapes."""

_NAMED_LEARNED = ("Add", "Mul", "Sub", "Div", "PRelu", "Gather", "BiasGelu", "GatherBlockQuantized")


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a node. Bytes are those of the file's types.

    ``float_elements``: float elements read and written, constants included: they take the precision of
    the platform. ``fixed_bytes``: bytes of integer tensors, which cost what the file says.
    ``float_weights``: the part of ``float_elements`` that are constants.
    """

    macs: int
    flops: int
    input_bytes: int
    output_bytes: int
    weight_bytes: int
    parameters: int
    float_elements: int
    float_weights: int
    fixed_bytes: int
    known: bool
    resolved: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a graph. ``unknown_ops``: how many nodes call each unknown (domain, operator).

    ``activation_elements``: elements that nodes write, views left out. A weight that several nodes share
    counts once for each of them: a ``Graph`` does not say which constants are one.
    """

    macs: int
    flops: int
    weight_bytes: int
    parameters: int
    activation_elements: int
    unknown_ops: Mapping[tuple[str, str], int]
    resolved: bool


def node_cost(node: Node) -> Cost:
    """The cost of ``node``, all its repeats included."""
    rule, repeats = rule_of(node), max(1, node.repeats)
    family = rule[1] if rule is not None else "unknown"
    macs, others = rule[0](node) if rule is not None and node.outputs else (0, output_elements(node))
    inputs, weights = _operands(node, family)
    outputs = [] if family == "view" else list(node.outputs)
    if family == "view":
        inputs = []
    float_weights = sum(tensor.elements for tensor in weights if _is_float(tensor))
    floats = sum(tensor.elements for tensor in (*inputs, *outputs) if _is_float(tensor)) + float_weights
    fixed = sum(tensor.nbytes for tensor in (*inputs, *outputs, *weights) if not _is_float(tensor))
    learned = family in _LEARNED or node.op in _NAMED_LEARNED
    return Cost(
        macs=macs * repeats, flops=(2 * macs + others) * repeats,
        input_bytes=sum(tensor.nbytes for tensor in inputs) * repeats,
        output_bytes=sum(tensor.nbytes for tensor in outputs) * repeats,
        weight_bytes=sum(tensor.nbytes for tensor in _stored(node, family)),
        parameters=sum(tensor.elements for tensor in _parameters(node)) if learned else 0,
        float_elements=floats * repeats, float_weights=float_weights * repeats, fixed_bytes=fixed * repeats,
        known=rule is not None, resolved=_resolved(node),
    )  # fmt: skip


def graph_cost(graph: Graph) -> Totals:
    """Sums over the nodes of ``graph``."""
    costs = [node_cost(node) for node in graph.nodes]
    unknown = Counter(
        (node.domain, node.op) for node, cost in zip(graph.nodes, costs, strict=True) if not cost.known
    )
    return Totals(
        macs=sum(cost.macs for cost in costs), flops=sum(cost.flops for cost in costs),
        weight_bytes=sum(cost.weight_bytes for cost in costs), parameters=sum(cost.parameters for cost in costs),
        activation_elements=sum(
            output_elements(node) * max(1, node.repeats) for node in graph.nodes if not is_view(node)
        ),
        unknown_ops=dict(unknown), resolved=all(cost.resolved for cost in costs),
    )  # fmt: skip


def _operands(node: Node, family: str) -> tuple[list[TensorType], list[TensorType]]:
    """Tensors that one run reads: activations and constants. A lookup reads the rows that it returns."""
    slots = [slot for slot in node.inputs if slot is not None]
    if node.op in ("Gather", "GatherBlockQuantized", "GatherElements", "GatherND", "Slice") and node.outputs:
        rest = [slot.type for slot in slots[1:] if not slot.constant]
        if not slots:
            return [], []
        rows = TensorType(slots[0].type.dtype, node.outputs[0].shape)
        return (rest, [rows]) if slots[0].constant else ([rows, *rest], [])
    if family in ("view", "movement"):
        return [slot.type for slot in slots[: _MOVED.get(node.op, 1)]], []
    return [slot.type for slot in slots if not slot.constant], [slot.type for slot in slots if slot.constant]


def _stored(node: Node, family: str) -> list[TensorType]:
    """Constants that the node keeps in memory; shapes and axes of data movement are none."""
    if family in ("view", "movement") and node.op not in ("Gather", "Concat", "GatherBlockQuantized"):
        return []
    return [slot.type for slot in node.inputs if slot is not None and slot.constant]


def _parameters(node: Node) -> list[TensorType]:
    """Learned constants: running statistics of BatchNormalization and scalars are none."""
    last = 3 if node.op == "BatchNormalization" else None
    slots: list[Input | None] = list(node.inputs[:last])
    return [
        slot.type for slot in slots
        if slot is not None and slot.constant and (slot.type.elements > 1 or node.op in ("Gemm", "Conv"))
        and (_is_float(slot.type) or BITS.get(slot.type.dtype, 32) <= 8 or slot.type.dtype == "int32")
    ]  # fmt: skip


@cache
def _is_float_name(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "unknown", "complex"))


def _is_float(tensor: TensorType) -> bool:
    return _is_float_name(tensor.dtype)


def _resolved(node: Node) -> bool:
    return all(out.resolved for out in node.outputs) and all(
        slot.type.resolved for slot in node.inputs if slot is not None
    )
