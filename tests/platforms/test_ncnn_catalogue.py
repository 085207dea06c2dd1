"""Lint of the catalogue files for boards, phones and desktops: units, ranges, references."""

import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from ledg_rt.platforms.catalogue import cores, devices

RANGES = {  # least and greatest figure that hardware of these files has
    "boards.toml": {
        "bandwidth_gbs": (1, 250),
        "power_w": (1, 75),
        "process_nm": (4, 65),
        "memory_gb": (0.1, 64),
    },
    "phones.toml": {
        "bandwidth_gbs": (1, 150),
        "power_w": (0.5, 60),
        "process_nm": (3, 65),
        "memory_gb": (0.1, 64),
    },
    "desktop_ncnn.toml": {
        "bandwidth_gbs": (5, 1200),
        "power_w": (1, 400),
        "process_nm": (4, 90),
        "memory_gb": (1, 64),
    },
}
CPU_CLOCKS = {"boards.toml": (0.5, 3.0), "phones.toml": (1.0, 3.6), "desktop_ncnn.toml": (1.0, 5.5)}


def entries(name):
    text = (files("ledg_rt.platforms") / "devices" / name).read_text(encoding="utf-8")
    return [devices()[entry["id"]] for entry in tomllib.loads(text)["device"]]


@pytest.mark.parametrize("name", RANGES)
def test_figures_are_in_the_range_of_such_hardware(name):
    for device in entries(name):
        for field, (low, high) in RANGES[name].items():
            value = getattr(device, field)
            assert value is None or low <= value <= high, f"{device.id}: {field} = {value}"
        assert device.year is None or 2005 <= device.year <= 2026, device.id
        if device.kind == "gpu":
            assert device.clock_ghz is None or 0.3 <= device.clock_ghz <= 2.6, device.id


@pytest.mark.parametrize("name", RANGES)
def test_clusters_name_known_cores_and_fall_in_speed(name):
    low, high = CPU_CLOCKS[name]
    for device in entries(name):
        assert bool(device.clusters) == (device.kind == "cpu"), device.id
        clocks = []
        for cluster in device.clusters:
            assert cluster.core in cores(), f"{device.id}: {cluster.core}"
            assert low <= cluster.clock_ghz <= high, device.id
            assert 1 <= cluster.count <= 128, device.id
            clocks.append(cluster.clock_ghz)
        assert clocks == sorted(clocks, reverse=True), device.id


@pytest.mark.parametrize("name", RANGES)
def test_ids_aliases_and_sources_are_well_formed(name):
    for device in entries(name):
        assert device.id == device.id.lower().strip(), device.id
        assert not set(device.id) & set(" /+_"), device.id
        assert all(alias == alias.lower().strip() for alias in device.aliases), device.id
        assert device.sources.get("all"), device.id
        assert set(device.sources) <= {"all", *device.__slots__}, device.id


def test_no_two_devices_answer_to_one_alias():
    ours = {alias for name in RANGES for device in entries(name) for alias in device.aliases}
    holders = Counter(alias for device in devices().values() for alias in device.aliases)
    assert not [alias for alias in ours if holders[alias] > 1]


def test_peaks_of_lower_precision_are_not_lower():
    for name in RANGES:
        for device in entries(name):
            peaks = [device.peak_gops[p] for p in ("fp32", "fp16", "int8") if p in device.peak_gops]
            assert peaks == sorted(peaks), device.id


def test_shader_peaks_follow_from_lanes_and_clock():
    # AMD and NVIDIA count a lane as a core: two operations a cycle each.
    for device in entries("desktop_ncnn.toml"):
        if device.kind == "gpu" and device.memory_gb and device.cores and device.clock_ghz:
            assert device.peak_gops["fp32"] == pytest.approx(2 * device.cores * device.clock_ghz, rel=0.03), (
                device.id
            )


@pytest.mark.parametrize("name", ["arm.toml", "riscv.toml", "loongson.toml", "x86_client.toml"])
def test_core_rates_name_their_source_and_are_powers_of_two(name):
    table = tomllib.loads((files("ledg_rt.platforms") / "cores" / name).read_text(encoding="utf-8"))
    for core_id in table:
        core = cores()[core_id]
        assert bool(core.source) == bool(core.ops_per_cycle), core_id
        for rate in core.ops_per_cycle.values():
            assert rate in {2, 4, 8, 16, 32, 64, 128, 256}, core_id
