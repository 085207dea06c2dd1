"""One walk over a model: functions, branches and bodies inlined, constants folded, types inferred.

The walk keeps its own stack, so the depth of the file is not that of Python. What comes out is one flat
list of calls on values; a constant has no call, whichever way the file spells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    defs,
    helper,
)

from ledg_rt.errors import ModelError
from ledg_rt.graph import NAME_LIMIT, Attribute
from ledg_rt.reading import control, folding, limits
from ledg_rt.reading.inference import Call, Known, is_known, output_types, signature
from ledg_rt.reading.inputs import Inputs
from ledg_rt.reading.protos import (
    Array,
    array_type,
    attributes_of,
    check_rank,
    dtype_name,
    element_type,
    node_label,
    resolved,
    shape_of,
    tensor_proto_type,
    tensor_values,
    text,
)
from ledg_rt.reading.topology import in_order

STANDARD = ("", "ai.onnx")

_RANDOM = ("Random", "Bernoulli", "Multinomial")

Key = tuple[str, str, str]


@dataclass(slots=True)
class FlatNode:
    """A call that runs: like ``graph.Node``, on values instead of types."""

    op: str
    domain: str
    inputs: Sequence[Known | None]
    outputs: list[Known]
    attributes: Mapping[str, Attribute]
    repeats: int
    name: str


@dataclass(slots=True)
class Frame:
    """A graph or function body being walked.

    ``parent``: the scope whose names it sees, if any. ``initializers`` become values when they are read:
    files may carry many that nothing reads.
    """

    nodes: Iterator[NodeProto]
    names: dict[str, Known]
    opsets: Mapping[str, int]
    initializers: Mapping[str, TensorProto] = field(default_factory=dict)
    parent: Frame | None = None
    claims: Mapping[str, TypeProto] = field(default_factory=dict)
    repeats: int = 1
    arguments: Mapping[str, AttributeProto] | None = None
    function: Key | None = None
    close: Callable[[], None] = lambda: None

    def find(self, name: str) -> Known | None:
        """The value of a name in this scope or one around it."""
        scope: Frame | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            if name in scope.initializers:
                scope.names[name] = _constant(scope.initializers[name])
                return scope.names[name]
            scope = scope.parent
        return None

    def value(self, name: str) -> Known:
        """The same, with a value of unknown type for a name that nothing defines."""
        return self.find(name) or Known(TypeProto())


class Expansion:
    """The flat calls of a model (``nodes``), its outputs and the notes on the way.

    Raises:
        ModelError: ``cycle``, ``limit_exceeded``.

    """

    def __init__(self, model: ModelProto, inputs: Inputs) -> None:
        self.nodes: list[FlatNode] = []
        self.notes: dict[str, None] = dict.fromkeys(inputs.notes)
        self._inputs = inputs
        self._ir_version = model.ir_version or 3
        self._visited = 0
        self._inferred: dict[tuple[object, ...], tuple[list[TypeProto], bool]] = {}
        self._functions: dict[Key, FunctionProto] = {
            (_domain(function.domain), text(function.name), text(function.overload)): function
            for function in model.functions
        }
        opsets = {_domain(opset.domain): opset.version for opset in model.opset_import}
        version = opsets.get("")
        if not opsets or (version is not None and not 1 <= version <= defs.onnx_opset_version()):
            self.notes["opset_unknown"] = None
        top = self.frame(model.graph, None, opsets)
        self._stack = [top]
        for name, proto in inputs.types.items():
            top.names[name] = Known(proto)
        self._run()
        self.outputs = [top.value(info.name) for info in model.graph.output]

    def frame(
        self, graph: GraphProto, parent: Frame | None, opsets: Mapping[str, int] | None = None
    ) -> Frame:
        """A frame for a graph, its initializers defined; the caller binds its inputs."""
        names: dict[str, Known] = {}
        for sparse in graph.sparse_initializer:
            check_rank(len(sparse.dims))
            proto = tensor_proto_type(sparse.values.data_type, sparse.dims)
            names[sparse.values.name] = Known(proto, constant=True)
        claims = {} if self._inputs.changed else {info.name: info.type for info in (*graph.value_info, *graph.output)}  # fmt: skip
        initializers = {tensor.name: tensor for tensor in graph.initializer}
        defined = names.keys() | initializers.keys() | {info.name for info in graph.input}
        return Frame(
            iter(in_order(graph.node, defined)),
            names,
            opsets if opsets is not None else parent.opsets if parent else {},
            initializers,
            parent,
            claims,
            parent.repeats if parent else 1,
            parent.arguments if parent else None,
        )

    def push(self, frame: Frame, node: NodeProto) -> None:
        """Walk ``frame`` next; ``node`` is the call that it replaces."""
        if len(self._stack) >= limits.MAX_CALLS:
            raise limits.limit_exceeded(
                f"calls are nested more than {limits.MAX_CALLS} deep at {node_label(node)}"
            )
        self._stack.append(frame)

    def _run(self) -> None:
        while self._stack:
            frame = self._stack[-1]
            node = next(frame.nodes, None)
            if node is None:
                self._stack.pop()
                frame.close()
                continue
            self._visited += 1
            if self._visited > limits.MAX_NODES:
                raise limits.limit_exceeded(
                    f"the model has more than {limits.MAX_NODES:,} nodes once its functions are inlined"
                )
            self._visit(frame, node)

    def _visit(self, frame: Frame, node: NodeProto) -> None:
        op, domain = text(node.op_type), _domain(node.domain)
        function = self._functions.get((domain, op, text(node.overload)))
        if function is not None:
            self._call_function(frame, node, function)
            return
        if frame.arguments is not None:
            node = _with_arguments(node, frame.arguments)
        if domain == "" and op in control.EXPANDERS:
            control.EXPANDERS[op](self, frame, node)
            return
        inputs = [frame.value(name) if name else None for name in node.input]
        call = Call(node, op, domain, frame.opsets.get(domain), attributes_of(node.attribute), inputs)
        self._operator(frame, call)

    def _call_function(self, frame: Frame, node: NodeProto, function: FunctionProto) -> None:
        key = (_domain(function.domain), text(function.name), text(function.overload))
        if any(open_frame.function == key for open_frame in self._stack):
            raise ModelError("cycle", f"the function of node {node_label(node)} calls itself", "export the model again")  # fmt: skip
        arguments = {attribute.name: attribute for attribute in function.attribute_proto}
        caller = _with_arguments(node, frame.arguments) if frame.arguments is not None else node
        arguments |= {attribute.name: attribute for attribute in caller.attribute}
        names = {
            inner: frame.value(outer)
            for inner, outer in zip(function.input, node.input, strict=False)
            if outer
        }
        opsets = {**frame.opsets, **{_domain(opset.domain): opset.version for opset in function.opset_import}}
        body = Frame(
            iter(in_order(function.node, set(function.input))), names, opsets,
            claims={} if self._inputs.changed else {info.name: info.type for info in function.value_info},
            repeats=frame.repeats, arguments=arguments, function=key,
        )  # fmt: skip

        def close() -> None:
            for outer, inner in zip(node.output, function.output, strict=False):
                frame.names[outer] = body.value(inner)

        body.close = close
        self.push(body, node)

    def _operator(self, frame: Frame, call: Call) -> None:
        if call.domain == "" and call.op == "Constant":
            frame.names.update(dict.fromkeys(call.node.output, _constant_node(call.node)))
            return
        measured = _measured(call)
        if measured is not None:
            frame.names.update(dict.fromkeys(call.node.output, Known(array_type(measured), True, measured)))
            return
        constant = self._is_constant(call)
        values = _evaluated(call) if constant else None
        if values is not None and len(values) == len(call.node.output):
            stored = _stored_type(call, element_type(array_type(values[0])))
            for name, data in zip(call.node.output, values, strict=True):
                frame.names[name] = Known(array_type(data), True, data, stored)
            return
        key = signature(call)
        found = self._inferred.get(key)
        if found is None:
            found = output_types(call, self._ir_version, self._inputs.rebatched)
            self._inferred[key] = found
        types, claimable = found
        if claimable and frame.claims:
            types = [
                self._filled(proto, frame.claims.get(name))
                for proto, name in zip(types, call.node.output, strict=True)
            ]
        if constant:
            stored = _stored_type(call, element_type(types[0])) if types else None
            for name, proto in zip(call.node.output, types, strict=True):
                frame.names[name] = Known(proto, True, None, stored)
            return
        producer = len(self.nodes)
        outputs = []
        for name, proto in zip(call.node.output, types, strict=True):
            if name:
                frame.names[name] = value = Known(proto, producer=producer)
                outputs.append(value)
        name = text(call.node.name or next(iter(call.node.output), ""))[:NAME_LIMIT]
        self.nodes.append(
            FlatNode(call.op, call.domain, call.inputs, outputs, call.attributes, frame.repeats, name)
        )

    def _is_constant(self, call: Call) -> bool:
        # An unknown operator is kept even on constants: dropping what we do not know would hide its cost.
        return (
            all(value is None or value.constant for value in call.inputs)
            and not call.op.startswith(_RANDOM)
            and is_known(call)
        )

    def _filled(self, proto: TypeProto, claim: TypeProto | None) -> TypeProto:
        """What inference left open, from what the file says of the value."""
        if claim is None or resolved(shape_of(proto)):
            return proto
        if not proto.WhichOneof("value") and not claim.HasField("tensor_type"):
            return claim
        inferred, claimed = shape_of(proto), self._claimed_shape(claim)
        kind = element_type(proto) or element_type(claim)
        if inferred is None:
            return tensor_proto_type(kind, claimed)
        if claimed is None or len(claimed) != len(inferred):
            return proto
        return tensor_proto_type(
            kind, [a if a is not None else b for a, b in zip(inferred, claimed, strict=True)]
        )

    def _claimed_shape(self, claim: TypeProto) -> list[int | None] | None:
        shape = shape_of(claim)
        if shape is None:
            return None
        symbols = self._inputs.symbols
        names = [dim.dim_param for dim in claim.tensor_type.shape.dim]
        return [
            symbols.get(name) if size is None and name else size
            for size, name in zip(shape, names, strict=True)
        ]


def _domain(domain: str) -> str:
    return "" if domain in STANDARD else text(domain)


def _constant(tensor: TensorProto) -> Known:
    check_rank(len(tensor.dims))
    proto = tensor_proto_type(tensor.data_type, tensor.dims)
    return Known(proto, constant=True, data=tensor_values(tensor))


def _constant_node(node: NodeProto) -> Known:
    attribute = next(iter(node.attribute), None)
    if attribute is None:
        return Known(TypeProto(), constant=True)
    if attribute.type == AttributeProto.TENSOR:
        return _constant(attribute.t)
    if attribute.type == AttributeProto.SPARSE_TENSOR:
        sparse = attribute.sparse_tensor
        return Known(tensor_proto_type(sparse.values.data_type, sparse.dims), constant=True)
    if attribute.type in (AttributeProto.STRING, AttributeProto.STRINGS):
        shape = (len(attribute.strings),) if attribute.type == AttributeProto.STRINGS else ()
        return Known(tensor_proto_type(TensorProto.STRING, shape), constant=True)
    kinds = {
        AttributeProto.INT: np.int64, AttributeProto.INTS: np.int64,
        AttributeProto.FLOAT: np.float32, AttributeProto.FLOATS: np.float32,
    }  # fmt: skip
    if attribute.type not in kinds:
        return Known(TypeProto(), constant=True)
    values = np.array(helper.get_attribute_value(attribute), dtype=kinds[attribute.type])
    return Known(
        array_type(values), constant=True, data=values if values.size <= folding.MAX_ELEMENTS else None
    )


def _measured(call: Call) -> Array | None:
    """The value of Shape or Size where the input's shape is known: a constant, whatever the input is."""
    if call.domain or call.op not in ("Shape", "Size") or not call.inputs or call.inputs[0] is None:
        return None
    shape = call.inputs[0].shape
    if shape is None or None in shape:
        return None
    if call.op == "Size":
        elements = int(np.prod(np.array(shape, dtype=object), dtype=object)) if shape else 1
        return np.array(elements, dtype=np.int64) if elements < 1 << 63 else None
    start, end = (call.attributes.get(name) for name in ("start", "end"))
    kept = shape[start if isinstance(start, int) else None : end if isinstance(end, int) else None]
    return np.array(kept, dtype=np.int64)


def _evaluated(call: Call) -> list[Array] | None:
    """Values of a call on constants, where all of theirs are known."""
    if call.domain or any(value is not None and value.data is None for value in call.inputs):
        return None
    arguments = [None if value is None else value.data for value in call.inputs]
    if call.op == "ConstantOfShape":
        arguments += [
            tensor_values(attribute.t) for attribute in call.node.attribute if attribute.name == "value"
        ]
    return folding.evaluate(call.op, call.attributes, arguments)


def _stored_type(call: Call, produced: int) -> str | None:
    """Element type in the file of a folded constant, where it differs from what the operators see."""
    source = call.inputs[0] if call.inputs else None
    if source is None:
        return None
    seen = dtype_name(element_type(source.type))
    if call.op == "DequantizeLinear":
        return source.stored or seen
    return source.stored if dtype_name(produced) == seen else None


def _with_arguments(node: NodeProto, arguments: Mapping[str, AttributeProto]) -> NodeProto:
    """A node of a function's body with the call's attributes in place of references to them."""
    if not any(attribute.ref_attr_name for attribute in node.attribute):
        return node
    copied = NodeProto()
    copied.CopyFrom(node)
    del copied.attribute[:]
    for attribute in node.attribute:
        value = arguments.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
        if value is not None:
            copied.attribute.add().CopyFrom(value)
            copied.attribute[-1].name = attribute.name
    return copied
