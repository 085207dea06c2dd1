"""LeDG-Former with one part changed, and the table of it, on a few small networks."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.accuracy import ablation, ten_variants
from benchmarks.accuracy.ablation import VARIANTS, WHOLE
from benchmarks.accuracy.ten_former import FlatGraphs, TenFormer, TenRecipe, config_of
from benchmarks.accuracy.ten_networks import Networks
from benchmarks.accuracy.ten_variants import Variant, VariedFormer, depths, means
from ledg_export import zoo
from ledg_rt.encoding import NODE_FEATURES, encode_graph
from ledg_rt.reading import read_graph

NAMES = [
    f"nnlqp_families/{family}-{at}" for family in ("alexnet", "squeezenet", "googlenet") for at in (0, 1)
]


@pytest.fixture(scope="module")
def encodings():
    return [encode_graph(read_graph(zoo.build(name).SerializeToString())) for name in NAMES]


def model_of(variant, graphs):
    torch.manual_seed(0)
    config = config_of(replace(TenRecipe(width=16), relations=variant.relations, layers=variant.layers))
    features = graphs.graphs[0].numeric.shape[1]
    model = VariedFormer(config, graphs.vocabulary.vectors, TenRecipe().prices, variant, features).eval()
    torch.nn.init.normal_(model.factor[-1].weight)
    return model


@torch.no_grad()
def told(model, graphs, rows):
    return model(*graphs.together(rows), len(rows))


@pytest.mark.parametrize("name", VARIANTS)
def test_a_network_is_told_the_same_alone_and_among_others(encodings, name):
    variant = VARIANTS[name]
    graphs = ten_variants.graphs_of(variant, encodings)
    model = model_of(variant, graphs)
    together = told(model, graphs, [0, 2, 4])
    alone = torch.cat([told(model, graphs, [row]) for row in (0, 2, 4)])
    assert torch.allclose(together, alone, atol=1e-4)
    assert len(set(together.round(decimals=4).tolist())) == 3


@torch.no_grad()
def test_without_a_change_it_is_the_model_that_is_ablated(encodings):
    graphs = FlatGraphs.of(encodings)
    varied = model_of(Variant(), graphs)
    whole = TenFormer(config_of(TenRecipe(width=16)), graphs.vocabulary.vectors, TenRecipe().prices).eval()
    whole.load_state_dict({key: value for key, value in varied.state_dict().items() if "pool" not in key})
    assert torch.allclose(told(varied, graphs, [0, 2, 4]), told(whole, graphs, [0, 2, 4]), atol=1e-5)


@torch.no_grad()
def test_equal_mixings_of_all_heads_are_the_mixing_of_the_node(encodings):
    graphs = FlatGraphs.of(encodings)
    by_node, by_head = model_of(Variant(), graphs), model_of(Variant(mixing="head"), graphs)
    of_node = by_node.state_dict()
    for key, value in of_node.items():
        if key.endswith(("attention.mix.weight", "attention.mix.bias")):
            of_node[key] = value.repeat_interleave(4, 0)
    by_head.load_state_dict(of_node)
    assert torch.allclose(told(by_node, graphs, [0, 2]), told(by_head, graphs, [0, 2]), atol=1e-5)


def test_constant_mixing_is_the_same_for_every_node(encodings):
    mix = model_of(Variant(mixing="constant"), FlatGraphs.of(encodings)).encoder.layers[0].attention.mix
    assert mix(torch.randn(3, 16)).unique(dim=0).shape == (1, 4)


def test_means_are_of_the_rows_that_go_into_each():
    x = torch.tensor([[1.0], [2.0], [6.0]])
    into, rows = torch.tensor([0, 0, 2]), torch.tensor([1, 2, 0])
    assert means(x, into, into, rows, 3).tolist() == [[4.0], [0.0], [1.0]]


def test_depth_counts_steps_on_the_longest_way(encodings):
    encoding = encodings[2]
    found = depths(encoding)
    assert found.shape == (len(encoding.text), 2)
    assert found[0].tolist() == [0.0, 0.0]
    assert found[:, 1].max() == 1.0
    fathers = encoding.neighbours[:, ten_variants.FATHERS]
    for node, near in enumerate(fathers):
        before = [at for at in near.tolist() if at >= 0 and at != node]
        if before:
            assert found[node, 0] == pytest.approx(np.log1p(np.expm1(max(found[at, 0] for at in before)) + 1))


def test_operators_alone_do_not_tell_kernels_apart():
    found = ten_variants.operators(["Conv kernel 3x3", "Conv kernel 1x1", "Relu"])
    assert (found @ found.T).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_numbers_are_left_out_and_depth_is_put_in(encodings):
    graphs = FlatGraphs.of(encodings)
    changed = FlatGraphs(
        [replace(graph, numeric=graph.numeric + 1) for graph in graphs.graphs], graphs.vocabulary
    )
    without, whole = model_of(Variant(numbers=False), graphs), model_of(Variant(), graphs)
    assert torch.equal(told(without, graphs, [0]), told(without, changed, [0]))
    assert not torch.equal(told(whole, graphs, [0]), told(whole, changed, [0]))
    assert (
        ten_variants.graphs_of(Variant(depth=True), encodings).graphs[0].numeric.shape[1] == NODE_FEATURES + 2
    )


def test_a_run_writes_both_splits_and_goes_on_where_it_was_stopped(encodings, monkeypatch, tmp_path):
    families = np.repeat(["alexnet", "googlenet", "squeezenet"], 10)
    log_ms = np.arange(30.0)
    networks = Networks(families, [encodings[0]] * 30, log_ms)
    monkeypatch.setattr(ablation, "networks_of", lambda table, template: networks)
    monkeypatch.setattr(ablation, "CACHE", tmp_path)
    asked = []

    def fitted(table, variant, fold, seed):
        asked.append((fold.family, seed))
        return log_ms[fold.test] + np.log(1.1 + seed / 10)

    monkeypatch.setattr(ablation, "_fitted", fitted)
    rows = ablation.rows_of(tmp_path, WHOLE)
    assert len(asked) == 3 + 3 * 3
    assert ablation.rows_of(tmp_path, WHOLE) == rows
    assert len(asked) == 3 + 3 * 3
    of = {(row.setting["split"], row.metric): row for row in rows}
    assert of["leave one out", "mape"].mean == pytest.approx(20.0)
    assert of["leave one out", "mape"].std == pytest.approx(10.0)
    assert of["in-domain", "mape"].seeds == [0, 1, 2]
    assert "| LeDG-Former | 20.00 ± 10.00 |" in ablation.printed(rows)
    assert all(len(json.loads(path.read_text())) == 2 for path in tmp_path.iterdir())
