"""LeDG-Former on classes of nodes: the classes change nothing, and costs are learned."""

from pathlib import Path

import numpy as np
import pytest
import torch

import ledg_rt
from benchmarks.accuracy.class_former import ClassFormer, ClassRecipe, fit, predict, seeds_of
from benchmarks.accuracy.node_classes import features, node_classes, pack
from ledg_export.packing import Vocabulary, pack_graphs
from ledg_export.zoo import build
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

NAMES = ("mobilenet_v1/0.25-128", "mobilenet_v1/0.5-128", "mobilenet_v2/0.35-96")
PLATFORMS = [
    resolve("nvidia-rtx-3090/pytorch-2.4/amp+throughput"),
    resolve("core-i9-10940x/pytorch-2.4/fp32+compile"),
]
BATCHES = np.array([256.0, 1.0])


@pytest.fixture(scope="module")
def graphs():
    return {name: encode_graph(read_graph(build(name).SerializeToString())) for name in NAMES}


@pytest.fixture(scope="module")
def embedder():
    return Embedder(Path(ledg_rt.__file__).parent / "bundle")


def drawn(recipe, nodes, embedder):
    torch.manual_seed(0)
    sentences = torch.from_numpy(np.asarray(embedder.embed(nodes.sentences)))
    known = np.arange(len(nodes.text))
    model = ClassFormer(
        recipe, nodes, sentences, seeds_of(PLATFORMS, BATCHES), torch.tensor([0.0, 1.0]), known
    )
    torch.nn.init.normal_(model.platform.weight, std=0.5)
    return model.eval()


@torch.no_grad()
def test_states_of_classes_are_those_of_the_nodes_in_the_layers_of_the_project(graphs, embedder):
    nodes = node_classes(graphs, NAMES, 2)
    model = drawn(ClassRecipe(width=16, layers=2), nodes, embedder)
    packed = pack(nodes, np.array([2, 0]))
    by_class = model.states(packed)

    encodings = [graphs[NAMES[2]], graphs[NAMES[0]]]
    vectors = {s: v for e in encodings for s, v in zip(e.sentences, embedder.embed(e.sentences), strict=True)}
    whole = pack_graphs(encodings, Vocabulary(vectors))
    numbers = np.concatenate([features(encoding) for encoding in encodings])
    scaled = (numbers - nodes.features.mean(0)) / np.maximum(nodes.features.std(0), 0.1)
    x = model.words(whole["sentence_vectors"])[whole["text"]] + model.numbers(torch.from_numpy(scaled))
    for layer in model.layers:
        x = layer(x, whole["edges"], None)
    by_node = model.norm(x)

    assert len(by_class) < len(by_node)
    assert packed.counts.sum() == len(by_node)
    sums = torch.zeros(2, 16).index_add(0, packed.graphs, by_class[packed.classes] * packed.counts[:, None])
    first = len(encodings[0].text)
    torch.testing.assert_close(
        sums, torch.stack([by_node[:first].sum(0), by_node[first:].sum(0)]), rtol=1e-4, atol=1e-3
    )


@torch.no_grad()
def test_a_network_costs_the_sum_of_its_nodes_whatever_is_packed_beside_it(graphs, embedder):
    nodes = node_classes(graphs, NAMES, 1)
    model = drawn(ClassRecipe(width=16), nodes, embedder)
    together = predict(model, nodes, np.array([0, 1, 2]))
    alone = np.concatenate([predict(model, nodes, np.array([at])) for at in range(3)])
    np.testing.assert_allclose(together, alone, rtol=1e-4)
    assert together.shape == (3, 2)


@torch.no_grad()
def test_before_training_a_network_costs_its_roofline(graphs, embedder):
    nodes = node_classes(graphs, NAMES[:1], 1)
    model = drawn(ClassRecipe(width=16), nodes, embedder)
    torch.nn.init.zeros_(model.platform.weight)
    (predicted,) = predict(model, nodes, np.array([0]))
    encoding, platform = graphs[NAMES[0]], PLATFORMS[1]
    _, flops, *_, floats, fixed, _ = encoding.quantities.T
    compute = flops * 1e-9 * 1e3 / (platform.peak_gops or 1e3)
    memory = (floats + fixed) * 1e-9 * 1e3 / (platform.bandwidth_gbs or 50)
    assert np.exp(predicted[1]) == pytest.approx((compute + memory + 3e-3).sum(), rel=1e-3)


def test_numbers_of_a_node_tell_what_divides_its_sizes(graphs):
    numbers = features(graphs[NAMES[0]])
    assert numbers.shape == (len(graphs[NAMES[0]].text), 36)
    assert set(np.unique(numbers[:, -10:-1])) <= {0.0, 1.0}


@pytest.mark.parametrize("whole", [False, True])
def test_training_learns_what_was_measured(graphs, embedder, whole):
    nodes = node_classes(graphs, NAMES, 1)
    log_ms = np.array([[0.0, 2.0], [1.0, np.nan], [0.5, 2.5]])
    recipe = ClassRecipe(width=16, epochs=150, batch=3, dropout=0.0, whole=whole)
    model = fit(recipe, nodes, np.arange(3), log_ms, PLATFORMS, BATCHES, embedder, 0)
    found = predict(model, nodes, np.arange(3))
    assert np.nanmax(np.abs(found - log_ms)) < 0.15
    again = fit(recipe, nodes, np.arange(3), log_ms, PLATFORMS, BATCHES, embedder, 0)
    np.testing.assert_array_equal(predict(again, nodes, np.arange(3)), found)
