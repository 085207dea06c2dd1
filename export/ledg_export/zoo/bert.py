"""BERT (Devlin et al., arXiv 1810.04805) with a question-answering head, as transformers exports it.

Architecture: ``<base|large>-<sequence length>``; ``large-384`` is MLPerf Inference's bert-99. Inputs are
``input_ids``, ``input_mask`` and ``segment_ids``, int64 (batch, length); vocabulary 30,522.
"""

from __future__ import annotations

from math import sqrt

from onnx import ModelProto, TensorProto

from ledg_export.zoo.builder import Net, Tensor

SIZES = {"base": (12, 768, 12), "large": (24, 1024, 16)}
"""(layers, width, attention heads)."""

VOCABULARY = 30522
POSITIONS = 512
EPSILON = 1e-12


def build(arch: str, batch: int) -> ModelProto:
    """The network; outputs: start and end logits, each (batch, length).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, text = arch.split("-")
    if size not in SIZES or not 1 <= int(text) <= POSITIONS:
        raise ValueError(f"want <base|large>-<length up to {POSITIONS}>")
    layers, width, heads = SIZES[size]
    length = int(text)
    net = Net(batch)
    names = ("input_ids", "input_mask", "segment_ids")
    ids, mask, segments = (net.input(length, name=name, dtype=TensorProto.INT64) for name in names)
    x = _embeddings(net, ids, segments, width)
    bias = _mask(net, mask)
    for _ in range(layers):
        x = net.norm("LayerNormalization", net.add(_attention(net, x, bias, heads), x), epsilon=EPSILON)
        y = net.linear(_gelu(net, net.linear(x, 4 * width)), width)
        x = net.norm("LayerNormalization", net.add(y, x), epsilon=EPSILON)
    ends = net.ops("Split", [net.linear(x, 2), net.constant((1, 1))], [(batch, length, 1)] * 2, axis=-1)
    axis = net.constant((-1,))
    return net.model(*(net.op("Squeeze", [end, axis], (batch, length)) for end in ends))


def _embeddings(net: Net, ids: Tensor, segments: Tensor, width: int) -> Tensor:
    words = net.op("Gather", [net.weight(VOCABULARY, width), ids], (*ids.shape, width))
    kinds = net.op("Gather", [net.weight(2, width), segments], (*ids.shape, width))
    positions = net.constant(tuple(range(ids.shape[1])))
    places = net.op("Gather", [net.weight(POSITIONS, width), positions], (ids.shape[1], width))
    x = net.add(net.add(words, kinds), places)
    return net.norm("LayerNormalization", x, epsilon=EPSILON)


def _mask(net: Net, mask: Tensor) -> Tensor:
    """0 where a token counts, -10000 where not: (batch, 1, 1, length)."""
    shape = (mask.shape[0], 1, 1, mask.shape[1])
    x = net.op("Unsqueeze", [mask, net.constant((1, 2))], shape)
    x = net.op("Cast", [x], shape, to=TensorProto.FLOAT)
    return net.scaled("Mul", net.op("Sub", [net.constant(1.0), x], shape), -10000.0)


def _attention(net: Net, x: Tensor, bias: Tensor, heads: int) -> Tensor:
    length, width = x.shape[1:]
    query, key, value = (net.reshape(net.linear(x, width), length, heads, width // heads) for _ in range(3))
    query, value = (net.transpose(part, 0, 2, 1, 3) for part in (query, value))
    scores = net.matmul(query, net.transpose(key, 0, 2, 3, 1))
    scores = net.scaled("Div", scores, sqrt(width // heads))
    weights = net.softmax(net.add(scores, bias))
    mixed = net.transpose(net.matmul(weights, value), 0, 2, 1, 3)
    return net.linear(net.reshape(mixed, length, width), width)


def _gelu(net: Net, x: Tensor) -> Tensor:
    share = net.scaled("Add", net.op("Erf", [net.scaled("Div", x, sqrt(2))], x.shape), 1.0)
    return net.scaled("Mul", net.op("Mul", [x, share], x.shape), 0.5)
