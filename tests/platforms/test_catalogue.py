"""Lint of every file of the catalogue: units, ranges, references, and figures that follow from one another."""

import re
import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from ledg_rt.platforms.catalogue import cores, devices
from ledg_rt.platforms.resolve import resolve

EVERY = pytest.mark.parametrize("device", devices().values(), ids=lambda device: device.id)

RANGES = {  # least and greatest figure that hardware of the catalogue has
    "cpu": {"bandwidth_gbs": (2, 900), "memory_gb": (0.1, 128), "power_w": (1, 500), "process_nm": (3, 90), "clock_ghz": (0.5, 5.8)},
    "gpu": {"bandwidth_gbs": (7, 8000), "memory_gb": (1, 288), "power_w": (2, 1400), "process_nm": (3, 32), "clock_ghz": (0.2, 3.2)},
    "npu": {"bandwidth_gbs": (1, 4000), "memory_gb": (0.0001, 128), "power_w": (0.1, 900), "process_nm": (3, 55), "clock_ghz": (0.05, 3)},
    "dsp": {"bandwidth_gbs": (3, 150), "process_nm": (3, 28), "clock_ghz": (0.2, 3)},
    "tpu": {"bandwidth_gbs": (500, 7400), "memory_gb": (0.005, 192), "power_w": (1, 500), "process_nm": (5, 28), "clock_ghz": (0.2, 2)},
    "fpga": {"bandwidth_gbs": (3, 500), "memory_gb": (4, 64), "power_w": (5, 300), "process_nm": (7, 28), "clock_ghz": (0.1, 1)},
    "mcu": {"bandwidth_gbs": (0.01, 10), "memory_gb": (0.0001, 0.02), "power_w": (0.001, 1), "process_nm": (16, 90), "clock_ghz": (0.02, 1)},
}  # fmt: skip
PEAKS_GOPS = {
    "cpu": (0.01, 20_000), "gpu": (15, 6e6), "npu": (10, 2e6), "dsp": (10, 50_000), "tpu": (1000, 2e6),
    "fpga": (100, 200_000), "mcu": (0.01, 1000),
}  # fmt: skip
RISING = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "int4")
"""Precisions whose peaks do not fall in this order."""

LANES = {"NVIDIA": 2, "AMD": 2}
"""Whose fp32 peak is that many operations a cycle of each of ``cores``; others count units, not lanes."""

DUAL_ISSUE = ("RDNA 3", "RDNA 4")
"""Architectures whose lanes issue two operations, which their fp32 peak counts."""

UNITS = {
    "ryzen-v1605b-vega-8",
    "amd-instinct-mi100",
    "amd-instinct-mi210",
    "amd-instinct-mi250-gcd",
    "amd-instinct-mi300x",
}
"""Devices of ``LANES`` whose ``cores`` are compute units, or that double the peak by matrix units."""


@EVERY
def test_figures_are_in_the_range_of_such_hardware(device):
    for field, (low, high) in RANGES[device.kind].items():
        value = getattr(device, field)
        assert value is None or low <= value <= high, field
    low, high = PEAKS_GOPS[device.kind]
    for precision, peak in device.peak_gops.items():
        assert low <= peak <= high, precision
    assert device.year is None or 2005 <= device.year <= 2026


@EVERY
def test_processors_alone_have_clusters_of_known_cores_from_the_fastest_on(device):
    assert not device.clusters or device.kind == "cpu"
    for cluster in device.clusters:
        assert cluster.core in cores()
        assert 1 <= cluster.count <= 192
        assert 0.5 <= cluster.clock_ghz <= 5.8
    clocks = [cluster.clock_ghz for cluster in device.clusters]
    assert clocks == sorted(clocks, reverse=True)


@EVERY
def test_ids_aliases_and_sources_are_well_formed(device):
    for name in (device.id, device.chip):
        assert name == name.lower().strip()
        assert not set(name) & set(" /+_")
    assert all(alias == alias.lower().strip() for alias in device.aliases)
    assert device.sources.get("all")
    assert set(device.sources) <= {"all", *device.__slots__}


@EVERY
def test_peaks_of_lower_precision_are_not_lower(device):
    peaks = [device.peak_gops[precision] for precision in RISING if precision in device.peak_gops]
    assert peaks == sorted(peaks)


def test_no_two_devices_answer_to_one_alias():
    holders = Counter(alias for device in devices().values() for alias in device.aliases)
    assert not [alias for alias, count in holders.items() if count > 1]


def test_lanes_and_clock_give_the_fp32_peak():
    found = [
        device
        for device in devices().values()
        if device.vendor in LANES and device.kind == "gpu" and device.id not in UNITS
        and device.cores and device.clock_ghz and "fp32" in device.peak_gops
    ]  # fmt: skip
    for device in found:
        lanes = LANES[device.vendor] * device.cores * (2 if device.architecture in DUAL_ISSUE else 1)
        assert device.peak_gops["fp32"] == pytest.approx(lanes * device.clock_ghz, rel=0.03), device.id
    assert len(found) > 40


def test_transfers_and_width_give_the_bandwidth():
    found = 0
    for device in devices().values():
        note = device.sources.get("bandwidth_gbs", "")
        memory = re.match(r"\w*DDR\w*-(\d+), (\d+) (bit|channels?): computed", note)
        if memory:
            found += 1
            bits = int(memory[2]) * (1 if memory[3] == "bit" else 64)
            assert device.bandwidth_gbs == pytest.approx(int(memory[1]) * bits / 8000, rel=0.02), device.id
    assert found > 80


def test_a_slice_is_a_part_of_its_chip():
    whole = {"nvidia-a100": "nvidia-a100-sxm-80gb", "nvidia-a30": "nvidia-a30"}
    slices = [device for device in devices().values() if "-mig-" in device.id]
    assert len(slices) > 3
    for device in slices:
        gpu = devices()[whole[device.chip]]
        assert device.power_w is None, device.id
        assert device.memory_gb is None or device.memory_gb <= gpu.memory_gb / 4, device.id
        for precision, peak in device.peak_gops.items():
            share = device.cores / gpu.cores
            assert peak == pytest.approx(share * gpu.peak_gops[precision], rel=0.01), device.id


@pytest.mark.parametrize("core", cores().values(), ids=lambda core: core.id)
def test_core_rates_name_their_source_and_are_of_pipes_whose_lanes_grow_as_elements_shrink(core):
    assert bool(core.source) == bool(core.ops_per_cycle)
    rates = [
        core.ops_per_cycle[name]
        for name in ("fp64", "fp32", "fp16", "bf16", "int8")
        if name in core.ops_per_cycle
    ]
    assert rates == sorted(rates)
    # Lanes and operations are powers of two; pipes are too, or three or six.
    assert all(
        part & (part - 1) == 0
        for rate in core.ops_per_cycle.values()
        for part in [rate // 3 if rate % 3 == 0 else rate]
    )


@pytest.mark.parametrize("core", cores().values(), ids=lambda core: core.id)
def test_wide_cores_do_not_wait_and_narrow_ones_do(core):
    assert core.pipeline in (None, "in order", "out of order")
    if core.decode is not None:
        assert core.decode in {"in order": range(1, 4), "out of order": range(2, 11)}[core.pipeline]


@pytest.mark.parametrize(
    ("core", "pipeline", "decode"),
    [
        ("cortex-a53", "in order", 2), ("cortex-a55", "in order", 2), ("cortex-a72", "out of order", 3), ("cortex-a73", "out of order", 2),
        ("cortex-a76", "out of order", 4), ("cortex-x3", "out of order", 6), ("firestorm", "out of order", 8), ("skylake-server", "out of order", 4),
        ("ice-lake-server", "out of order", 4), ("golden-cove", "out of order", 6), ("zen3", "out of order", 4), ("sifive-u74", "in order", 2),
    ],
)  # fmt: skip
def test_pipelines_of_well_known_cores(core, pipeline, decode):
    assert (cores()[core].pipeline, cores()[core].decode) == (pipeline, decode)


def test_most_processors_of_the_catalogue_have_cores_whose_pipeline_is_known():
    used = [device.clusters[0].core for device in devices().values() if device.clusters]
    assert sum(cores()[core].pipeline is not None for core in used) > 0.95 * len(used)


def test_every_file_of_the_catalogue_is_read():
    for folder, known in (("cores", cores()), ("devices", devices())):
        for entry in (files("ledg_rt.platforms") / folder).iterdir():
            table = tomllib.loads(entry.read_text(encoding="utf-8"))
            names = table if folder == "cores" else [device["id"] for device in table["device"]]
            assert set(names) <= set(known), entry.name


@pytest.mark.parametrize(
    ("words", "device"),
    [("QCS8550, int8", "qcs8550-hexagon"), ("Snapdragon 8 Gen 3, fp16", "snapdragon-8-gen-3-hexagon")],
)
def test_words_find_the_devices(words, device):
    assert resolve(words).device == device
