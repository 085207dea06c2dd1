import csv
import gzip
import os
from collections import Counter
from math import prod
from pathlib import Path

import pytest
from onnx import TensorProto

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
    (tmp_path / "neusight" / "e2e_labels.csv").write_text("device,name,e2e_latency\n")
    for name in ("test_ln", "test_vec"):
        with gzip.open(tmp_path / "neusight" / f"{name}.csv.gz", "wt", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(ADD))
            writer.writeheader()
            writer.writerow(ADD)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read(tmp_path, dropped)
    assert (sample.latency_ms, sample.family) == (0.04416, "operator_addu")
    assert dropped == {"the same row in another table": 1}


def test_networks_are_inference_of_one_device(tmp_path):
    names = (
        "gpt2_large-inf-1024-4",
        "opt_13-train-2048-1",
        "bert_large-inf-512-8-fusion",
        "switch4-inf-512-1",
    )
    rows = "".join(f"Tesla_T4,{name},2505.22\n" for name in names)
    (tmp_path / "neusight").mkdir()
    (tmp_path / "neusight" / "e2e_labels.csv").write_text("device,name,e2e_latency\n" + rows)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read_networks(tmp_path, dropped)
    assert (sample.graph_id, sample.batch, sample.family) == ("gpt/gpt2-36-1280-20-1024", 4, "gpt")
    assert sample.platform == "nvidia-t4/pytorch/fp32"
    assert dropped == {
        "training": 1,
        "fused or on several devices": 1,
        "no graph: mixture of experts": 1,
    }


@pytest.mark.parametrize(
    ("arch", "parameters"),
    [
        ("gpt2-36-1280-20-1024", 774_030_080),  # GPT-2 large, transformers: the head is the embedding
        ("opt-24-2048-32-2048", 1_315_758_080 - 2 * 2048),  # OPT 1.3B, transformers: two more positions
    ],
)
def test_decoders_have_the_published_parameters(arch, parameters):
    model = zoo.build(f"gpt/{arch}")
    weights = [tuple(item.dims) for item in model.graph.initializer if item.data_type == TensorProto.FLOAT and not item.raw_data]  # fmt: skip
    width = int(arch.split("-")[2])
    shared = max(prod(dims) for dims in weights)
    masks = [dims for dims in weights if len(dims) == 4]
    assert len(masks) == 1
    assert shared % width == 0
    assert sum(map(prod, weights)) - shared - prod(masks[0]) == parameters


@needs_data
def test_every_row_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    kept, platforms = 0, set()
    for sample in tables.read(DATA, dropped):
        kept += 1
        platforms.add(sample.platform)
        assert sample.latency_ms > 0
    assert kept + dropped.total() == 343_130 + 115
    assert kept > 331_000
    for name in platforms:
        assert resolve(name).id == name
        assert resolve(name).device in devices()
