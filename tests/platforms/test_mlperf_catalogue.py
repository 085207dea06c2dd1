"""Lint of the catalogue files for servers, NVIDIA cards, accelerators and the boards of MLPerf and HELP."""

import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from ledg_rt.platforms.catalogue import cores, devices

FILES = ("servers.toml", "gpus_nvidia.toml", "accelerators.toml", "help.toml", "mlperf_boards.toml")
RANGES = {  # least and greatest figure that hardware of these files has
    "bandwidth_gbs": (3, 2100),
    "memory_gb": (0.005, 100),
    "power_w": (1, 500),
    "process_nm": (4, 28),
    "clock_ghz": (0.5, 2.6),
    "year": (2012, 2025),
}
INTEL_SERVER = "x86.toml"


def entries(*names):
    for name in names:
        text = (files("ledg_rt.platforms") / "devices" / name).read_text(encoding="utf-8")
        yield from (devices()[entry["id"]] for entry in tomllib.loads(text)["device"])


def test_figures_are_in_the_range_of_such_hardware():
    for device in entries(*FILES):
        for field, (low, high) in RANGES.items():
            value = getattr(device, field)
            assert value is None or low <= value <= high, f"{device.id}: {field} = {value}"
        for precision, peak in device.peak_gops.items():
            assert 500 <= peak <= 1.3e6, f"{device.id}: {precision} = {peak}"


def test_cpus_have_clusters_of_known_cores_and_others_have_none():
    unknown = {"samsung-galaxy-s7-cpu"}  # one of two processors
    for device in entries(*FILES):
        assert bool(device.clusters) == (device.kind == "cpu" and device.id not in unknown), device.id
        for cluster in device.clusters:
            assert cluster.core in cores(), f"{device.id}: {cluster.core}"
            assert 1 <= cluster.count <= 64, device.id
            assert 1.0 <= cluster.clock_ghz <= 5.8, device.id


def test_ids_aliases_and_sources_are_well_formed():
    for device in entries(*FILES):
        assert device.id == device.id.lower().strip(), device.id
        assert not set(device.id) & set(" /+_"), device.id
        assert not set(device.chip) & set(" /+_"), device.id
        assert all(alias == alias.lower().strip() for alias in device.aliases), device.id
        assert device.sources.get("all"), device.id
        assert set(device.sources) <= {"all", *device.__slots__}, device.id


def test_no_two_devices_answer_to_one_alias():
    ours = {alias for device in entries(*FILES) for alias in device.aliases}
    holders = Counter(alias for device in devices().values() for alias in device.aliases)
    assert not [alias for alias in ours if holders[alias] > 1]


def test_peaks_of_lower_precision_are_not_lower():
    for device in entries(*FILES):
        order = ("fp64", "fp32", "tf32", "bf16", "fp16", "int8", "int4")
        peaks = [device.peak_gops[precision] for precision in order if precision in device.peak_gops]
        assert peaks == sorted(peaks), device.id


def test_cuda_cores_and_boost_clock_give_the_fp32_peak():
    checked = 0
    for device in entries("gpus_nvidia.toml", "help.toml", "mlperf_boards.toml"):
        if device.vendor == "NVIDIA" and device.cores and device.clock_ghz and "fp32" in device.peak_gops:
            checked += 1
            assert device.peak_gops["fp32"] == pytest.approx(2 * device.cores * device.clock_ghz, rel=0.02), (
                device.id
            )
    assert checked > 20


def test_a_slice_is_a_part_of_its_chip():
    whole = {"nvidia-a100": "nvidia-a100-sxm-80gb", "nvidia-a30": "nvidia-a30"}
    slices = [device for device in entries("gpus_nvidia.toml") if "-mig-" in device.id]
    assert len(slices) == 4
    for device in slices:
        gpu = devices()[whole[device.chip]]
        assert device.power_w is None, device.id
        assert device.memory_gb <= gpu.memory_gb / 4, device.id
        for precision, peak in device.peak_gops.items():
            share = device.cores / gpu.cores
            assert peak == pytest.approx(share * gpu.peak_gops[precision], rel=0.01), device.id


def test_memory_channels_give_the_bandwidth_of_servers():
    checked = 0
    for device in entries("servers.toml"):
        note = device.sources.get("bandwidth_gbs", "")
        if "channels" in note:
            words = note.replace(",", "").split()
            checked += 1
            rate = float(words[0].partition("-")[2]) * float(words[1]) * 8 / 1000
            assert device.bandwidth_gbs == pytest.approx(rate, rel=0.01), device.id
    assert checked > 8


def test_server_core_rates_name_their_source_and_grow_as_elements_shrink():
    table = tomllib.loads((files("ledg_rt.platforms") / "cores" / INTEL_SERVER).read_text(encoding="utf-8"))
    for core_id in table:
        core = cores()[core_id]
        assert core.source, core_id
        rates = [
            core.ops_per_cycle[name]
            for name in ("fp64", "fp32", "fp16", "bf16", "int8")
            if name in core.ops_per_cycle
        ]
        assert rates == sorted(rates), core_id
        assert all(rate & (rate - 1) == 0 for rate in rates), core_id
