import pytest
import torch

from benchmarks.peers.brp_nas import BrpNas
from benchmarks.peers.graphs import Graphs
from benchmarks.peers.nar_former_v2 import NarFormerV2
from benchmarks.peers.nn_former import NnFormer
from benchmarks.peers.nnlp import Nnlp
from benchmarks.peers.training import Recipe, batches, drawn, fit, outputs

NETWORKS = pytest.mark.parametrize("network", [BrpNas, NarFormerV2, NnFormer, Nnlp])


def graphs(count=5, size=6, padding=0):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(count, size, 4, generator=generator)
    adjacency = (torch.rand(count, size, size, generator=generator).triu(1) > 0.5).float()
    pad = torch.nn.functional.pad
    return Graphs(
        pad(features, (0, 0, 0, padding)), pad(adjacency, (0, padding, 0, padding)),
        pad(torch.ones(count, size, 1), (0, 0, 0, padding)), features.sum(1)[:, :2],
    )  # fmt: skip


def new(network):
    torch.manual_seed(0)
    return network(4, 2, width=16, layers=2, dropout=0.0).eval()


@NETWORKS
@torch.no_grad()
def test_padding_changes_nothing(network):
    assert torch.allclose(new(network)(graphs()), new(network)(graphs(padding=3)), atol=1e-5)


@NETWORKS
@torch.no_grad()
def test_the_order_of_nodes_changes_nothing(network):
    some, order = graphs(), torch.tensor([3, 0, 5, 1, 4, 2])
    turned = Graphs(some.features[:, order], some.adjacency[:, order][:, :, order], some.present, some.totals)
    assert torch.allclose(new(network)(some), new(network)(turned), atol=1e-5)


@NETWORKS
@torch.no_grad()
def test_edges_count(network):
    some = graphs()
    other = Graphs(some.features, torch.zeros_like(some.adjacency), some.present, some.totals)
    assert not torch.allclose(new(network)(some), new(network)(other), atol=1e-3)


@NETWORKS
@pytest.mark.parametrize("views", [0.0, 0.5])
def test_training_lowers_the_error(network, views):
    some, model = graphs(), new(network)
    targets = torch.linspace(-1, 1, len(some))
    rows = torch.arange(len(some))
    before = (outputs(model, some, rows) - targets).square().mean()
    recipe = Recipe(steps=60, learning_rate=1e-2, hinge=0.5, views=views)
    fit(model, some, targets, recipe, torch.Generator().manual_seed(0))
    assert (outputs(model, some, rows) - targets).square().mean() < before / 4


def test_batches_visit_all_before_any_again():
    visits = torch.cat(list(batches(5, 2, 6, torch.Generator().manual_seed(0))))
    assert sorted(visits[:5].tolist()) == sorted(visits[5:].tolist()) == [0, 1, 2, 3, 4]


def test_drawn_takes_each_choice_at_times():
    generator = torch.Generator().manual_seed(0)
    choices = [torch.tensor([7]), torch.tensor([1, 2, 3])]
    found = torch.stack([drawn(choices, generator) for _ in range(50)])
    assert set(found[:, 0].tolist()) == {7}
    assert set(found[:, 1].tolist()) == {1, 2, 3}
