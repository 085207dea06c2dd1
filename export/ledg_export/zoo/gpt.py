"""Decoders of GPT-2's form (Radford et al., 2019) and OPT's (Zhang et al., arXiv 2205.01068) that read a whole prompt.

Architecture: ``<gpt2|opt>-<layers>-<width>-<heads>-<length>``, e.g. ``gpt2-36-1280-20-1024`` for GPT-2 large. Input:
``input_ids``, int64 (batch, length); output: logits of every position. GPT-2 has one projection for query, key and value
and GELU by tanh, OPT three projections and ReLU. Vocabularies are 50,257 and 50,272.
"""

from __future__ import annotations

from math import pi, sqrt

from onnx import ModelProto, TensorProto

from ledg_export.zoo.builder import Net, Tensor

VOCABULARY = {"gpt2": 50257, "opt": 50272}


def build(arch: str, batch: int) -> ModelProto:
    """The network with its language-model head.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    style, *sizes = arch.split("-")
    if style not in VOCABULARY or len(sizes) != 4:
        raise ValueError("want <gpt2|opt>-<layers>-<width>-<heads>-<length>")
    layers, width, heads, length = map(int, sizes)
    if width % heads:
        raise ValueError(f"width {width} does not divide into {heads} heads")
    net = Net(batch)
    ids = net.input(length, name="input_ids", dtype=TensorProto.INT64)
    words = net.op("Gather", [net.weight(VOCABULARY[style], width), ids], (batch, length, width))
    places = net.op(
        "Gather", [net.weight(length, width), net.constant(tuple(range(length)))], (length, width)
    )
    x = net.add(words, places)
    mask = net.weight(1, 1, length, length)
    for _ in range(layers):
        x = net.add(_attention(net, net.norm("LayerNormalization", x), mask, heads, style == "gpt2"), x)
        y = net.linear(net.norm("LayerNormalization", x), 4 * width)
        x = net.add(net.linear(net.relu(y) if style == "opt" else _gelu(net, y), width), x)
    x = net.norm("LayerNormalization", x)
    head = net.weight(width, VOCABULARY[style])
    return net.model(net.op("MatMul", [x, head], (batch, length, VOCABULARY[style])))


def _attention(net: Net, x: Tensor, mask: str, heads: int, fused: bool) -> Tensor:
    batch, length, width = x.shape
    if fused:
        parts = net.constant((width,) * 3)
        three = net.ops("Split", [net.linear(x, 3 * width), parts], [(batch, length, width)] * 3, axis=-1)
    else:
        three = [net.linear(x, width) for _ in range(3)]
    query, key, value = (net.reshape(part, length, heads, width // heads) for part in three)
    query, value = (net.transpose(part, 0, 2, 1, 3) for part in (query, value))
    scores = net.scaled("Div", net.matmul(query, net.transpose(key, 0, 2, 3, 1)), sqrt(width // heads))
    weights = net.softmax(net.op("Add", [scores, mask], scores.shape))
    mixed = net.transpose(net.matmul(weights, value), 0, 2, 1, 3)
    return net.linear(net.reshape(mixed, length, width), width)


def _gelu(net: Net, x: Tensor) -> Tensor:
    cubic = net.scaled("Mul", net.scaled("Pow", x, 3.0), 0.044715)
    bent = net.op("Tanh", [net.scaled("Mul", net.add(x, cubic), sqrt(2 / pi))], x.shape)
    return net.op("Mul", [net.scaled("Mul", x, 0.5), net.scaled("Add", bent, 1.0)], x.shape)
