"""DistilBERT (Sanh et al., arXiv 1910.01108) with a masked-word head, as transformers exports it.

Architecture: ``base-<sequence length>``. Inputs are ``input_ids`` and ``attention_mask``, int64 (batch, length).
"""

from __future__ import annotations

from onnx import ModelProto, TensorProto

from ledg_export.zoo import bert
from ledg_export.zoo.builder import Net

LAYERS, WIDTH, HEADS = 6, 768, 12


def build(arch: str, batch: int) -> ModelProto:
    """The network; output: word logits (batch, length, vocabulary).

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    size, _, text = arch.partition("-")
    if size != "base" or not 1 <= int(text) <= bert.POSITIONS:
        raise ValueError(f"want base-<length up to {bert.POSITIONS}>")
    net = Net(batch)
    names = ("input_ids", "attention_mask")
    ids, mask = (net.input(int(text), name=name, dtype=TensorProto.INT64) for name in names)
    x = bert.encoder(net, bert.embeddings(net, ids, WIDTH), bert.mask_bias(net, mask), LAYERS, HEADS)
    return net.model(bert.masked_words(net, x))
