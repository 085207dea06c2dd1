import itertools

import numpy as np
import pytest
import torch

from ledg_export.accuracy_model import AccuracyModel, Cells, dense_attention, ranking_loss, relation_masks
from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import DynamicGraphAttention
from ledg_rt.encoding import NODE_FEATURES, RELATIONS, encode_graph
from ledg_rt.graph import Graph, Input, Node, TensorType

CONFIG = {"width": 16, "layers": 2, "heads": 2, "text_width": 5, "hidden_dropout": 0.0}


def adjacency(count, size, seed=0):
    """Acyclic graphs: a node reads earlier ones only."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, size, size, generator=generator).triu(1) > 0.5


def model(seed=0):
    torch.manual_seed(seed)
    return AccuracyModel(LedgConfig(**CONFIG), torch.randn(3, 5), torch.randn(3, NODE_FEATURES)).eval()


def cells(count=4, size=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Cells(
        torch.randint(3, (count, size), generator=generator), relation_masks(adjacency(count, size, seed))
    )


@pytest.mark.parametrize("relations", [list(RELATIONS), ["fathers", "siblings"]])
def test_dense_attention_is_the_edge_form(relations):
    torch.manual_seed(1)
    attention = DynamicGraphAttention(LedgConfig(**CONFIG, relations=relations))
    masks = relation_masks(adjacency(3, 6))
    x = torch.randn(3, 6, 16)
    dense = dense_attention(attention, x, masks)
    for one, mask, expected in zip(x, masks, dense, strict=True):
        node, relation, other = torch.nonzero(mask, as_tuple=True)
        used = torch.tensor([RELATIONS[item] in relations for item in relation])
        edges = torch.stack([node, other, relation])[:, used]
        assert torch.allclose(attention.edges(one, edges), expected, atol=1e-5)


def test_masks_are_the_neighbours_of_the_runtime():
    tensor = TensorType("float32", (1, 4, 4, 4))
    ops = ("Relu", "Sigmoid", "Tanh", "Add", "Mul", "Max")
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (2, 4), (3, 5), (4, 5))
    fathers = {b: [a for a, end in edges if end == b] for b in range(6)}
    nodes = [
        Node(op, tuple(Input(tensor) for _ in fathers[at] or [0]), (tensor,), name=op)
        for at, op in enumerate(ops)
    ]
    encoding = encode_graph(Graph(tuple(nodes), edges))
    place = [ops.index(name) for name in encoding.names]
    graph = torch.zeros(1, 6, 6, dtype=torch.bool)
    graph[0, [a for a, _ in edges], [b for _, b in edges]] = True
    masks = relation_masks(graph)[0].numpy()
    for node, relation in itertools.product(range(6), range(len(RELATIONS))):
        near = encoding.neighbours[node, relation]
        found = {place[other] for other in near[near >= 0]}
        assert found == set(np.flatnonzero(masks[place[node], relation]))


def test_padding_changes_nothing():
    small = cells()
    kinds = torch.nn.functional.pad(small.kinds, (0, 2), value=-1)
    padded = torch.nn.functional.pad(adjacency(4, 6), (0, 2, 0, 2))
    with torch.no_grad():
        assert torch.allclose(model()(small), model()(Cells(kinds, relation_masks(padded))), atol=1e-5)


def test_the_order_of_nodes_changes_nothing():
    some, order = cells(), torch.tensor([3, 0, 5, 1, 4, 2])
    graph = adjacency(4, 6)[:, order][:, :, order]
    with torch.no_grad():
        turned = model()(Cells(some.kinds[:, order], relation_masks(graph)))
        assert torch.allclose(model()(some), turned, atol=1e-5)


def test_edges_and_kinds_count():
    some = cells()
    other_kinds = Cells((some.kinds + 1) % 3, some.masks)
    other_edges = Cells(some.kinds, relation_masks(adjacency(4, 6, seed=9)))
    with torch.no_grad():
        assert not torch.allclose(model()(some), model()(other_kinds), atol=1e-3)
        assert not torch.allclose(model()(some), model()(other_edges), atol=1e-3)


def test_ranking_loss_prefers_the_right_order():
    targets = torch.tensor([-1.0, 0.0, 1.0])
    assert ranking_loss(targets, targets, 0.1, 1.0) == 0
    shifted, turned = ranking_loss(targets + 1, targets, 0.1, 1.0), ranking_loss(-targets, targets, 0.1, 1.0)
    assert shifted == pytest.approx(1.0)  # the order is right, the values are not
    # Squared errors 4, 0, 4; the hinge pays margin + distance for pairs at distances 1, 1, 2.
    assert turned == pytest.approx(8 / 3 + (1.1 + 1.1 + 2.1) / 3)


def test_ranking_loss_without_pairs_is_the_squared_error():
    assert ranking_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]), 0.1, 1.0) == pytest.approx(2.5)
