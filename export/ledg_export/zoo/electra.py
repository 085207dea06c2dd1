"""ELECTRA (Clark et al., arXiv 2003.10555), the base discriminator: was this token replaced? As transformers exports it.

Architecture: ``base-<sequence length>``. Inputs are those of ``bert``, int64 (batch, length).
"""

from __future__ import annotations

from onnx import ModelProto, TensorProto

from ledg_export.zoo import bert
from ledg_export.zoo.builder import Net


def build(arch: str, batch: int) -> ModelProto:
    """The network; output: one logit a token, (batch, length).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, _, text = arch.partition("-")
    if size != "base" or not 1 <= int(text) <= bert.POSITIONS:
        raise ValueError(f"want base-<length up to {bert.POSITIONS}>")
    layers, width, heads = bert.SIZES[size]
    net = Net(batch)
    names = ("input_ids", "attention_mask", "token_type_ids")
    ids, mask, segments = (net.input(int(text), name=name, dtype=TensorProto.INT64) for name in names)
    x = bert.embeddings(net, ids, width, segments)
    x = bert.encoder(net, x, bert.mask_bias(net, mask), layers, heads)
    x = net.linear(bert.gelu(net, net.linear(x, width)), 1)
    return net.model(net.op("Squeeze", [x, net.constant((-1,))], (batch, int(text))))
