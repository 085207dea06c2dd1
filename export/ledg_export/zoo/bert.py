"""BERT (Devlin et al., arXiv 1810.04805) with a question-answering or a masked-word head, as transformers exports it.

Architecture: ``<base|large>-<sequence length>[-mlm]``; ``large-384`` is MLPerf Inference's bert-99. Inputs are
``input_ids``, ``input_mask`` and ``segment_ids``, int64 (batch, length); vocabulary 30,522.
"""

from __future__ import annotations

from functools import reduce
from math import sqrt

from onnx import ModelProto, TensorProto

from ledg_export.zoo.builder import Net, Tensor

SIZES = {"base": (12, 768, 12), "large": (24, 1024, 16)}
"""(layers, width, attention heads)."""

VOCABULARY = 30522
POSITIONS = 512
EPSILON = 1e-12


def build(arch: str, batch: int) -> ModelProto:
    """The network; outputs: start and end logits, each (batch, length), or word logits (batch, length, vocabulary).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, text, *head = arch.split("-")
    if size not in SIZES or not 1 <= int(text) <= POSITIONS or head not in ([], ["mlm"]):
        raise ValueError(f"want <base|large>-<length up to {POSITIONS}>[-mlm]")
    layers, width, heads = SIZES[size]
    length = int(text)
    net = Net(batch)
    names = ("input_ids", "input_mask", "segment_ids")
    ids, mask, segments = (net.input(length, name=name, dtype=TensorProto.INT64) for name in names)
    x = embeddings(net, ids, width, segments)
    x = encoder(net, x, mask_bias(net, mask), layers, heads)
    if head:
        return net.model(masked_words(net, x))
    ends = net.ops("Split", [net.linear(x, 2), net.constant((1, 1))], [(batch, length, 1)] * 2, axis=-1)
    axis = net.constant((-1,))
    return net.model(*(net.op("Squeeze", [end, axis], (batch, length)) for end in ends))


def embeddings(net: Net, ids: Tensor, width: int, segments: Tensor | None = None) -> Tensor:
    """Vectors of words and places, and of ``segments`` where there are any, normalized."""
    parts = [net.op("Gather", [net.weight(VOCABULARY, width), ids], (*ids.shape, width))]
    if segments is not None:
        parts.append(net.op("Gather", [net.weight(2, width), segments], (*ids.shape, width)))
    positions = net.constant(tuple(range(ids.shape[1])))
    parts.append(net.op("Gather", [net.weight(POSITIONS, width), positions], (ids.shape[1], width)))
    return net.norm("LayerNormalization", reduce(net.add, parts), epsilon=EPSILON)


def encoder(net: Net, x: Tensor, bias: Tensor, layers: int, heads: int) -> Tensor:
    """Transformer layers, each normalized after its sums."""
    for _ in range(layers):
        x = net.norm("LayerNormalization", net.add(attention(net, x, bias, heads), x), epsilon=EPSILON)
        y = net.linear(gelu(net, net.linear(x, 4 * x.shape[-1])), x.shape[-1])
        x = net.norm("LayerNormalization", net.add(y, x), epsilon=EPSILON)
    return x


def masked_words(net: Net, x: Tensor) -> Tensor:
    """Logits of every word at every place; exporters write the matrix that the embeddings share a second time."""
    x = net.norm("LayerNormalization", gelu(net, net.linear(x, x.shape[-1])), epsilon=EPSILON)
    return net.linear(x, VOCABULARY)


def mask_bias(net: Net, mask: Tensor) -> Tensor:
    """0 where a token counts, -10000 where not: (batch, 1, 1, length)."""
    shape = (mask.shape[0], 1, 1, mask.shape[1])
    x = net.op("Unsqueeze", [mask, net.constant((1, 2))], shape)
    x = net.op("Cast", [x], shape, to=TensorProto.FLOAT)
    return net.scaled("Mul", net.op("Sub", [net.constant(1.0), x], shape), -10000.0)


def attention(net: Net, x: Tensor, bias: Tensor, heads: int) -> Tensor:
    """Attention of several heads; ``bias`` is added to the scores."""
    length, width = x.shape[1:]
    query, key, value = (net.reshape(net.linear(x, width), length, heads, width // heads) for _ in range(3))
    query, value = (net.transpose(part, 0, 2, 1, 3) for part in (query, value))
    scores = net.matmul(query, net.transpose(key, 0, 2, 3, 1))
    scores = net.scaled("Div", scores, sqrt(width // heads))
    weights = net.softmax(net.add(scores, bias))
    mixed = net.transpose(net.matmul(weights, value), 0, 2, 1, 3)
    return net.linear(net.reshape(mixed, length, width), width)


def gelu(net: Net, x: Tensor) -> Tensor:
    """GELU by the error function."""
    share = net.scaled("Add", net.op("Erf", [net.scaled("Div", x, sqrt(2))], x.shape), 1.0)
    return net.scaled("Mul", net.op("Mul", [x, share], x.shape), 0.5)
