"""Lint of the catalogue files for NPUs, microcontrollers and the boards of sources that name networks."""

import tomllib
from collections import Counter
from importlib.resources import files

import pytest

from ledg_rt.platforms.catalogue import cores, devices

CARDS = {"nvidia-v100"}
FILES = ("microcontrollers.toml", "npus.toml", "paddle.toml", "qualcomm.toml")
RANGES = {  # least and greatest figure that hardware of these files has
    "bandwidth_gbs": (1, 140),  # of cards: 5000
    "memory_gb": (0.0001, 64),
    "power_w": (0.001, 200),
    "process_nm": (3, 90),
    "clock_ghz": (0.02, 3.6),
    "year": (2006, 2026),
}
PEAKS = {"npu": (100, 110_000), "cpu": (0.01, 5000), "mcu": (0.01, 1000), "gpu": (100, 150_000)}
"""Least and greatest 10^9 operations a second, by kind."""


def entries(*names):
    for name in names:
        text = (files("ledg_rt.platforms") / "devices" / name).read_text(encoding="utf-8")
        yield from (devices()[entry["id"]] for entry in tomllib.loads(text)["device"])


def test_figures_are_in_the_range_of_such_hardware():
    for device in entries(*FILES):
        for field, (low, high) in RANGES.items():
            value = getattr(device, field)
            if field == "bandwidth_gbs" and device.chip in CARDS:
                high = 5000
            assert value is None or low <= value <= high, f"{device.id}: {field} = {value}"
        low, high = PEAKS[device.kind]
        for precision, peak in device.peak_gops.items():
            assert low <= peak <= high, f"{device.id}: {precision} = {peak}"


def test_clusters_are_of_known_cores():
    for device in entries(*FILES):
        assert not device.clusters or device.kind in ("cpu", "mcu"), device.id
        for cluster in device.clusters:
            assert cluster.core in cores(), f"{device.id}: {cluster.core}"
            assert 1 <= cluster.count <= 64, device.id
            assert 0.02 <= cluster.clock_ghz <= 5, device.id


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
        peaks = [
            device.peak_gops[name] for name in ("fp32", "fp16", "int8", "int4") if name in device.peak_gops
        ]
        assert peaks == sorted(peaks), device.id


@pytest.mark.parametrize(
    ("words", "device"),
    [("QCS8550, int8", "qcs8550-hexagon"), ("Snapdragon 8 Gen 3, fp16", "snapdragon-8-gen-3-hexagon")],
)
def test_words_find_the_devices(words, device):
    from ledg_rt.platforms.resolve import resolve

    assert resolve(words).device == device
