"""Multiply-accumulates and parameters of the zoo's transformers for text against the published ones."""

from math import prod

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

VOCABULARY = 50_257


@pytest.mark.parametrize(
    ("arch", "parameters", "layers", "width"), [("base-128", 108_893_186, 12, 768), ("large-384", 334_094_338, 24, 1024)]
)  # fmt: skip
def test_bert_equals_transformers(count, arch, parameters, layers, width):
    found = count(f"bert/{arch}")
    length = int(arch.split("-")[1])
    assert found.parameters == parameters
    assert found.macs == layers * (12 * length * width**2 + 2 * length**2 * width) + 2 * length * width
    assert found.outputs == ((1, length), (1, length))
    assert found.operators.count("Softmax") == layers


@pytest.mark.parametrize(
    ("graph_id", "parameters", "tied", "layers", "width", "head"),
    # Counts of transformers. ``head``: multiply-adds a token after the layers.
    [
        ("bert/base-128-mlm", 109_514_298, 30_522 * 768, 12, 768, 768**2 + 768 * 30_522),
        ("distilbert/base-128", 66_985_530, 30_522 * 768, 6, 768, 768**2 + 768 * 30_522),
        ("electra/base-128", 109_483_009, 0, 12, 768, 768**2 + 768),
    ],
)
def test_text_networks_equal_transformers(count, graph_id, parameters, tied, layers, width, head):
    found = count(graph_id)
    assert found.parameters - tied == parameters
    assert found.macs == layers * (12 * 128 * width**2 + 2 * 128**2 * width) + 128 * head


def test_gpt2_is_the_published_one(count):
    """GPT-2 small: transformers' parameters, and the operations in karpathy/nanoGPT's transformer_sizing.ipynb."""
    found = count("gpt/gpt2-12-768-12-1024")
    masks = 1024**2  # constants of the file
    assert found.parameters - 768 * VOCABULARY - masks == 124_439_808  # the head is the embedding
    assert 2 * found.macs == 291_648_307_200
    assert found.outputs == ((1, 1024, VOCABULARY),)


@pytest.mark.parametrize(
    ("style", "layers", "width", "heads", "length", "vocabulary"),
    [("gpt2", 36, 1280, 20, 1024, VOCABULARY), ("opt", 12, 768, 12, 2048, 50_272)],
)
def test_decoders_follow_the_published_formula(count, style, layers, width, heads, length, vocabulary):
    """Narayanan et al., arXiv 2104.04473, 3.3: a layer takes 24 B s h^2 (1 + s / 6h), the head 2 B s h V."""
    found = count(f"gpt/{style}-{layers}-{width}-{heads}-{length}")
    layer = 24 * length * width**2 * (1 + length / (6 * width))
    assert 2 * found.macs == pytest.approx(layers * layer + 2 * length * width * vocabulary, rel=1e-9)


def test_hat_of_the_plain_width_is_torch_s_encoder(count):
    """HAT's encoder against torch's: published are figures of whole networks, decoder included, and none of encoders."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        layer = nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
        encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        encoder(torch.empty(1, 30, 512))
    found = count("hat/512-6-2048-8-30")
    assert 2 * found.macs == counter.get_total_flops()
    embeddings = 32_768 * 512 + 30 * 512
    assert found.parameters - embeddings == sum(weight.numel() for weight in encoder.parameters())


def test_hat_of_another_width_keeps_attention_at_512(count):
    """By hand, for want of a published figure: Wang et al., arXiv 2005.14187, give the widths."""
    length, width, inner = 23, 640, 1024
    found = count(f"hat/{width}-1-{inner}-4-{length}")
    weights = 4 * width * 512 + 2 * width * inner
    assert found.macs == length * weights + 2 * length**2 * 512
    biases = 3 * 512 + width + inner + width
    assert found.parameters == weights + biases + 4 * width + (32_768 + length) * width
    assert prod(found.outputs[0]) == length * width
