import csv
import json
import os
from math import prod
from pathlib import Path

import pytest

from ledg_export import zoo
from ledg_export.zoo.nasbench101 import widths

needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

INCEPTION = "nasbench101/0111010-0000001-0000001-0000100-0000001-0000001-0000000/conv1x1 conv3x3 conv3x3 conv3x3 maxpool3x3"


def trainable(found):
    """Scale and shift of each normalization, of which folding leaves one."""
    return found.parameters + found.folded


def test_the_cell_of_the_benchmarks_readme_has_its_parameters(count):
    """google-research/nasbench, README and notebook: ``trainable_parameters`` of the cell like Inception's."""
    assert trainable(count(INCEPTION)) == 2_694_282


@needs_data
def test_parameters_are_those_of_ec_nas_bench(count):
    """EC-NAS-Bench has the parameters of every cell of at most five nodes. Nobody publishes multiply-adds."""
    path = Path(os.environ["LEDG_DATA"]) / "ec_nas" / "ec_nas_nb101_subspace.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[::40]:
        matrix = "-".join("".join(map(str, line)) for line in json.loads(row["adj"]))
        operations = " ".join(name.removesuffix("-bn-relu") for name in json.loads(row["ops"])[1:-1])
        assert trainable(count(f"nasbench101/{matrix}/{operations}")) == int(row["params"])


def test_stacks_are_of_32_16_and_8_pixels_and_128_256_and_512_channels(count):
    found = count(INCEPTION)
    shapes = {shape for name, shape in found.shapes.items() if name.startswith("t") and len(shape) == 4}
    assert {(1, 128, 32, 32), (1, 256, 16, 16), (1, 512, 8, 8)} <= shapes
    weights = {item.name: tuple(item.dims) for item in found.model.graph.initializer}
    convolutions = [node for node in found.model.graph.node if node.op_type == "Conv"]
    areas = {prod(found.shapes[node.output[0]][2:]) for node in convolutions}
    assert areas == {32**2, 16**2, 8**2}
    assert weights[convolutions[0].input[1]] == (128, 3, 3, 3)
    assert found.outputs == ((1, 10),)


def test_nodes_that_feed_the_output_share_its_channels_and_others_are_as_wide_as_their_readers():
    matrix = [[0, 1, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert widths(matrix, 128)[1:] == [43, 43, 42]
    matrix = [[0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert widths(matrix, 129)[1:] == [65, 65, 64]


def test_a_node_with_a_channel_more_than_its_reader_is_cut(count):
    cell = "nasbench101/01000-00111-00001-00001-00000/conv3x3 conv1x1 conv1x1"
    # 128 are 43, 43 and 42, 256 are 86, 85 and 85, 512 are 171, 171 and 170; three cells each.
    assert count(cell).operators.count("Slice") == 3 * (1 + 2 + 1)


def test_dead_nodes_are_not_in_the_graph():
    with_dead = "nasbench101/01110-00001-00000-00000-00000/conv3x3 conv1x1 maxpool3x3"
    without = "nasbench101/010-001-000/conv3x3"
    assert zoo.build(with_dead) == zoo.build(without)


def test_a_cell_without_inner_nodes_projects_its_input(count):
    assert count("nasbench101/01-00/").operators.count("Conv") == 1 + 9


@pytest.mark.parametrize(
    "arch",
    [
        "", "010-001/conv3x3", "010-001-000/", "010-001-000/conv5x5", "010-101-000/conv3x3", "020-001-000/conv3x3",
        "010-000-000/conv3x3",
    ],
)  # fmt: skip
def test_what_is_no_cell_is_an_error(arch):
    with pytest.raises(ValueError, match="cannot build"):
        zoo.build(f"nasbench101/{arch}")
