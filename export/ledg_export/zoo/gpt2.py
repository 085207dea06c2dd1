"""GPT-2 (Radford et al., 2019): one pass over a whole sequence, without a cache, as transformers exports it.

Architecture: ``<small|medium|large|xl>-<sequence length>``. Input is ``input_ids``, int64 (batch, length).
"""

from __future__ import annotations

from math import pi, sqrt

from onnx import ModelProto, TensorProto

from ledg_export.zoo.bert import attention
from ledg_export.zoo.builder import Net, Tensor

SIZES = {"small": (12, 768, 12), "medium": (24, 1024, 16), "large": (36, 1280, 20), "xl": (48, 1600, 25)}
"""(layers, width, attention heads)."""

VOCABULARY = 50257
POSITIONS = 1024
EPSILON = 1e-5


def build(arch: str, batch: int) -> ModelProto:
    """The network; output: logits of the next word at every place, (batch, length, vocabulary).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, _, text = arch.partition("-")
    if size not in SIZES or not 1 <= int(text) <= POSITIONS:
        raise ValueError(f"want <{'|'.join(SIZES)}>-<length up to {POSITIONS}>")
    layers, width, heads = SIZES[size]
    length = int(text)
    net = Net(batch)
    ids = net.input(length, name="input_ids", dtype=TensorProto.INT64)
    words = net.op("Gather", [net.weight(VOCABULARY, width), ids], (*ids.shape, width))
    positions = net.constant(tuple(range(length)))
    places = net.op("Gather", [net.weight(POSITIONS, width), positions], (length, width))
    x, bias = net.add(words, places), _causal(net, length)
    for _ in range(layers):
        y = attention(net, net.norm("LayerNormalization", x, epsilon=EPSILON), bias, heads)
        x = net.add(x, y)
        y = net.norm("LayerNormalization", x, epsilon=EPSILON)
        x = net.add(x, net.linear(_gelu(net, net.linear(y, 4 * width)), width))
    x = net.norm("LayerNormalization", x, epsilon=EPSILON)
    # The matrix is that of the words; exporters write it a second time.
    return net.model(net.op("MatMul", [x, net.weight(width, VOCABULARY)], (batch, length, VOCABULARY)))


def _causal(net: Net, length: int) -> Tensor:
    """-10000 where a place would see a later one, else 0: (length, length)."""
    shape = (length, length)
    full = net.op("Expand", [net.constant(-10000.0), net.constant(shape)], shape)
    return net.op("Sub", [full, net.op("Trilu", [full], shape, upper=0)], shape)


def _gelu(net: Net, x: Tensor) -> Tensor:
    """GELU by the hyperbolic tangent."""
    cubed = net.scaled("Mul", net.scaled("Pow", x, 3.0), 0.044715)
    inner = net.scaled("Mul", net.add(x, cubed), sqrt(2 / pi))
    share = net.scaled("Add", net.op("Tanh", [inner], x.shape), 1.0)
    return net.op("Mul", [net.scaled("Mul", x, 0.5), share], x.shape)
