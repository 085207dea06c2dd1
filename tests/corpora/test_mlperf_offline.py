import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from ledg_export.corpora import SOURCES
from ledg_export.corpora import mlperf_offline as offline
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.resolve import resolve

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(DATA is None, reason="LEDG_DATA is not set")

ROW = {
    "round": "v1.0", "division": "closed", "submitter": "NVIDIA", "system": "A30x1_TRT", "model": "resnet50",
    "valid": "VALID", "samples_per_s": "16000", "cpu": "AMD EPYC 7742", "n_cpu": "1", "accel": "NVIDIA A30",
    "n_accel": "1", "framework": "TensorRT 7.2.3, CUDA 11.1",
}  # fmt: skip

CPU = "Intel(R) Xeon(R) Platinum 8276 CPU @ 2.20GHz"


def read(folder, *changes):
    path = folder / "mlperf_inference"
    path.mkdir()
    system = {**ROW, "sys_id": "1", "system": "A30x1_TRT_Triton", "hw_notes": ""}
    with (path / "systems.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(system))
        writer.writeheader()
        writer.writerow(system)
    with gzip.open(path / "offline_throughput.csv.gz", "wt", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(ROW))
        writer.writeheader()
        writer.writerows(ROW | change for change in changes)
    dropped: Counter[str] = Counter()
    return list(offline.read(folder, dropped)), dropped


def test_samples_a_second_become_a_throughput_of_the_single_stream_platform(tmp_path):
    samples, dropped = read(tmp_path, {}, {"system": "A30x1_TRT_Triton"})
    assert [(sample.platform, sample.latency_ms, sample.batch) for sample in samples] == [
        ("nvidia-a30/tensorrt-7.2.3/int8+throughput", 0.0625, 1),
        ("nvidia-a30/tensorrt-7.2.3/int8+throughput+triton", 0.0625, 1),
    ]
    assert {sample.statistic for sample in samples} == {"throughput"}
    assert not dropped


def test_what_is_left_out_is_counted(tmp_path):
    samples, dropped = read(
        tmp_path,
        {"n_accel": "8"},
        {"valid": "INVALID"},
        {"model": "bert-99"},
        {"model": "gptj-99"},
        {"accel": "NVIDIA Z99"},
        {"framework": "homemade", "system": "box"},
        {"accel": "NVIDIA Xavier NX"},
        {"accel": "-", "n_accel": "0", "cpu": CPU, "n_cpu": "2", "framework": "OpenVINO"},
    )
    assert not samples
    assert dropped == {
        "several accelerators": 1,
        "invalid": 1,
        "BERT without padding": 1,
        "no_graph:gptj-99": 1,
        "hardware or runtime without single-stream rows": 2,
        "several sockets": 1,
        "GPU and DLAs at once": 1,
    }


@needs_data
def test_every_row_is_kept_or_counted_and_resolves():
    assert SOURCES["mlperf_offline"] is offline.read
    dropped: Counter[str] = Counter()
    samples = list(offline.read(Path(DATA), dropped))
    assert len(samples) + dropped.total() == sum(1 for _ in offline.rows(Path(DATA)))
    assert len(samples) >= 400
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name
        assert "throughput" in platform.tags


@needs_data
def test_no_throughput_is_beyond_the_peak():
    gmacs = {
        "resnet/50-224": 4.09,
        "mobilenet_v1/1.0-224": 0.56,
        "ssd_resnet34/1200": 216,
        "bert/large-384": 123,
    }
    checked = 0
    for sample in offline.read(Path(DATA), Counter()):
        peak = resolve(sample.platform).peak_gops
        if sample.graph_id in gmacs and peak:
            checked += 1
            assert sample.latency_ms > 2000 * gmacs[sample.graph_id] / peak / 2.25, sample
    assert checked > 150
