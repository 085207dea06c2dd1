"""Multiply-accumulates and parameters of the zoo's transformers for text against the published ones."""

from math import prod

import pytest
import torch
from torch import nn

from ledg_export.zoo import hat

VOCABULARY = 50_257


@pytest.mark.parametrize(
    ("arch", "parameters", "layers", "width", "gops"),
    # Operations, some of them element by element: OpenVINO's Open Model Zoo, with another head in the first
    # (``bert-base-ner``, ``bert-large-uncased-whole-word-masking-squad-0001``).
    [("base-128", 108_893_186, 12, 768, 22.3874), ("large-384", 334_094_338, 24, 1024, 246.93)],
)
def test_bert_equals_transformers(count, arch, parameters, layers, width, gops):
    found = count(f"bert/{arch}")
    length = int(arch.split("-")[1])
    assert found.parameters == parameters
    assert found.macs == layers * (12 * length * width**2 + 2 * length**2 * width) + 2 * length * width
    assert 2 * found.macs / 1e9 == pytest.approx(gops, rel=0.01)
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


@pytest.mark.parametrize(
    ("graph_id", "layers", "looked_up", "gflops"),
    [
        # TinyBERT (arXiv 1909.10351), table of sizes and speeds: layers alone.
        ("distilbert/base-128", 6, 0, 11.3),
        # ELECTRA (ICLR 2020), table 1: an embedding is a product with a one-hot vector.
        ("electra/base-128", 12, 768 * 30_522, 29),
    ],
)
def test_text_networks_match_their_papers(count, graph_id, layers, looked_up, gflops):
    """128 words. What is done element by element is counted as by google-research/electra, flops_computation.py."""
    found = count(graph_id)
    head = 768**2 + 768 * 30_522 if graph_id.startswith("distilbert") else 0
    elementwise = layers * (10 * 128 * 12 + 9 * 4 * 768 + 22 * 768)
    flops = 2 * (found.macs - 128 * head + 128 * looked_up) + 128 * elementwise
    assert flops / 1e9 == pytest.approx(gflops, rel=0.01 if gflops < 20 else 0.5 / 29)


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


def encoder_parameters(found, width, length):
    """Those of the layers, without embeddings."""
    return found.parameters - (hat.VOCABULARY + length) * width


def test_hat_of_the_plain_width_has_the_parameters_of_torch_s_encoder(count):
    with torch.device("meta"):
        layer = nn.TransformerEncoderLayer(512, 8, 2048)
        encoder = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
    found = count("hat/512-6-2048-8-30")
    assert encoder_parameters(found, 512, 30) == sum(weight.numel() for weight in encoder.parameters())


def decoder(width, inners, memories, length, attention=512):
    """Multiply-adds and parameters of a decoder by hand, without embeddings and the layer after it.

    ``inners``: feed-forward width of each layer; ``memories``: outputs of the encoder that each layer attends to, end
    to end.
    """
    macs = parameters = 0
    for inner, memory in zip(inners, memories, strict=True):
        own, keys = 6 * width * attention + 2 * width * inner, 2 * width * attention
        macs += length * (own + memory * keys) + 2 * (1 + memory) * length**2 * attention
        parameters += own + keys + 6 * attention + inner + 9 * width
    return macs, parameters


def test_hat_of_full_attention_is_the_encoder_of_transformer_big(count, monkeypatch):
    """176 M parameters and 10.6 G operations for 30 tokens, as HAT counts its baseline (microsoft/AutoMoE, README)."""
    monkeypatch.setattr(hat, "ATTENTION", 1024)
    found = count("hat/1024-6-4096-16-30")
    macs, parameters = decoder(1024, [4096] * 6, [1] * 6, 30, attention=1024)
    assert round(2 * (found.macs + macs) / 1e9, 1) == 10.6
    assert round((encoder_parameters(found, 1024, 30) + parameters) / 1e6) == 176


@pytest.mark.parametrize(
    ("inners", "memories", "million_parameters", "gflops"),
    # HAT_wmt14ende_raspberrypi@6.0s and @6.9s: feed-forward widths of the decoder, and how many outputs of the encoder
    # each layer attends to.
    [
        ([2048, 2048, 3072, 3072], [1, 1, 2, 1], 44, 2.7),
        ([2048, 2048, 3072, 3072, 2048], [1, 2, 2, 2, 1], 48, 3.0),
    ],
)
def test_hats_own_networks_have_the_figures_of_its_paper(count, inners, memories, million_parameters, gflops):
    """Wang et al., ACL 2020, WMT'14 En-De on a Raspberry Pi: operations for 30 tokens, a multiply-add as two.

    The encoder of both has one width in all of its layers, as the graphs here do.
    """
    found = count("hat/512-6-3072-8-30")
    macs, parameters = decoder(512, inners, memories, 30)
    assert round((encoder_parameters(found, 512, 30) + parameters) / 1e6) == million_parameters
    assert round(2 * (found.macs + macs) / 1e9, 1) == gflops


@pytest.mark.parametrize(
    ("arch", "inners", "memories", "million_parameters", "digits"),
    # A configuration of mit-han-lab/hardware-aware-transformers whose encoder has one width in all its layers, and the
    # network that they are cut from. Sizes, cut to whole digits: issue 5 of the repository.
    [
        ("512-6-1024-4-23", [2048, 2048, 2048, 1024, 1024], [3, 1, 1, 1, 1], 31.5, 1),
        ("640-6-2048-4-23", [2048] * 6, [1] * 6, 55.1, 1),
    ],
)
def test_hat_has_the_published_parameters(count, arch, inners, memories, million_parameters, digits):
    width, length = int(arch.split("-")[0]), int(arch.split("-")[-1])
    _, parameters = decoder(width, inners, memories, length)
    found = (encoder_parameters(count(f"hat/{arch}"), width, length) + parameters) / 1e6
    assert int(found * 10**digits) / 10**digits == million_parameters


def test_hat_of_another_width_keeps_attention_at_512(count):
    length, width, inner = 23, 640, 1024
    found = count(f"hat/{width}-1-{inner}-4-{length}")
    weights = 4 * width * 512 + 2 * width * inner
    assert found.macs == length * weights + 2 * length**2 * 512
    biases = 3 * 512 + width + inner + width
    assert found.parameters == weights + biases + 4 * width + (32_768 + length) * width
    assert prod(found.outputs[0]) == length * width
