import csv
import json
import os
from collections import Counter
from math import prod
from pathlib import Path

import pytest
from onnx import TensorProto

from ledg_export import zoo
from ledg_export.corpora import qualcomm_aihub as aihub
from ledg_export.corpora.published import networks, tables
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.resolve import resolve

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="LEDG_DATA is not set")
needs_graphs = pytest.mark.skipif("LEDG_GRAPHS" not in os.environ, reason="LEDG_GRAPHS is not set")

ROW = {
    "model_id": "resnet50", "precision": "float", "chipset": "qualcomm-snapdragon-8gen3", "runtime": "qnn_dlc",
    "inference_ms": "1.598", "primary_compute_unit": "NPU", "layers_total": "126.0", "layers_npu": "126.0",
    "layers_gpu": "", "layers_cpu": "", "tool_versions": '{"qairt": "2.43.0.260127150333_193827"}',
}  # fmt: skip


def write(folder, *changes):
    (folder / "qualcomm_aihub").mkdir()
    with (folder / "qualcomm_aihub" / "aihub_perf_v0.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(ROW))
        writer.writeheader()
        writer.writerows(ROW | change for change in changes)
    return folder


def test_read_counts_what_it_drops(tmp_path):
    cpu = {"primary_compute_unit": "CPU", "layers_cpu": "126.0", "chipset": "qualcomm-qcm6690"}
    folder = write(
        tmp_path,
        {},
        cpu | {"precision": "w8a8"},
        {"inference_ms": ""},
        {"precision": "w8a8_mixed_int16"},
        {"layers_npu": "120.0", "layers_cpu": "6.0"},
        {"primary_compute_unit": "GPU", "layers_gpu": "126.0"},
        {"model_id": "yolor"},
    )
    dropped: Counter[str] = Counter()
    samples = list(aihub.read(folder, dropped))
    assert [(sample.graph_id, sample.platform, sample.latency_ms) for sample in samples] == [
        ("resnet/50-224", "snapdragon-8-gen-3-hexagon/qnn-2.43.0/fp16", 1.598),
        ("resnet/50-224", "qcm6690-cpu/qnn-2.43.0/int8", 1.598),
    ]
    assert dropped == {
        "no time measured": 1,
        "mixed precision": 1,
        "split between units": 1,
        "on the GPU": 1,
        "no graph: detector: not in the zoo": 1,
    }


@pytest.mark.parametrize(
    ("engine", "versions", "name"),
    [
        ("tflite", {"qairt": "2.42.0.251225135753_193295", "tflite": "2.17.0"}, "tflite-2.17.0-qnn"),
        ("tflite", {"tflite": "2.17.0"}, "tflite-2.17.0"),
        ("onnx", {"onnx_runtime": "1.24.1"}, "onnxruntime-1.24.1"),
        ("precompiled_qnn_onnx", {"qairt": "2.37.1.2", "onnx_runtime": "1.23.0"}, "onnxruntime-1.23.0-qnn"),
        ("qnn_context_binary", {"qairt": "2.43.0.260127150333_193827"}, "qnn-2.43.0"),
    ],
)
def test_runtime_has_its_version(engine, versions, name):
    assert aihub.runtime(ROW | {"runtime": engine, "tool_versions": json.dumps(versions)}) == name


def test_networks_compiled_ahead_are_another_platform():
    row = ROW | {"runtime": "qnn_context_binary", "precision": "w8a16"}
    assert aihub.platform_id(row) == "snapdragon-8-gen-3-hexagon/qnn-2.43.0/w8a16+context-binary"


@pytest.mark.parametrize("change", [{"model_id": "resnet51"}, {"chipset": "qualcomm-snapdragon-1"}])
def test_unknown_names_are_errors(tmp_path, change):
    with pytest.raises(KeyError):
        list(aihub.read(write(tmp_path, change), Counter()))


def test_products_of_one_die_are_one_chip():
    mapped = {device for units in tables("qualcomm_aihub")["devices"].values() for device in units.values()}
    assert mapped <= set(devices())
    assert devices()["qcs8550-hexagon"].chip == devices()["snapdragon-8-gen-2-cpu"].chip
    assert devices()["qcs9075-hexagon"].chip == devices()["sa8775p-hexagon"].chip
    assert devices()["snapdragon-x-elite-hexagon"].chip == devices()["snapdragon-x-elite-x1e-78-100-cpu"].chip


@needs_data
def test_every_row_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    samples = list(aihub.read(Path(DATA), dropped))
    assert len(samples) + dropped.total() == sum(1 for _ in aihub.rows(Path(DATA)))
    assert len(samples) >= 1900
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name


@needs_data
def test_the_mapping_names_every_network_of_the_table_and_no_other():
    known = networks("qualcomm_aihub")
    assert {*known.graphs, *known.left_out} == {row["model_id"] for row in aihub.rows(Path(DATA))}


@needs_data
@needs_graphs
def test_parameters_are_those_that_the_source_gives():
    folder = Path(DATA) / "qualcomm_aihub"
    details = {}
    for release in sorted(folder.glob("aihub_models_*.json")):
        details.update(
            {name: info for name, info in json.loads(release.read_text("utf-8")).items() if info is not None}
        )
    checked = 0
    for name, graph_id in networks("qualcomm_aihub").graphs.items():
        stated = details[name]["technical_details"].get("Number of parameters")
        if stated is None:  # regnet_y_800mf
            continue
        weights = zoo.build(graph_id).graph.initializer
        found = sum(prod(item.dims) for item in weights if item.data_type == TensorProto.FLOAT)
        # Folded normalization leaves up to 2 % out.
        assert found / 1e6 == pytest.approx(float(stated.rstrip("M")), rel=0.02), name
        checked += 1
    assert checked >= 20


@needs_data
def test_no_sample_is_faster_than_the_peak_allows():
    gmacs = {
        "resnet/50-224": 4.09,
        "resnet/101-224": 7.8,
        "googlenet/224": 1.5,
        "timm/vit_base_patch16_224@224": 16.9,
    }
    checked = 0
    for sample in aihub.read(Path(DATA), Counter()):
        peak = resolve(sample.platform).peak_gops
        if sample.graph_id in gmacs and peak:
            checked += 1
            assert sample.latency_ms > 2000 * gmacs[sample.graph_id] / peak, sample
    assert checked > 20
