import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from ledg_export.corpora import mlperf_inference as mlperf
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")


def system(**changes):
    """A system of systems.csv as it is read: a T4 with TensorRT in the closed division."""
    fields = {
        "sys_id": "0", "round": "v1.1", "division": "closed", "submitter": "S", "system": "T4x1_TRT",
        "cpu": "Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", "n_cpu": "2.0", "accel": "NVIDIA T4", "n_accel": "1.0",
        "framework": "TensorRT 8.0.1, CUDA 11.3", "hw_notes": "ECC off",
    }  # fmt: skip
    return fields | changes


def result(**changes):
    """A row of the latency table as it is read."""
    fields = {
        "sys_id": "0", "model": "resnet50", "valid": "VALID", "mean_ms": "1.2", "p50_ms": "1.0", "p90_ms": "1.3",
        "min_ms": "0.9",
    }  # fmt: skip
    return fields | changes


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("mobilenet-v1-0.25-128", ("mobilenet_v1/0.25-128", "fp32")),
        ("mobilenet-v1-0.25-128-quantized", ("mobilenet_v1/0.25-128", "int8")),
        ("mobilenet-v1-1.0-224-non-quantized", ("mobilenet_v1/1.0-224", "fp32")),
        ("mobilenet-v1-precision_uint8-0.75-160", ("mobilenet_v1/0.75-160", "int8")),
        ("mobilenet-v2-precision_float-0.35-192", ("mobilenet_v2/0.35-192", "fp32")),
        ("mobilenet-v2-0.35-96", ("mobilenet_v2/0.35-96", "fp32")),
        ("mobilenet-v2-1.4-224-quantized", ("mobilenet_v2/1.4-224", "int8")),
        ("mobilenet-v3-small_224_0.75_float", ("mobilenet_v3/small-224-0.75", "fp32")),
        (
            "mobilenet-v3-large-minimalistic_224_1.0_uint8",
            ("mobilenet_v3/large-minimalistic-224-1.0", "int8"),
        ),
        (
            "mobilenet-v3-precision_float-small-minimalistic-224",
            ("mobilenet_v3/small-minimalistic-224-1.0", "fp32"),
        ),
        ("mobilenet-v3-precision_uint8-large-224", ("mobilenet_v3/large-224-1.0", "int8")),
        ("efficientnet-lite4-non-quantized", ("efficientnet_lite/4", "fp32")),
        ("quantized-efficientnet-lite0", ("efficientnet_lite/0", "int8")),
        ("efficientnet-fp32-lite2", ("efficientnet_lite/2", "fp32")),
        ("efficientnet-int8-lite3", ("efficientnet_lite/3", "int8")),
        ("resnet", ("resnet/50-224", None)),
        ("ssd-small", ("ssd_mobilenet_v1/300", None)),
        ("ssd-large", ("ssd_resnet34/1200", None)),
        ("ssd-mobilenet-v1-non-quantized-mlperf", ("ssd_mobilenet_v1/300", "fp32")),
        ("bert-99.9", ("bert/large-384", "fp16")),
        ("bert-99_obert-large", None),
        ("rnnt", None),
    ],
)
def test_graph_and_precision_in_a_model_name(model, found):
    assert mlperf.graph(model) == found


ARM = {"accel": "-", "n_cpu": "1.0"}
XAVIER = {**ARM, "cpu": "NVIDIA Carmel (ARMv8.2)"}
CLOUD = {"accel": "QUALCOMM Cloud AI 100 PCIe/HHHL Pro", "framework": "Qualcomm Cloud AI SDK v1.6.80"}


@pytest.mark.parametrize(
    ("changes", "stated", "platform"),
    [
        ({}, None, "nvidia-t4/tensorrt-8.0.1/int8"),
        ({}, "fp16", "nvidia-t4/tensorrt-8.0.1/fp16"),
        ({"n_accel": "8.0"}, None, "nvidia-t4/tensorrt-8.0.1/int8"),
        ({"framework": "CUDA 11.6"}, None, "nvidia-t4/tensorrt/int8"),
        ({"system": "A100x1_MaxQ_TRT_Triton"}, None, "nvidia-t4/tensorrt-8.0.1/int8+maxq+triton"),
        ({"accel": "NVIDIA A30 (1x1g.6gb MIG)"}, None, "nvidia-a30-mig-1g.6gb/tensorrt-8.0.1/int8"),
        (
            {"accel": "NVIDIA A100-SXM-80GB", "hw_notes": "NVIDIA A100-SXM-80GB-500W"},
            None,
            "nvidia-a100-sxm-80gb/tensorrt-8.0.1/int8+power-500w",
        ),
        (
            {"accel": "NVIDIA A100-SXM-80GB", "hw_notes": "400W_A100-SXM-80GB"},
            None,
            "nvidia-a100-sxm-80gb/tensorrt-8.0.1/int8",
        ),
        (
            {**XAVIER, "framework": "TFLite v2.5.0 (ruy)", "hw_notes": "Power mode: MODE_30W_6CORE"},
            "int8",
            "jetson-agx-xavier-cpu/tflite-2.5.0-ruy/int8+power-30w-6core",
        ),
        (
            {**XAVIER, "framework": "ArmNN v21.08 (Neon)", "hw_notes": "Power mode: MAXN"},
            None,
            "jetson-agx-xavier-cpu/armnn-21.08-neon/fp32",
        ),
        (
            {"accel": "Arm Mali-T860 MP4", "framework": "ArmNN v20.08 (OpenCL)"},
            None,
            "rk3399-mali-t860/armnn-20.08-opencl/fp32",
        ),
        (
            {
                **ARM,
                "cpu": "Arm Cortex-A72 MP4",
                "system": "rpi4coral-fan.off-x",
                "framework": "TFLite v1.15.0-rc2",
            },
            None,
            "raspberry-pi-4/tflite-1.15.0/fp32+fan-off",
        ),
        ({"accel": "", "framework": "OpenVINO"}, None, "xeon-gold-6248/openvino/int8+2s"),
        (
            {**CLOUD, "system": "r282_z93_q5-qaic-v1.6.80-aic100"},
            None,
            "qualcomm-cloud-ai-100-pro/qaic-1.6.80/int8",
        ),
        (
            {**CLOUD, "system": "r282_z93_q5e_prev-qaic-v1.8.0.73-aic100"},
            None,
            "qualcomm-cloud-ai-100-pro/qaic-1.6.80/int8+power-efficient",
        ),
        (
            {
                **CLOUD,
                "accel": "QUALCOMM Cloud AI 100 DM.2",
                "hw_notes": "With 20W Accelerator TDP constraints",
            },
            None,
            "qualcomm-cloud-ai-100-dm2/qaic-1.6.80/int8+power-20w",
        ),
        (
            {
                "accel": "NVIDIA GeForce GTX 1080",
                "system": "velociti-tensorflow-v1.14-tensorrt-dynamic",
                "framework": "TensorFlow v1.14 (TensorRT-dynamic)",
            },
            "fp32",
            "nvidia-gtx-1080/tensorflow-1.14-tensorrt-dynamic/fp32",
        ),
        (
            {
                "accel": "Nvidia Tesla K80",
                "system": "gcp-reference-gpu-tensorflow-v2.11.0-default_config",
                "framework": "Onnxruntime v1.14.0 with GPU support",
            },
            None,
            "nvidia-k80/tensorflow-2.11.0/fp32",
        ),
        (
            {
                "accel": "HanGuang 800",
                "system": "alibaba_HanGuang",
                "framework": "TensorFlow 1.13.1 6612da8951",
            },
            None,
            "alibaba-hanguang-800/hanguang/int8",
        ),
    ],
)
def test_platform_of_a_system(changes, stated, platform):
    assert mlperf.platform_id(system(**changes), stated) == platform


def test_system_described_as_another_board_is_the_board_of_its_name():
    wrong = system(**XAVIER, round="v2.0", division="open", system="odroid-tflite-v2.7.1-ruy")
    assert mlperf.device_id(wrong) == "odroid-n2-plus-cpu"
    assert mlperf.device_id({**wrong, "round": "v2.1"}) == "jetson-agx-xavier-cpu"


@pytest.mark.parametrize("changes", [{"accel": "NVIDIA Z99"}, {"accel": "-", "cpu": "Cortex-Z99"}])
def test_unknown_hardware_is_an_error(changes):
    with pytest.raises(KeyError, match="Z99"):
        mlperf.device_id(system(**changes))


def test_unknown_runtime_is_an_error():
    with pytest.raises(KeyError, match="homemade"):
        mlperf.runtime(system(system="box", framework="homemade"))


def write(folder, systems, results):
    (folder / "mlperf_inference").mkdir()
    for name, table, opened in (
        ("systems.csv", systems, open),
        ("singlestream_latency.csv.gz", results, gzip.open),
    ):
        with opened(folder / "mlperf_inference" / name, "wt", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(table[0]))
            writer.writeheader()
            writer.writerows(table)


def test_read_counts_what_it_drops(tmp_path):
    open_grid = system(sys_id="1", division="open")
    changed = system(sys_id="2", round="v1.0", division="open")
    float_gpu = system(
        sys_id="3", system="velociti-tensorflow-v1.14-cuda", framework="TensorFlow v1.14 (CUDA)"
    )
    grid = "mobilenet-v2-0.35-96-quantized"
    write(
        tmp_path,
        [system(), open_grid, changed, float_gpu],
        [
            result(),
            result(),
            result(p50_ms="0.0"),
            result(p50_ms="0", mean_ms="0"),
            result(valid="INVALID"),
            result(sys_id="1", valid="INVALID", model=grid),
            result(sys_id="2"),
            result(model="bert-99"),
            result(sys_id="3", model="bert-99"),
            result(sys_id="3", model="ssd-mobilenet-v1-quantized-mlperf"),
            result(model="rnnt"),
            result(model="3d-unet-99"),
        ],
    )
    dropped: Counter[str] = Counter()
    samples = list(mlperf.read(tmp_path, dropped))
    assert [(sample.graph_id, sample.latency_ms, sample.statistic) for sample in samples] == [
        ("resnet/50-224", 1.0, "p50"),
        ("resnet/50-224", 1.0, "p50"),
        ("resnet/50-224", 1.2, "mean"),
        ("mobilenet_v2/0.35-96", 1.0, "p50"),
        ("bert/large-384", 1.0, "p50"),
    ]
    assert dropped == {
        "no time measured": 1,
        "invalid": 1,
        "changed network": 1,
        "BERT without padding": 1,
        "simulated quantization": 1,
        "no_graph:rnnt": 1,
        "a volume is as many windows as its size asks for": 1,
    }


def test_mapped_devices_are_in_the_catalogue():
    table = mlperf.mapping()
    mapped = {*table.accelerators.values(), *table.cpus.values(), *table.misdescribed.values()}
    assert mapped <= set(devices())
    assert {devices()[device].kind for device in table.cpus.values()} == {"cpu"}
    assert "cpu" not in {devices()[device].kind for device in table.accelerators.values()}


@needs_data
def test_every_row_of_the_table_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    samples = list(mlperf.read(Path(DATA), dropped))
    assert len(samples) + dropped.total() == sum(1 for _ in mlperf.rows(Path(DATA)))
    assert len(samples) > 8000
    assert dropped["slower than a larger image"] == 9
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name


@needs_data
def test_names_without_a_graph_are_networks_that_the_zoo_does_not_have():
    models = {row["model"] for row in mlperf.rows(Path(DATA))}
    others = ("3d-unet", "rnnt", "gnmt", "gptj", "stable-diffusion", "rcnn", "yolo", "ssd-inception", "ssd-resnet50",
              "ssdlite", "ssd_resnet", "ssd_mobilenet_v2", "bert-99_", "huggingface-bert")  # fmt: skip
    exact = {"ssd-mobilenet-v1-fpn", "ssd-mobilenet-v1-fpn-sbp-coco", "ssd_mobilenet_v1_fpn_640x640"}
    exact.add("ssd-mobilenet-v2-edgetpu")
    for model in models:
        assert (mlperf.graph(model) is None) == (model in exact or model.startswith(others)), model


@needs_data
def test_the_mapping_has_no_description_that_the_table_lacks():
    known = mlperf.systems(Path(DATA)).values()
    table = mlperf.mapping()
    assert set(table.cpus) <= {entry["cpu"] for entry in known if entry["accel"].strip() in ("", "-")}
    assert set(table.accelerators) <= {entry["accel"].strip() for entry in known}
    keys = {(entry["round"], entry["division"], entry["system"]) for entry in known}
    assert {*table.misdescribed, *table.excluded} <= keys
    runtimes = {sample.platform.split("/")[1] for sample in mlperf.read(Path(DATA), Counter())}
    assert all(any(runtime.startswith(base) for runtime in runtimes) for base in table.precision)


@needs_data
def test_no_sample_is_faster_than_the_peak_allows():
    macs = {
        "resnet/50-224": 4.1e9, "mobilenet_v1/1.0-224": 0.57e9, "ssd_resnet34/1200": 216e9, "bert/large-384": 123e9,
        "efficientnet_lite/4": 2.5e9,
    }  # fmt: skip
    checked = 0
    for sample in mlperf.read(Path(DATA), Counter()):
        platform = resolve(sample.platform)
        if sample.graph_id in macs and platform.peak_gops:
            checked += 1
            assert sample.latency_ms > 2e-6 * macs[sample.graph_id] / platform.peak_gops, sample
    assert checked > 600
