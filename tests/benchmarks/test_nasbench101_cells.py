import base64
import json
import os
import struct
from pathlib import Path

import pytest

from benchmarks.accuracy.cell_space import CONV1, CONV3, INPUT, OUTPUT
from benchmarks.accuracy.nasbench101_cells import load, load_ec_nas

needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

# Node 2 is dead: nothing reads it.
DEAD_END = ("0111000100000000", "input,conv1x1-bn-relu,maxpool3x3,output")
CHAIN = ("0100001000010000", "input,conv1x1-bn-relu,conv3x3-bn-relu,output")


def evaluation(validation, test):
    """``EvaluationData`` byte by byte: fields 1 to 5 are doubles (wire type 1)."""
    values = (108.0, 1500.0, 1.0, validation, test)
    return b"".join(bytes([number << 3 | 1]) + struct.pack("<d", value) for number, value in enumerate(values, 1))  # fmt: skip


def metrics(validation, test):
    """``ModelMetrics``: evaluations at the start, half-way and at the end, parameters (varint), seconds."""
    evaluations = [evaluation(0.1, 0.1), evaluation(0.5, 0.5), evaluation(validation, test)]
    data = b"".join(b"\x0a" + bytes([len(item)]) + item for item in evaluations)
    return base64.b64encode(data + b"\x10\x96\x01" + b"\x19" + struct.pack("<d", 2000.0)).decode()


def record(*fields):
    data = json.dumps(fields).encode()
    return struct.pack("<Q", len(data)) + b"\0\0\0\0" + data + b"\0\0\0\0"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "nasbench_only108.tfrecord"
    path.write_bytes(
        record("a", 108, *DEAD_END, metrics(0.90, 0.80))
        + record("a", 36, *DEAD_END, metrics(0.70, 0.70))
        + record("b", 108, *CHAIN, metrics(0.95, 0.93))
        + record("a", 108, *DEAD_END, metrics(0.92, 0.90))
    )
    return path


def test_labels_are_one_run_and_truth_is_the_mean(file):
    space = load(file)
    assert space.labels["cifar10"].tolist() == pytest.approx([90, 95])
    assert space.truth["cifar10"].tolist() == pytest.approx([85, 93])


def test_dead_ends_are_left_out(file):
    space = load(file)
    assert space.kinds.tolist() == [[INPUT, CONV1, OUTPUT, -1], [INPUT, CONV1, CONV3, OUTPUT]]
    # Of the dead-end cell, input to convolution, convolution to output, and the edge from input to output.
    assert [list(zip(*graph.nonzero(), strict=True)) for graph in space.adjacency] == [
        [(0, 1), (0, 2), (1, 2)],
        [(0, 1), (1, 2), (2, 3)],
    ]


def test_other_epochs(file):
    assert load(file, epochs=36).truth["cifar10"].tolist() == pytest.approx([70])
    with pytest.raises(ValueError, match="no run of 12 epochs"):
        load(file, epochs=12)


@pytest.mark.parametrize("missing", [1, 6, 20])
def test_a_cut_off_file(file, missing):
    file.write_bytes(file.read_bytes()[:-missing])
    with pytest.raises(ValueError, match="ends within a record"):
        load(file)


@pytest.mark.parametrize("kept", [1, 8, 11])
def test_a_file_cut_off_in_a_head(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ValueError, match="ends within a record"):
        load(file)


@needs_data
def test_ec_nas():
    space = load_ec_nas(Path(os.environ["LEDG_DATA"]))
    assert len(space) == len(set(space.classes)) == 2532
    assert space.kinds.shape[1] == 5
    assert 0 < space.truth["cifar10"].min() < space.truth["cifar10"].max() < 100
