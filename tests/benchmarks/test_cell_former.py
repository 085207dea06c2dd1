"""LeDG-Former on a cell: its graph, its attention, what it learns."""

import numpy as np
import pytest
import torch

from benchmarks.accuracy.cell_former import SENTENCES, CellFormer, alive, masks, operations, quantities
from ledg_export import zoo
from ledg_export.accuracy_model import dense_attention
from ledg_export.config import LedgConfig
from ledg_export.zoo.nasbench201 import OPERATIONS, network_key
from ledg_rt.encoding import QUANTITIES, RELATIONS, encode_graph
from ledg_rt.reading import read_graph

DEAD = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|nor_conv_1x1~0|none~1|none~2|"
LIVE = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
UNFED = "|none~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_1x1~2|"


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = LedgConfig(width=16, layers=2, heads=2, text_width=8)
    return CellFormer(config, torch.randn(5, 8), torch.randn(5, len(QUANTITIES))).eval()


def text_of(cell):
    names = [f"{OPERATIONS[op]}~{source}" for op, source in zip(cell, (0, 0, 1, 0, 1, 2), strict=True)]
    return "+".join(f"|{'|'.join(part)}|" for part in (names[:1], names[1:3], names[3:]))


def test_what_is_not_alive_is_none():
    np.testing.assert_array_equal(alive(operations([DEAD, LIVE])), operations([LIVE, LIVE]))
    assert alive(operations([UNFED])).tolist() == [[0, 0, 0, OPERATIONS.index("skip_connect"), 0, 0]]


def test_a_live_cell_is_the_same_network():
    cells = np.random.default_rng(0).integers(0, 5, (40, 6))
    for before, after in zip(cells, alive(cells), strict=True):
        if after.any():
            assert network_key(text_of(before)) == network_key(text_of(after))


def test_sons_read_the_sum_that_an_operation_ends_in_those_of_the_next_cell_too():
    sons = masks()[RELATIONS.index("sons")]
    assert sons[0].nonzero()[:, 0].tolist() == [0, 2, 4]  # 0 -> 1 and what reads 1
    assert sons[5].nonzero()[:, 0].tolist() == [0, 1, 3, 5]  # 2 -> 3 and what reads 0 of the next cell
    assert torch.equal(masks()[RELATIONS.index("fathers")], sons.T)


def test_sentences_are_those_of_the_graphs():
    cell = "|nor_conv_1x1~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    graph = zoo.build(f"nasbench201/{cell}@cifar10+eager")
    sentences = encode_graph(read_graph(graph.SerializeToString())).sentences
    # A skip is no node of a graph.
    assert set(SENTENCES.values()) - set(sentences) == {"Identity"}


def test_a_larger_convolution_adds_more_work():
    macs = quantities()[:, QUANTITIES.index("macs")]
    assert macs[OPERATIONS.index("nor_conv_3x3")] > macs[OPERATIONS.index("nor_conv_1x1")] > macs[0]


@torch.no_grad()
def test_dense_attention_equals_the_edge_form(model):
    x = torch.randn(3, 6, 16)
    node, relation, other = masks().transpose(0, 1).nonzero().T
    edges = torch.stack([node, other, relation])
    layer = model.layers[0]
    dense = dense_attention(layer.attention, x, model.masks.expand(len(x), -1, -1, -1))
    for cell, found in zip(x, dense, strict=True):
        torch.testing.assert_close(layer.attention.edges(cell, edges), found, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_order_of_a_sum_is_seen(model):
    one = "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|skip_connect~2|"
    other = "|skip_connect~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"
    assert network_key(one) == network_key(other)
    first, second = model(torch.from_numpy(operations([one, other])))[0]
    assert abs(first - second) > 1e-4
