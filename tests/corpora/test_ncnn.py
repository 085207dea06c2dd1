import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from ledg_export.corpora import ncnn
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import cores, devices

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")

SNAPDRAGON = next(text for text in ncnn.mapping().hosts if "Snapdragon 888" in text)
RASPBERRY = next(text for text in ncnn.mapping().hosts if "BCM2712, Cortex-A76" in text)


def row(**changes):
    """A row of the table as it is read, one network on four big cores of a Snapdragon 888."""
    fields = {
        "device_text": SNAPDRAGON, "run_id": "1", "num_threads": "4", "powersave": "2", "backend": "cpu",
        "gpu_name": "", "gpu_caps": "", "param_file": "resnet18.param", "min_ms": "10.0", "avg_ms": "11.0",
    }  # fmt: skip
    return fields | changes


@pytest.mark.parametrize(
    ("changes", "platform"),
    [
        ({}, "snapdragon-888-cpu/ncnn/fp16/4t"),
        ({"param_file": "resnet18_int8.param"}, "snapdragon-888-cpu/ncnn/int8/4t"),
        ({"powersave": "1"}, "snapdragon-888-cpu/ncnn/fp16/4t+little"),
        ({"powersave": "0", "num_threads": "8"}, "snapdragon-888-cpu/ncnn/fp16/8t+allcores"),
        ({"device_text": RASPBERRY, "powersave": "0"}, "raspberry-pi-5/ncnn/fp16/4t"),
        ({"device_text": RASPBERRY, "powersave": "1"}, "raspberry-pi-5/ncnn/fp16/4t"),
        ({"run_id": "224"}, "snapdragon-888-cpu/ncnn/fp16/4t+avx2"),
    ],
)
def test_platform_of_a_cpu_row(changes, platform):
    assert ncnn.platform_id(row(**changes)) == platform


@pytest.mark.parametrize(
    ("caps", "software"),
    [
        ("queueC=0[3] | fp16-p/s/a=1/1/1  int8-p/s/a=1/1/1 | subgroup=64", "fp16"),
        ("queueC=0[3] | fp16-p/s/u/a=1/1/0/1  int8-p/s/u/a=1/0/0/1", "fp16"),
        ("queueC=0[3] | fp16-p/s/u/a=1/1/1/0  int8-p/s/u/a=1/0/0/1", "fp32+fp16-storage"),
        ("queueC=0[3] | fp16p=1  fp16s=0  fp16a=1  int8s=0  int8a=0", "fp16"),
        ("queueC=0[3] | fp16p=1  fp16s=0  fp16a=0  int8s=0  int8a=0", "fp32+fp16-storage"),
        ("queueC=0[3] | fp16p=0  fp16s=0  fp16a=0  int8s=1  int8a=1", "fp32"),
    ],
)
def test_precision_of_vulkan_follows_the_logged_flags(caps, software):
    vulkan = row(backend="vulkan", gpu_name="Adreno (TM) 660", gpu_caps=caps)
    assert ncnn.platform_id(vulkan) == f"snapdragon-888-adreno-660/ncnn-vulkan/{software}"


def test_graphics_behind_direct3d_are_tagged():
    host = next(
        entry for entry in ncnn.mapping().hosts.values() if "nvidia-rtx-3070-laptop" in entry.gpus.values()
    )
    name = next(name for name, device in host.gpus.items() if device == "nvidia-rtx-3070-laptop")
    vulkan = row(device_text=host.text, backend="vulkan", gpu_name=name, gpu_caps="fp16-p/s/a=1/1/1")
    assert ncnn.platform_id(vulkan) == "nvidia-rtx-3070-laptop/ncnn-vulkan/fp16+d3d12"


def test_a_vulkan_row_without_a_gpu_was_run_on_the_cpu():
    assert ncnn.device_id(row(backend="vulkan")) == "snapdragon-888-cpu"


def write(folder, rows):
    (folder / "ncnn").mkdir()
    with gzip.open(folder / "ncnn" / "ncnn_benchmark.csv.gz", "wt", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_read_counts_what_it_drops(tmp_path):
    vulkan = {"backend": "vulkan", "gpu_name": "Adreno (TM) 660", "gpu_caps": "fp16-p/s/a=1/1/1"}
    write(
        tmp_path,
        [
            row(),
            row(),
            row(avg_ms="30.1"),
            row(avg_ms="29.9"),
            row(min_ms="0.00"),
            row(**vulkan),
            row(**vulkan, param_file="resnet18_int8.param"),
            row(**vulkan, run_id="64"),
        ],
    )
    dropped: Counter[str] = Counter()
    samples = list(ncnn.read(tmp_path, dropped))
    assert [sample.latency_ms for sample in samples] == [11.0, 11.0, 29.9, 11.0]
    assert samples[0].graph_id == "ncnn/resnet18"
    assert (samples[0].family, samples[0].batch, samples[0].statistic) == ("resnet", 1, "mean")
    assert dropped == {
        "noisy loop": 1,
        "no time measured": 1,
        "int8 on Vulkan: ncnn runs it on the CPU": 1,
        "driver skipped the work": 1,
    }


def test_unknown_heading_is_an_error(tmp_path):
    write(tmp_path, [row(device_text="A board nobody mapped")])
    with pytest.raises(KeyError, match="nobody mapped"):
        list(ncnn.read(tmp_path, Counter()))


def test_mapped_devices_are_in_the_catalogue_and_share_the_chip_of_their_host():
    catalogue = devices()
    for host in ncnn.mapping().hosts.values():
        ids = [*([host.cpu] if host.cpu else []), *host.gpus.values()]
        assert ids, host.text
        assert set(ids) <= set(catalogue), host.text
        for gpu in host.gpus.values():
            assert catalogue[gpu].kind == "gpu"
            integrated = (
                catalogue[gpu].memory_gb is None or "jetson" in gpu or catalogue[gpu].vendor == "Apple"
            )
            if host.cpu and integrated:
                assert catalogue[gpu].chip == catalogue[host.cpu].chip, gpu


def test_floats_are_fp16_only_where_no_core_lacks_half_precision():
    # Cores without known rates (RISC-V vectors, Carmel) cannot speak against it.
    for host in ncnn.mapping().hosts.values():
        if host.cpu and host.float == "fp16":
            rates = [cores()[cluster.core].ops_per_cycle for cluster in devices()[host.cpu].clusters]
            assert all("fp16" in rate for rate in rates if rate), host.text


@needs_data
def test_every_row_of_the_table_resolves():
    dropped: Counter[str] = Counter()
    samples = list(ncnn.read(Path(DATA), dropped))
    assert len(samples) + dropped.total() == sum(1 for _ in ncnn.rows(Path(DATA)))
    assert len(samples) > 7000
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name


@needs_data
def test_every_heading_of_the_table_is_mapped_and_none_besides():
    assert {entry["device_text"] for entry in ncnn.rows(Path(DATA))} == set(ncnn.mapping().hosts)


@needs_data
def test_no_sample_is_faster_than_the_peak_allows():
    # 15.5 GMACs; Winograd F(6x6, 3x3) saves at most 5.06 of them.
    for sample in ncnn.read(Path(DATA), Counter()):
        platform = resolve(sample.platform)
        if sample.graph_id == "ncnn/vgg16" and platform.peak_gops:
            assert sample.latency_ms > 2 * 15.47e3 / 5.06 / platform.peak_gops, sample
