"""What a node costs, by operator family: multiply-adds, operations, bytes, parameters.

``macs`` count a multiply-add as one; ``flops`` count it as two and add elementwise work. An operator that
is not in the table is never free: its tensors are counted and ``known`` is False. Sizes that could not be
resolved count as 1 and clear ``resolved``. Figures are for all ``Node.repeats`` runs of a node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod

from ledg_rt.graph import BITS, Graph, Input, Node, TensorType


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
    """Sums over a graph. ``unknown_ops``: how many nodes call each unknown (domain, operator)."""

    macs: int
    flops: int
    weight_bytes: int
    parameters: int
    unknown_ops: Mapping[tuple[str, str], int]
    resolved: bool


Rule = Callable[[Node], tuple[int, int]]
"""(multiply-adds, other operations) of one run of a node."""


def _elements(tensor: TensorType | None) -> int:
    return tensor.elements if tensor is not None else 0


def _slot(node: Node, at: int) -> TensorType | None:
    slot = node.inputs[at] if at < len(node.inputs) else None
    return slot.type if slot is not None else None


def _dims(tensor: TensorType | None) -> tuple[int, ...]:
    return (
        tuple(1 if dim is None else dim for dim in tensor.shape)
        if tensor is not None and tensor.shape
        else ()
    )


def _out(node: Node) -> int:
    return sum(out.elements for out in node.outputs)


def _attribute(node: Node, name: str, default: int) -> int:
    value = node.attributes.get(name, default)
    return int(value) if isinstance(value, (int, float)) else default


def _conv(weight_at: int) -> Rule:
    """Each output element takes (channels in / group) x kernel multiply-adds."""

    def rule(node: Node) -> tuple[int, int]:
        return _elements(node.outputs[0]) * prod(_dims(_slot(node, weight_at))[1:]), 0

    return rule


def _conv_transpose(node: Node) -> tuple[int, int]:
    """Each input element is spread over (channels out / group) x kernel."""
    return _elements(_slot(node, 0)) * prod(_dims(_slot(node, 1))[1:]), 0


def _matmul(a_at: int, b_at: int) -> Rule:
    """Output elements times the shared dimension, the last of A (the first where A is transposed)."""

    def rule(node: Node) -> tuple[int, int]:
        a = _dims(_slot(node, a_at))
        shared = (a[-2] if _attribute(node, "transA", 0) and len(a) > 1 else a[-1]) if a else 1
        return _elements(node.outputs[0]) * shared, 0

    return rule


def _quantized_matmul(node: Node) -> tuple[int, int]:
    """MatMulNBits: K and N are attributes, B is packed."""
    return _elements(node.outputs[0]) * _attribute(node, "K", 1), 0


def _einsum(node: Node) -> tuple[int, int]:
    """The product of all index sizes; an ellipsis counts as the leading dimensions of its operand."""
    text = str(node.attributes.get("equation", "")).replace(" ", "")
    sizes: dict[str, int] = {}
    for term, slot in zip(text.split("->")[0].split(","), node.inputs, strict=False):
        dims = _dims(slot.type if slot is not None else None)
        letters = term.replace("...", "")
        lead = len(dims) - len(letters)
        if "..." in term:
            sizes["..."] = max(sizes.get("...", 1), prod(dims[:lead]))
        for letter, size in zip(letters, dims[max(lead, 0) :], strict=False):
            sizes[letter] = max(sizes.get(letter, 1), size)
    return prod(sizes.values()), 0


def _attention(node: Node) -> tuple[int, int]:
    """Q K^T and its product with V, plus softmax.

    Operands are [batch, length, width], [batch, heads, length, width], or packed [batch, length, heads, parts,
    width] (com.microsoft); tokens of a cache add to the keys.
    """
    query, key = (_dims(_slot(node, at)) for at in range(2))
    if len(query) < 3:
        return 0, _out(node)
    heads = _attribute(node, "num_heads", _attribute(node, "q_num_heads", query[1] if len(query) == 4 else 1))
    length = query[2] if len(query) == 4 else query[1]
    fresh = length if len(key) < 3 else key[2] if len(key) == 4 else key[1]
    past = _dims(_slot(node, _PAST_KEY[node.op]))
    scores = query[0] * length * (fresh + (past[2] if len(past) == 4 else 0))
    out = _dims(node.outputs[0])
    into = (
        query[-1] if len(query) == 3 and len(key) >= 3 else heads * query[-1] if len(query) != 3 else out[-1]
    )
    return scores * (into + (out[-1] if len(out) == 3 else heads * out[-1])), 8 * heads * scores


_PAST_KEY: Mapping[str, int] = {"GroupQueryAttention": 3, "Attention": 4, "MultiHeadAttention": 6}
"""Slot of the cached keys [batch, heads, past, width]."""


def _fused_attention(node: Node) -> tuple[int, int]:
    """com.microsoft Attention: input [batch, length, in], weights [in, 3 x width], then attention."""
    data, weight = _dims(_slot(node, 0)), _dims(_slot(node, 1))
    if len(data) < 3 or len(weight) < 2:
        return 0, _out(node)
    batch, length, width = data[0], data[1], weight[1] // 3
    scores = batch * length * length
    return batch * length * data[2] * weight[1] + 2 * scores * width, 8 * scores * _attribute(
        node, "num_heads", 1
    )


def _pool(node: Node) -> tuple[int, int]:
    kernel = node.attributes.get("kernel_shape")
    window = prod(int(size) for size in kernel) if isinstance(kernel, tuple) else 1
    return 0, _elements(node.outputs[0]) * window if node.outputs else 0


def _per_input(weight: int) -> Rule:
    return lambda node: (0, weight * _elements(_slot(node, 0)))


def _per_output(weight: int) -> Rule:
    return lambda node: (0, weight * _out(node))


def _variadic(node: Node) -> tuple[int, int]:
    return 0, _out(node) * max(1, len(node.inputs) - 1)


def _recurrent(gates: int) -> Rule:
    """Per step, batch and direction: gates x hidden x (input + hidden); X is [steps, batch, input]."""

    def rule(node: Node) -> tuple[int, int]:
        data, weight, hidden_weight = (_dims(_slot(node, at)) for at in range(3))
        if len(data) < 3 or len(weight) < 3 or len(hidden_weight) < 3:
            return 0, _out(node)
        steps = data[0] * data[1]
        hidden = hidden_weight[2]
        directions = weight[0]
        return steps * directions * gates * hidden * (
            weight[2] + hidden
        ), 5 * steps * directions * gates * hidden

    return rule


def _table(rows: Iterable[tuple[str, Rule, str]]) -> dict[str, tuple[Rule, str]]:
    return {op: (rule, family) for ops, rule, family in rows for op in ops.split()}


# Operator names -> rule and family. The weights stand for the cost of transcendental functions.
_RULES = _table((
    ("Conv FusedConv ConvInteger DeformConv NhwcFusedConv NhwcConv", _conv(1), "conv"),
    ("QLinearConv", _conv(3), "conv"),
    ("ConvTranspose", _conv_transpose, "conv"),
    ("MatMul Gemm FusedMatMul FusedGemm MatMulInteger GemmFastGelu DynamicQuantizeMatMul MatMulIntegerToFloat", _matmul(0, 1), "matmul"),
    ("QLinearMatMul QGemm", _matmul(0, 3), "matmul"),
    ("MatMulNBits", _quantized_matmul, "matmul"),
    ("Einsum", _einsum, "matmul"),
    ("MultiHeadAttention GroupQueryAttention", _attention, "attention"),
    ("MaxPool AveragePool LpPool MaxRoiPool QLinearAveragePool NhwcMaxPool", _pool, "pool"),
    ("GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearGlobalAveragePool AdaptiveAveragePool", _per_input(1), "pool"),
    ("BatchNormalization", _per_output(2), "norm"),
    ("InstanceNormalization LayerNormalization GroupNormalization RMSNormalization SimplifiedLayerNormalization "
     "SkipLayerNormalization SkipSimplifiedLayerNormalization LpNormalization MeanVarianceNormalization "
     "EmbedLayerNormalization GroupNorm SkipGroupNorm", _per_input(8), "norm"),
    ("LRN", _per_input(10), "norm"),
    ("Relu LeakyRelu PRelu Clip Abs Neg Sign Floor Ceil Round ThresholdedRelu Not BitwiseNot IsNaN IsInf Reciprocal Shrink "
     "QLinearLeakyRelu", _per_output(1), "elementwise"),
    ("HardSigmoid HardSwish Sqrt Cast CastLike", _per_output(2), "elementwise"),
    ("Sigmoid Tanh Exp Log Erf Softplus Softsign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Elu Selu Celu "
     "QLinearSigmoid", _per_output(6), "elementwise"),
    ("Gelu FastGelu BiasGelu QuickGelu Mish Swish RotaryEmbedding BiasSplitGelu", _per_output(10), "elementwise"),
    ("Add Sub Mul Div Mod Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitShift "
     "Where QLinearAdd QLinearMul BiasAdd", _per_output(1), "elementwise"),
    ("Pow", _per_output(6), "elementwise"),
    ("Max Min Sum Mean", _variadic, "elementwise"),
    ("ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare "
     "ArgMax ArgMin CumSum CumProd QLinearReduceMean", _per_input(1), "reduce"),
    ("TopK NonMaxSuppression Unique NonZero RoiAlign", _per_input(4), "reduce"),
    ("Softmax LogSoftmax Hardmax QLinearSoftmax BiasSoftmax", _per_output(8), "softmax"),
    ("Transpose Concat Slice Split Pad Tile Expand Gather GatherElements GatherND Scatter ScatterElements ScatterND "
     "DepthToSpace SpaceToDepth OneHot Range ConstantOfShape EyeLike Trilu ReverseSequence Compress QLinearConcat Shape Size "
     "TensorScatter SplitToSequence ConcatFromSequence SequenceAt SequenceConstruct SequenceInsert SequenceEmpty SequenceLength "
     "RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Multinomial Dropout CenterCropPad Col2Im "
     "MaxUnpool GatherBlockQuantized", _per_output(0), "movement"),
    ("Resize Upsample GridSample AffineGrid", _per_output(8), "movement"),
    ("Reshape Flatten Squeeze Unsqueeze Identity", lambda node: (0, 0), "view"),
    ("QuantizeLinear DequantizeLinear", _per_output(2), "quantize"),
    ("DynamicQuantizeLinear", _per_output(4), "quantize"),
    ("RNN", _recurrent(1), "recurrent"), ("GRU DynamicQuantizeGRU", _recurrent(3), "recurrent"),
    ("LSTM DynamicQuantizeLSTM", _recurrent(4), "recurrent"),
    ("Det MatrixInverse STFT DFT MelWeightMatrix HannWindow HammingWindow BlackmanWindow Optional OptionalGetElement "
     "OptionalHasElement", _per_output(4), "other"),
))  # fmt: skip

_DOMAINS = ("", "ai.onnx", "com.microsoft", "com.ms.internal.nhwc")
_LEARNED = ("conv", "matmul", "norm", "recurrent", "attention")
_NAMED_LEARNED = ("Add", "Mul", "Sub", "Div", "PRelu", "Gather", "BiasGelu", "GatherBlockQuantized")


def _rule(node: Node) -> tuple[Rule, str] | None:
    if node.domain not in _DOMAINS:
        return None
    if node.op == "Attention":
        return (_fused_attention if node.domain == "com.microsoft" else _attention), "attention"
    return _RULES.get(node.op)


def op_family(node: Node) -> str:
    """Family of the operator: conv, matmul, attention, pool, norm, elementwise, reduce, softmax, movement,
    view, quantize, recurrent or other; unknown operators are "unknown".
    """
    rule = _rule(node)
    return rule[1] if rule is not None else "unknown"


def is_view(node: Node) -> bool:
    """Whether the node only renames data (Reshape and its like): it costs nothing to run."""
    return op_family(node) == "view"


def node_cost(node: Node) -> Cost:
    """The cost of ``node``, all its repeats included."""
    rule, repeats = _rule(node), max(1, node.repeats)
    family = rule[1] if rule is not None else "unknown"
    macs, others = rule[0](node) if rule is not None and node.outputs else (0, _out(node))
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
        return [slot.type for slot in slots[: None if node.op == "Concat" else 1]], []
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
