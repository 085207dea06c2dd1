"""Lint of the catalogue files for the architecture-search tables and for timm's benchmark."""

import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from ledg_rt.platforms.catalogue import cores, devices

FILES = ("nas_tables.toml", "timm.toml")
RANGES = {
    "bandwidth_gbs": (15, 4000),
    "power_w": (1, 600),
    "process_nm": (3, 32),
    "memory_gb": (0.005, 128),
    "clock_ghz": (0.2, 2.6),
}
LEAST_BANDWIDTH = {"gpu": 25, "tpu": 500}


def entries():
    for name in FILES:
        text = (files("ledg_rt.platforms") / "devices" / name).read_text(encoding="utf-8")
        yield from (devices()[entry["id"]] for entry in tomllib.loads(text)["device"])


ENTRIES = tuple(entries())


@pytest.mark.parametrize("device", ENTRIES, ids=lambda device: device.id)
def test_figures_are_in_the_range_of_such_hardware_and_have_a_source(device):
    for field, (low, high) in RANGES.items():
        value = getattr(device, field)
        assert value is None or low <= value <= high, field
    assert device.bandwidth_gbs is None or device.bandwidth_gbs >= LEAST_BANDWIDTH.get(device.kind, 15)
    assert device.year is None or 2010 <= device.year <= 2026
    assert device.sources.get("all")
    assert set(device.sources) <= {"all", *device.__slots__}
    assert device.id == device.id.lower()
    assert not set(device.id) & set(" /+_")


@pytest.mark.parametrize("device", ENTRIES, ids=lambda device: device.id)
def test_processors_have_clusters_of_known_cores_and_nothing_else_has(device):
    assert bool(device.clusters) == (device.kind == "cpu")
    for cluster in device.clusters:
        assert cluster.core in cores()
        assert 1 <= cluster.clock_ghz <= 4


@pytest.mark.parametrize("device", ENTRIES, ids=lambda device: device.id)
def test_peaks_do_not_fall_with_precision_and_follow_from_lanes_and_clock(device):
    peaks = [device.peak_gops[name] for name in ("fp32", "fp16", "int8") if name in device.peak_gops]
    assert peaks == sorted(peaks)
    if device.kind == "gpu" and device.cores and device.vendor == "NVIDIA":
        assert device.peak_gops["fp32"] == pytest.approx(2 * device.cores * device.clock_ghz, rel=0.03)


def test_no_two_devices_answer_to_one_alias():
    holders = Counter(alias for device in devices().values() for alias in device.aliases)
    assert not [alias for device in ENTRIES for alias in device.aliases if holders[alias] > 1]
