import numpy as np
import pytest

from benchmarks.accuracy.cell_space import (
    AVERAGE,
    CONV1,
    CONV3,
    INPUT,
    KINDS,
    OUTPUT,
    SKIP,
    Cell,
    class_means,
    kind_encodings,
    path_summaries,
    paths,
    pruned,
    space_of,
    structure,
)
from benchmarks.accuracy.nasbench201_cells import cell_of

CHAIN = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|avg_pool_3x3~2|"
DIAMOND = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
NOTHING = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|none~0|none~1|none~2|"


def test_a_chain():
    assert cell_of(CHAIN) == Cell((INPUT, CONV3, CONV1, AVERAGE, OUTPUT), ((0, 1), (3, 4), (1, 2), (2, 3)), (-1, 0, 2, 5, -1))  # fmt: skip


def test_paths_leave_skips_out():
    assert sorted(paths(cell_of(DIAMOND))) == [(), (CONV3, CONV1), (AVERAGE,)]


def test_dead_edges_leave_no_trace():
    without = "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    bare = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
    assert cell_of(without) == cell_of(bare)


def test_a_cell_without_path_is_its_ends():
    cell = cell_of(NOTHING)
    assert (cell.kinds, cell.edges, paths(cell)) == ((INPUT, OUTPUT), (), [])


def test_pruned_keeps_what_lies_between():
    edges = [(0, 1), (0, 2), (1, 4), (3, 4)]
    found = pruned((INPUT, CONV1, CONV3, SKIP, OUTPUT), edges, range(5))
    assert found == Cell((INPUT, CONV1, OUTPUT), ((0, 1), (1, 2)), (0, 1, 4))


def test_summaries_of_the_diamond():
    (row,) = path_summaries([cell_of(DIAMOND)])
    assert row.tolist() == pytest.approx([3, 1, 2, 2 / 3, 0, 1, 1 / 3, 0, 1, 1 / 3, 0])


def test_class_means():
    found = class_means(np.array([1.0, 2.0, 6.0]), np.array([0, 2, 2]))
    assert found.tolist() == [1.0, 0.0, 4.0]


def test_a_space_shares_features_within_a_class():
    cells = [cell_of(text) for text in (CHAIN, DIAMOND, NOTHING)]
    space = space_of("three", cells, ["a", "a", "b"], {"x": [1, 2, 3]}, {"x": [1, 2, 3]})
    assert space.kinds.shape == (3, 7)
    assert space.adjacency.sum((1, 2)).tolist() == [4, 8, 0]
    assert (space.features[0] == space.features[1]).all()
    found = structure(space)
    assert found.mean(0) == pytest.approx(0, abs=1e-9)
    # Of the kinds of nodes, maximum pooling and the two ends do not vary.
    assert found.std(0)[: 11 + 4] == pytest.approx(1)
    assert found.shape[1] == 11 + 4 + space.features.shape[1]


def test_each_kind_has_words_and_numbers_of_its_own():
    encodings = kind_encodings()
    assert len({item.sentences for item in encodings}) == len(KINDS)
    assert "kernel 3x3" in encodings[CONV3].sentences[0]
