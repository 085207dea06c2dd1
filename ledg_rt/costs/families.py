"""Which operators are known: names, their rule, their family."""

from __future__ import annotations

from collections.abc import Iterable

from ledg_rt.costs.rules import (
    Rule,
    attention,
    conv,
    conv_transpose,
    deform_conv,
    einsum,
    fused_attention,
    matmul,
    packed_matmul,
    per_input,
    per_output,
    pool,
    recurrent,
    roi_align,
    slot_type,
    variadic,
)
from ledg_rt.graph import Node


def _table(rows: Iterable[tuple[str, Rule, str]]) -> dict[str, tuple[Rule, str]]:
    return {op: (rule, family) for ops, rule, family in rows for op in ops.split()}


# Operator names -> rule and family. The weights stand for the cost of transcendental functions.
_RULES = _table((
    ("Conv FusedConv ConvInteger NhwcFusedConv NhwcConv", conv(1), "conv"),
    ("DeformConv", deform_conv, "conv"),
    ("QLinearConv", conv(3), "conv"),
    ("ConvTranspose", conv_transpose, "conv"),
    ("MatMul Gemm FusedMatMul FusedGemm MatMulInteger GemmFastGelu DynamicQuantizeMatMul MatMulIntegerToFloat MatMulFpQ4 "
     "QLinearMatMul QGemm", matmul, "matmul"),
    ("MatMulNBits MatMulBnb4", packed_matmul, "matmul"),
    ("Einsum", einsum, "matmul"),
    ("MultiHeadAttention GroupQueryAttention", attention, "attention"),
    ("QAttention", fused_attention(8), "attention"),
    ("MaxPool AveragePool LpPool MaxRoiPool QLinearAveragePool NhwcMaxPool", pool, "pool"),
    ("GlobalAveragePool GlobalMaxPool GlobalLpPool QLinearGlobalAveragePool AdaptiveAveragePool", per_input(1), "pool"),
    ("RoiAlign", roi_align, "pool"),
    ("BatchNormalization", per_output(2), "norm"),
    ("InstanceNormalization LayerNormalization GroupNormalization RMSNormalization SimplifiedLayerNormalization "
     "SkipLayerNormalization SkipSimplifiedLayerNormalization LpNormalization MeanVarianceNormalization "
     "EmbedLayerNormalization GroupNorm SkipGroupNorm", per_input(8), "norm"),
    ("LRN", per_input(10), "norm"),
    ("Relu LeakyRelu PRelu Clip Abs Neg Sign Floor Ceil Round ThresholdedRelu Not BitwiseNot IsNaN IsInf Reciprocal Shrink "
     "QLinearLeakyRelu", per_output(1), "elementwise"),
    ("HardSigmoid HardSwish Sqrt Cast CastLike", per_output(2), "elementwise"),
    ("Sigmoid Tanh Exp Log Erf Softplus Softsign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Elu Selu Celu "
     "QLinearSigmoid", per_output(6), "elementwise"),
    ("Gelu FastGelu BiasGelu QuickGelu Mish Swish SwiGLU RotaryEmbedding BiasSplitGelu", per_output(10), "elementwise"),
    ("Add Sub Mul Div Mod Equal Less Greater LessOrEqual GreaterOrEqual And Or Xor BitwiseAnd BitwiseOr BitwiseXor BitShift "
     "Where QLinearAdd QLinearMul QLinearWhere BiasAdd", per_output(1), "elementwise"),
    ("Pow", per_output(6), "elementwise"),
    ("Max Min Sum Mean", variadic, "elementwise"),
    ("ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare "
     "ArgMax ArgMin CumSum CumProd QLinearReduceMean", per_input(1), "reduce"),
    ("TopK NonMaxSuppression Unique NonZero", per_input(4), "reduce"),
    ("Softmax LogSoftmax Hardmax QLinearSoftmax BiasSoftmax", per_output(8), "softmax"),
    ("Transpose Concat Slice Split Pad Tile Expand Gather GatherElements GatherND Scatter ScatterElements ScatterND "
     "DepthToSpace SpaceToDepth OneHot Range ConstantOfShape EyeLike Trilu ReverseSequence Compress QLinearConcat Shape Size "
     "TensorScatter SplitToSequence ConcatFromSequence SequenceAt SequenceConstruct SequenceInsert SequenceErase SequenceEmpty "
     "SequenceLength RandomNormal RandomUniform RandomNormalLike RandomUniformLike Bernoulli Multinomial Dropout CenterCropPad "
     "Col2Im MaxUnpool GatherBlockQuantized", per_output(0), "movement"),
    ("Resize Upsample GridSample AffineGrid", per_output(8), "movement"),
    ("Reshape Flatten Squeeze Unsqueeze Identity BitCast", lambda node: (0, 0), "view"),
    ("QuantizeLinear DequantizeLinear", per_output(2), "quantize"),
    ("DynamicQuantizeLinear", per_output(4), "quantize"),
    ("RNN", recurrent(1), "recurrent"), ("GRU DynamicQuantizeGRU", recurrent(3), "recurrent"),
    ("LSTM DynamicQuantizeLSTM", recurrent(4), "recurrent"),
    ("Det MatrixInverse STFT DFT MelWeightMatrix HannWindow HammingWindow BlackmanWindow Optional OptionalGetElement "
     "OptionalHasElement", per_output(4), "other"),
))  # fmt: skip

_DOMAINS = ("", "ai.onnx", "com.microsoft", "com.ms.internal.nhwc")
_FUSED_ATTENTION = fused_attention(4)


def rule_of(node: Node) -> tuple[Rule, str] | None:
    """Rule and family of the operator; None where it is unknown.

    Families here are those of the table: a depthwise convolution is a ``conv``, a lookup is ``movement``.
    """
    if node.domain not in _DOMAINS:
        return None
    if node.op == "Attention":
        return (_FUSED_ATTENTION if node.domain == "com.microsoft" else attention), "attention"
    return _RULES.get(node.op)


def op_family(node: Node) -> str:
    """Family of the operator.

    One of conv, depthwise_conv, matmul, attention, pool, norm, elementwise, reduce, softmax, movement,
    embedding, view, quantize, recurrent, other; unknown operators are "unknown".
    """
    rule = rule_of(node)
    family = rule[1] if rule is not None else "unknown"
    if family == "conv" and _depthwise(node):
        return "depthwise_conv"
    if node.op in ("Gather", "GatherBlockQuantized") and family == "movement" and _looks_up(node):
        return "embedding"
    return family


def is_view(node: Node) -> bool:
    """Whether the node only renames data (Reshape and its like): it costs nothing to run."""
    return op_family(node) == "view"


def _depthwise(node: Node) -> bool:
    """As many groups as channels that come in, and more than one."""
    data, group = slot_type(node, 0), node.attributes.get("group", 1)
    shape = data.shape if data is not None else None
    axis = -1 if node.op.startswith("Nhwc") else 1
    return (
        isinstance(group, int) and group > 1 and shape is not None and len(shape) > 1 and shape[axis] == group
    )


def _looks_up(node: Node) -> bool:
    table = node.inputs[0] if node.inputs else None
    return table is not None and table.constant
