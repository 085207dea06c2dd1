"""Whole networks as the peers read them, padded and flat."""

import pytest
import torch

from benchmarks.peers.flat_networks import FlatNarFormerV2, FlatNnFormer, edges_of, flat
from benchmarks.peers.nar_former_v2 import NarFormerV2
from benchmarks.peers.nn_former import NnFormer
from benchmarks.peers.nnlp import Nnlp
from benchmarks.peers.node_graphs import PARTS, InParts, padded
from ledg_export import zoo
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

NAMES = [f"nnlqp_families/{family}-{at}" for at in range(4) for family in ("alexnet", "resnet", "squeezenet")]


@pytest.fixture(scope="module")
def encodings():
    return [encode_graph(read_graph(zoo.build(name).SerializeToString())) for name in NAMES]


@pytest.fixture(scope="module")
def networks(encodings):
    return padded(encodings)


def test_a_node_has_one_operator_its_sizes_and_its_readers(encodings, networks):
    assert networks.sizes.tolist() == [len(encoding.text) for encoding in encodings]
    size = networks.sizes[0]
    operators = networks.features.shape[2] - encodings[0].numeric.shape[1]
    assert torch.equal(networks.features[0, :size, :operators].sum(1), torch.ones(size))
    assert torch.equal(networks.features[0, :size, operators:], torch.from_numpy(encodings[0].numeric))
    assert not networks.features[0, size:].any()
    assert networks.adjacency[0].sum() == size - 1  # AlexNet is a chain
    assert networks.adjacency[0, 0, 1] == 1


def test_scores_are_those_of_known_rows_and_padding_stays_empty(networks):
    known = torch.tensor([0, 1, 2])
    found = networks.standardised(known)
    real = torch.arange(found.features.shape[1]) < found.sizes[:, None]
    assert found.features[known][real[known]].mean(0).abs().max() < 1e-4
    assert not found.features[~real].any()


@torch.no_grad()
def test_parts_of_a_batch_give_the_order_of_its_rows(networks):
    torch.manual_seed(0)
    whole = networks.standardised(torch.arange(len(networks)))
    model = InParts(Nnlp(whole.features.shape[-1], whole.totals.shape[-1], width=16)).eval()
    rows = torch.tensor([7, 2, 11, 0, 4, 1, 9, 3, 10])
    assert len(whole[rows].parts) == PARTS
    alone = torch.cat([model(whole[row[None]]) for row in rows])
    assert torch.allclose(model(whole[rows]), alone, atol=1e-4)


@pytest.mark.parametrize(("dense", "sparse"), [(NnFormer, FlatNnFormer), (NarFormerV2, FlatNarFormerV2)])
def test_edges_give_what_masks_give(networks, dense, sparse):
    whole = networks.standardised(torch.arange(len(networks)))
    sizes = whole.features.shape[-1], whole.totals.shape[-1]
    torch.manual_seed(0)
    model = InParts(dense(*sizes, width=16, layers=2, dropout=0.0))
    other = sparse(*sizes, width=16, layers=2, dropout=0.0)
    other.load_state_dict(model.model.state_dict())
    rows = torch.tensor([5, 0, 8, 3])
    edges = flat(whole, edges_of(networks))
    wanted, found = model(whole[rows]), other(edges[rows])
    assert torch.allclose(found, wanted, atol=1e-4)
    assert torch.equal(found, other(edges.some(rows)[torch.arange(4)]))
    wanted.sum().backward()
    found.sum().backward()
    for one, two in zip(model.model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(one.grad, two.grad, atol=1e-3)
