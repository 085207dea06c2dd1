"""Twins that must not be faster, against networks that the zoo writes, and what training pays for a wrong order."""

import numpy as np
import pytest
import torch

from ledg_export.batches import Collator, LatencyData
from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.model import LedgFormer
from ledg_export.order import better, heavier, widen
from ledg_export.packing import Vocabulary
from ledg_export.zoo import build
from ledg_rt.encoding import PLATFORM_NUMBERS, QUANTITIES, TRAITS, encode_graph, encode_platform
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

PLATFORMS = ("nvidia-t4/tensorrt-8.4.0/fp16", "raspberry-pi-4/tflite-2.4.1-ruy/fp32")


def encoded(graph_id):
    return encode_graph(read_graph(build(graph_id).SerializeToString()))


@pytest.mark.parametrize("name", QUANTITIES)
def test_a_widened_network_is_the_zoo_s_own_wider_one(name):
    half, whole = encoded("mobilenet_v1/0.5-224"), encoded("mobilenet_v1/1.0-224")
    column = QUANTITIES.index(name)
    wide = widen(half, 2.0).quantities[:, column].sum()
    # The image keeps its three channels and the classifier its classes; a widened one has more of both.
    assert wide == pytest.approx(whole.quantities[:, column].sum(), rel=0.25)
    assert wide == 0 or wide > 1.5 * half.quantities[:, column].sum()


def test_channels_of_a_widened_network_follow():
    half, whole = encoded("mobilenet_v1/0.5-224"), encoded("mobilenet_v1/1.0-224")
    inner = slice(2, -4)
    for name in ("channels_in", "channels_out"):
        column = TRAITS.index(name)
        np.testing.assert_allclose(
            widen(half, 2.0).traits[inner, column], whole.traits[inner, column], rtol=1e-5
        )


def test_a_widened_network_has_channels_as_networks_have_them():
    graph = encoded("mobilenet_v2/0.5-128")
    wide = widen(graph, 1.1)
    for name in ("channels_in", "channels_out"):
        before, after = (np.expm1(each.traits[:, TRAITS.index(name)]).round(2) for each in (graph, wide))
        even = (before > 0) & (before % 8 == 0)
        assert even.sum() > 20
        assert (after[even] % 8 == 0).all()
        assert (after[even] >= 1.1 * before[even] - 0.01).all()
    # The image has three channels still.
    first = np.expm1(wide.traits[:, TRAITS.index("channels_in")]).round(2) == 3
    assert first.sum() == 1


def test_heavier_twins_have_more_to_do():
    graph, rng = encoded("mobilenet_v2/0.5-128"), np.random.default_rng(0)
    flops = QUANTITIES.index("flops")
    twins = [heavier(graph, rng) for _ in range(20)]
    assert all(twin.quantities[:, flops].sum() > 1.09 * graph.quantities[:, flops].sum() for twin in twins)
    assert {twin.batch for twin in twins} == {1, 2}


def test_better_platforms_have_more_of_one_known_figure():
    rows = np.stack([encode_platform(resolve(name)).numeric for name in (*PLATFORMS, "some board, fp32")])
    raised = better(rows, np.random.default_rng(0))
    changed = raised != rows
    assert changed[:2].sum(1).tolist() == [1, 1]
    assert not changed[2].any()
    assert set(np.nonzero(changed)[1]) <= {
        PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs")
    }
    assert (raised >= rows).all()
    assert (raised - rows).max() <= np.log10(2) + 1e-6


@pytest.fixture(scope="module")
def batch():
    graphs = {name: encoded(name) for name in ("mobilenet_v1/0.25-128", "mobilenet_v2/1.0-224")}
    samples = [
        Sample(graph, platform, 1, 3.0, "p50", "mlperf_inference", graph, graph)
        for graph in graphs for platform in PLATFORMS
    ]  # fmt: skip
    data = LatencyData(samples, graphs)
    rng = np.random.default_rng(0)
    vocabulary = Vocabulary({text: rng.normal(size=384).astype(np.float32) for text in data.sentences()})
    config = LedgConfig(known=data.keys(), width=16, layers=1, heads=2)
    torch.manual_seed(0)
    model = LedgFormer(config)
    collator = Collator(data, vocabulary, config, training=True)
    return model, collator(data.visits)


def test_a_batch_of_training_holds_pairs_in_order_beside_the_measured_ones(batch):
    _, tensors = batch
    order, measured = tensors["order"], len(tensors["labels"])
    assert measured == 4
    assert order.shape[1] > 0
    assert order.min() >= measured
    assert order.max() < len(tensors["pair_graph"]) == len(tensors["pair_platform"])
    fast, slow = (tensors["work"][tensors["pair_graph"][side], :, 0].sum(-1) for side in order)
    assert (fast <= slow * (1 + 1e-6)).all()
    assert (fast < slow).any()
    strong, weak = (tensors["platform_numeric"][tensors["pair_platform"][side]] for side in order)
    assert (strong >= weak).all()
    assert (strong > weak).any()
    assert tensors["plain_platforms"][tensors["pair_platform"][measured:]].all()


def test_a_wrong_order_costs(batch):
    model, tensors = batch
    model.eval()
    right = model(**tensors)
    fast, slow = right["log_ms"][tensors["order"]]
    wrong = model(**tensors | {"order": tensors["order"].flip(0)})
    without = model(**{name: tensor for name, tensor in tensors.items() if name != "order"})
    assert (slow > fast).float().mean() > 0.9  # the roofline alone says so
    assert wrong["loss"] - without["loss"] > (slow - fast).mean() * 0.9
    assert right["loss"] - without["loss"] < 0.1 * (wrong["loss"] - without["loss"])
