"""Encoders of Hardware-Aware Transformers (Wang et al., ACL 2020), for translation.

Architecture: ``<width>-<layers>-<ffn>-<heads>-<length>``, all layers alike. Attention is 512 wide whatever the width is;
normalization comes after the sum. Input: ``input_ids``, int64 (batch, length).
"""

from __future__ import annotations

from math import sqrt

from onnx import ModelProto, TensorProto

from ledg_export.zoo.builder import Net, Tensor

ATTENTION = 512
VOCABULARY = 32768
"""Rows of the embedding; only those of the sentence are read, so latency does not depend on it."""


def build(arch: str, batch: int) -> ModelProto:
    """The encoder; output: states (batch, length, width).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    width, layers, inner, heads, length = map(int, arch.split("-"))
    if ATTENTION % heads:
        raise ValueError(f"attention of {ATTENTION} does not divide into {heads} heads")
    net = Net(batch)
    ids = net.input(length, name="input_ids", dtype=TensorProto.INT64)
    words = net.op("Gather", [net.weight(VOCABULARY, width), ids], (batch, length, width))
    x = net.op("Add", [net.scaled("Mul", words, sqrt(width)), net.weight(length, width)], words.shape)
    for _ in range(layers):
        x = net.norm("LayerNormalization", net.add(_attention(net, x, heads), x))
        y = net.linear(net.relu(net.linear(x, inner)), width)
        x = net.norm("LayerNormalization", net.add(y, x))
    return net.model(x)


def _attention(net: Net, x: Tensor, heads: int) -> Tensor:
    length, width = x.shape[1:]
    size = ATTENTION // heads
    query, key, value = (net.reshape(net.linear(x, ATTENTION), length, heads, size) for _ in range(3))
    query, value = (net.transpose(part, 0, 2, 1, 3) for part in (query, value))
    scores = net.scaled("Mul", net.matmul(query, net.transpose(key, 0, 2, 3, 1)), 1 / sqrt(size))
    mixed = net.transpose(net.matmul(net.softmax(scores), value), 0, 2, 1, 3)
    return net.linear(net.reshape(mixed, length, ATTENTION), width)
