import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from ledg_export import zoo
from ledg_export.corpora import neusight as tables
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph

DATA = Path(os.environ.get("LEDG_DATA", ""))
needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

# Rows of NeuSight's tables (sitar-lab/NeuSight, MIT).
LINEAR = {"OPName": "linear", "Latency": "0.0936533", "Device": "Tesla P4", "Torch Version": "p2.1.0", "B": "1", "M": "126", "N": "115", "K": "72"}  # fmt: skip
BMM = {"OPName": "bmm", "Latency": "103.343", "Device": "AMD Instinct MI210", "B": "1280", "M": "2048", "N": "96", "K": "256"}  # fmt: skip
CONV = {
    "OPName": "conv", "Latency": "0.966997", "Device": "NVIDIA A100 80GB PCIe", "B": "38", "Input_Channel": "893",
    "Output_Channel": "326", "Kernel_Szie": "3", "Input_Size": "5", "Stride": "1", "Padding": "1",
}  # fmt: skip
ADD = {"OPName": "addu", "Latency": "0.04416", "Device": "Tesla T4", "B": "127", "H": "168"}


@pytest.mark.parametrize(
    ("row", "graph_id", "batch"),
    [
        (LINEAR, "operator/linear/115-72", 126),
        (BMM, "operator/bmm/2048-96-256", 1280),
        (CONV, "operator/conv/893-326-3-5-1-1", 38),
        (ADD, "operator/addu/168", 127),
    ],
)
def test_operator_and_batch_of_a_row(row, graph_id, batch):
    assert tables.operator(row) == (graph_id, batch)


def test_version_of_pytorch_is_in_the_platform_where_it_is_given():
    assert tables.platform(LINEAR) == "nvidia-p4/pytorch-2.1/fp32"
    assert tables.platform(BMM) == "amd-instinct-mi210/pytorch/fp32"


@pytest.mark.parametrize(
    ("graph_id", "macs", "inputs", "weights"),
    [
        ("operator/linear/115-72", 115 * 72, 72, 115 * 72 + 115),
        ("operator/bmm/32-96-256", 32 * 96 * 256, 32 * 256 + 256 * 96, 0),
        ("operator/conv/8-16-3-5-1-1", 8 * 16 * 9 * 25, 8 * 25, 8 * 16 * 9 + 16),
        ("operator/add/168", 0, 2 * 168, 0),
        ("operator/addu/168", 0, 168, 1),
        ("operator/gelu/168", 0, 168, 0),
        ("operator/ln/168", 0, 168, 2 * 168),
    ],
)
def test_operators_are_one_node_of_their_size(graph_id, macs, inputs, weights):
    encoding = encode_graph(read_graph(zoo.build(graph_id).SerializeToString()))
    assert len(encoding.text) == 1
    assert encoding.batch == 1
    assert encoding.quantities[0, [0, 2, 4]].tolist() == [macs, inputs, weights]
    assert not encoding.traits[0, -2:].any()  # known, resolved


def test_a_row_of_two_tables_counts_once(tmp_path):
    (tmp_path / "neusight").mkdir()
    for name in ("test_ln", "test_vec"):
        with gzip.open(tmp_path / "neusight" / f"{name}.csv.gz", "wt", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(ADD))
            writer.writeheader()
            writer.writerow(ADD)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read(tmp_path, dropped)
    assert (sample.latency_ms, sample.family) == (0.04416, "operator_addu")
    assert dropped == {"the same row in another table": 1}


@needs_data
def test_every_row_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    kept, platforms = 0, set()
    for sample in tables.read(DATA, dropped):
        kept += 1
        platforms.add(sample.platform)
        assert sample.latency_ms > 0
    assert kept + dropped.total() == 343_130
    assert kept > 331_000
    for name in platforms:
        assert resolve(name).id == name
        assert resolve(name).device in devices()
