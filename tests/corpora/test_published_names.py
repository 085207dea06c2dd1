"""Sources that name published networks: what holds for all of them, and the trap of each."""

import csv
import os
from collections import Counter
from math import prod
from pathlib import Path

import pytest
from onnx import TensorProto

from ledg_export import zoo
from ledg_export.corpora import (
    SOURCES,
    hailo,
    mlperf_tiny,
    netspresso,
    opencv_zoo,
    paddle_lite,
    paddleclas,
    rknn,
)
from ledg_export.corpora.published import Networks, family, networks, tables
from ledg_rt.costs import graph_cost
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.resolve import resolve
from ledg_rt.reading import read_graph

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="LEDG_DATA is not set")
needs_graphs = pytest.mark.skipif("LEDG_GRAPHS" not in os.environ, reason="LEDG_GRAPHS is not set")

READERS = {
    module.SOURCE: module
    for module in (hailo, mlperf_tiny, netspresso, opencv_zoo, paddle_lite, paddleclas, rknn)
}
LEAST = {
    "hailo": 320, "mlperf_tiny": 80, "netspresso": 140, "opencv_zoo": 90, "paddle_lite": 150, "paddleclas": 350,
    "rknn": 120,
}  # fmt: skip
NAME = {
    "hailo": hailo.network, "mlperf_tiny": lambda row: row["bench"], "netspresso": lambda row: row["model"],
    "opencv_zoo": lambda row: opencv_zoo.network(row)[0],
    "paddle_lite": lambda row: row["model"].removesuffix("_quant"), "paddleclas": paddleclas.network,
    "rknn": lambda row: row["model"],
}  # fmt: skip


def write(folder, name, *rows):
    path = folder / name
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def read(module, folder):
    dropped: Counter[str] = Counter()
    samples = list(module.read(folder, dropped))
    return samples, dropped


def test_a_network_has_a_graph_or_a_reason():
    known = Networks({"a": "resnet/18-224"}, {"b": "no graph: why"})
    assert known.find("a") == ("resnet/18-224", None)
    assert known.find("b") == (None, "no graph: why")
    with pytest.raises(KeyError):
        known.find("c")


@pytest.mark.parametrize(
    ("graph_id", "name"),
    [
        ("timm/tf_mobilenetv3_large_100@224", "mobilenet_v3"),
        ("timm/vit_base_patch16_224@224", "vit"),
        ("efficientnet_lite/0", "efficientnet"),
        ("timm/efficientnet_b0@224", "efficientnet"),
        ("inception_v3/299", "inception"),
        ("timm/inception_v3@299", "inception"),
        ("resnet/50-224", "resnet"),
    ],
)
def test_a_family_is_one_across_sources(graph_id, name):
    assert family(graph_id) == name


def test_readers_are_registered():
    assert {name: SOURCES[name] for name in READERS} == {
        name: module.read for name, module in READERS.items()
    }


@needs_data
@pytest.mark.parametrize("source", READERS)
def test_every_row_is_kept_or_counted_and_resolves(source):
    samples, dropped = read(READERS[source], Path(DATA))
    figures = 2 if source == "hailo" else 1
    assert len(samples) + dropped.total() == figures * sum(1 for _ in READERS[source].rows(Path(DATA)))
    assert len(samples) >= LEAST[source]
    assert all(sample.source == source and sample.latency_ms > 0 for sample in samples)
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name


@needs_data
@pytest.mark.parametrize("source", READERS)
def test_the_mapping_names_every_network_of_the_table_and_no_other(source):
    known = networks(source)
    found = {NAME[source](row) for row in READERS[source].rows(Path(DATA))}
    assert {*known.graphs, *known.left_out} == found


@needs_data
@pytest.mark.parametrize("source", READERS)
def test_no_sample_is_faster_than_the_peak_allows(source):
    gmacs = {
        "resnet/18-224": 1.81,
        "resnet/34-224": 3.66,
        "resnet/50-224": 4.09,
        "mobilenet_v1/1.0-224": 0.56,
    }
    for sample in read(READERS[source], Path(DATA))[0]:
        peak = resolve(sample.platform).peak_gops
        if sample.graph_id in gmacs and peak:
            # Winograd computes 3x3 convolutions with 1 / 2.25 of the products.
            least = 2000 * gmacs[sample.graph_id] * sample.batch / peak / 2.25
            assert sample.latency_ms > least, sample


def published_counts(row):
    """(10^6 parameters, 10^9 multiply-adds) that a table gives."""
    if "ops_G" in row:
        return float(row["params_M"]), float(row["ops_G"]) / 2
    figure, unit = row["flops"].split()
    return float(row["params_M"]), float(figure) * {"G": 1, "M": 1e-3}[unit]


@needs_data
@needs_graphs
@pytest.mark.parametrize("source", ["hailo", "paddleclas"])
def test_graphs_have_the_parameters_and_operations_of_the_table(source):
    rows = {NAME[source](row): row for row in READERS[source].rows(Path(DATA))}
    for name, graph_id in sorted(networks(source).graphs.items())[::4]:  # reading all takes a minute
        parameters, gmacs = published_counts(rows[name])
        model = zoo.build(graph_id)
        weights = [item for item in model.graph.initializer if item.data_type == TensorProto.FLOAT]
        found = graph_cost(read_graph(model.SerializeToString())).macs / 1e9
        # Tables of relative positions and masks are constants of the graph; Hailo leaves embeddings out.
        loose = "swin" in graph_id or "deit" in graph_id
        assert sum(prod(item.dims) for item in weights) / 1e6 == pytest.approx(
            parameters, rel=0.1 if loose else 0.03
        ), name
        # Paddle counts normalization and activation, and leaves the products of attention out.
        low, high = (0.88, 1.18) if source == "paddleclas" else (0.97, 1.06)
        assert low < found / gmacs < high, name


HAILO = {"hw": "HAILO8", "model": "resnet_v1_18⭐", "fps_bs1": "2709.0", "fps_bs8": "", "compiler": "5.2.0."}


def test_frames_of_hailo_are_throughput_for_each_batch(tmp_path):
    rows = [HAILO | {"fps_bs8": "4000"}, HAILO, HAILO | {"model": "stdc1"}]
    samples, dropped = read(hailo, write(tmp_path, "hailo/hailo_model_zoo_fps.csv", *rows))
    assert [(sample.batch, sample.latency_ms) for sample in samples] == [
        (1, pytest.approx(1000 / 2709)),
        (8, 2.0),
        (1, pytest.approx(1000 / 2709)),
    ]
    assert {sample.platform for sample in samples} == {"hailo-8/hailo-dfc-5.2.0/int8+throughput"}
    assert {sample.statistic for sample in samples} == {"throughput"}
    assert dropped == {"no time measured": 1, "no graph: other task: not in the zoo": 2}


def test_frames_of_rockchip_are_throughput_of_one_core(tmp_path):
    row = {"model": "mobilenetv2-12", "dtype": "INT8", "platform": "RK3588 @single_core", "fps": "450"}
    (sample,), dropped = read(rknn, write(tmp_path, "rknn/rknn_model_zoo_fps.csv", row))
    assert sample.platform == "rk3588-npu-core/rknn/int8+throughput"
    assert sample.latency_ms == pytest.approx(1000 / 450)
    assert devices()["rk3588-npu-core"].chip == devices()["rock-5b"].chip
    assert not dropped


def test_half_precision_files_of_tflite_are_computed_in_fp32(tmp_path):
    row = {"model": "ResNet18", "section": "TFLite > Raspberry Pi 5 > FP16", "latency_ms": "55.2718"}
    (sample,), _ = read(netspresso, write(tmp_path, "netspresso/netspresso_device_matrix.csv", row))
    assert sample.platform == "raspberry-pi-5/tflite/fp32+fp16-weights"


LITE = {"section": "fp32 浮点 > ARMV8 CPU", "model": "ResNet50", "soc": "Kirin 990", "latency_ms": "222.21"}


def test_a_second_listing_of_paddle_lite_is_left_out(tmp_path):
    rows = [
        LITE,
        LITE | {"latency_ms": "106.65"},
        LITE | {"section": "fp32 浮点 > GPU"},
        LITE | {"section": "int8 量化 > ARMV7 CPU", "model": "ResNet50_quant"},
    ]
    samples, dropped = read(paddle_lite, write(tmp_path, "paddle_lite/paddle_lite_benchmark.csv", *rows))
    assert [(sample.platform, sample.latency_ms) for sample in samples] == [
        ("kirin-990-cpu/paddle-lite-2.11/fp32/1t", 222.21),
        ("kirin-990-mali-g76/paddle-lite-2.11/fp32", 222.21),
        ("kirin-990-cpu/paddle-lite-2.11/int8/1t+armv7", 222.21),
    ]
    assert dropped == {"listed again: precision or pruning not stated": 1}


def test_a_heading_without_a_unit_is_an_error():
    with pytest.raises(KeyError, match="NPU"):
        paddle_lite.platform_id(LITE | {"section": "int8 > NPU"})


def test_weights_that_are_trained_better_count_once(tmp_path):
    row = {"model": "ResNet50_vd", "column": "time(ms) bs=8", "latency_ms": "7.5"}
    other = row | {"model": "ResNet50_vd_ ssld"}
    phone = other | {"column": "SD855 time(ms) bs=1, thread=2"}
    path = write(tmp_path, "paddleclas/paddleclas_imagenet_latency.csv", row, other, phone)
    samples, dropped = read(paddleclas, path)
    assert [(sample.graph_id, sample.platform, sample.batch) for sample in samples] == [
        ("timm/resnet50d@224", "nvidia-v100/paddle-tensorrt/fp32", 8),
        ("timm/resnet50d@224", "snapdragon-855-cpu/paddle-lite/fp32/2t", 1),
    ]
    assert dropped == {"the same figure for other weights": 1}


OPENCV = {
    "device": "Khadas VIM3", "backend": "TIMVX", "target": "NPU", "median_ms": "5.2", "min_ms": "0.7",
    "files": "['image_classification_mobilenetv2_2022apr_int8.onnx']",
}  # fmt: skip


def test_opencv_counts_the_median_and_the_precision_of_the_file(tmp_path):
    cuda = {"device": "Jetson Nano B01", "backend": "CUDA"}
    plain = "['image_classification_mobilenetv2_2022apr.onnx']"
    rows = [
        OPENCV,
        OPENCV | cuda | {"target": "CUDA_FP16", "files": plain},
        OPENCV | cuda | {"target": "CUDA", "files": plain},
        OPENCV | cuda | {"target": "CUDA"},
        OPENCV | {"backend": "OPENCV", "target": "CPU"},
    ]
    samples, dropped = read(opencv_zoo, write(tmp_path, "opencv_zoo/opencv_zoo_benchmark.csv", *rows))
    assert [sample.platform for sample in samples] == [
        "khadas-vim3-npu/opencv-timvx/int8",
        "jetson-nano-gpu/opencv-cuda/fp16",
        "jetson-nano-gpu/opencv-cuda/fp32",
        "khadas-vim3-cpu/opencv/int8",
    ]
    assert {sample.latency_ms for sample in samples} == {5.2}
    assert dropped == {"int8 in a float engine": 1}


TINY = {"system": "NUCLEO_H7A3ZI_float", "bench": "ic", "inf_per_s": "8"}


def test_mlperf_tiny_inverts_inferences_a_second(tmp_path):
    rows = [
        TINY,
        TINY,
        TINY | {"system": "NUCLEO_H7A3ZI_int8_min_ram"},
        TINY | {"bench": "sww"},
        TINY | {"system": "VCU128"},
    ]
    samples, dropped = read(mlperf_tiny, write(tmp_path, "mlperf_tiny/mlperf_tiny_v1.2_v1.3.csv", *rows))
    assert [(sample.platform, sample.latency_ms, sample.family) for sample in samples] == [
        ("stm32h7a3/hale/fp32", 125.0, "resnet"),
        ("stm32h7a3/hale/int8+min-ram", 125.0, "resnet"),
    ]
    assert dropped == {
        "submitted again": 1,
        "no graph: streaming wake word: not in the zoo": 1,
        "research system: accelerator not described": 1,
    }


def test_mapped_devices_are_in_the_catalogue():
    named = {device for source in ("hailo", "rknn") for device in tables(source)["devices"].values()}
    named |= {*tables("paddle_lite")["cpus"].values(), *tables("paddle_lite")["gpus"].values()}
    named |= {device for units in tables("opencv_zoo")["devices"].values() for device in units.values()}
    named |= {entry["device"] for entry in tables("mlperf_tiny")["systems"].values()}
    named |= {platform.split("/")[0] for platform in tables("netspresso")["platforms"].values()}
    assert named <= set(devices())
