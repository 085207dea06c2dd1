"""Cores, counts and clocks in the orders in which benchmark tables write them."""

import pytest

from ledg_rt.errors import PlatformError
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import cores
from ledg_rt.platforms.composition import TIERS, composition
from ledg_rt.platforms.product_lines import products


def read(text):
    lower = text.lower()
    found = composition(lower, products(lower))
    return [(cluster.core, cluster.count, cluster.clock_ghz) for cluster in found.clusters]


@pytest.mark.parametrize(
    "text",
    [
        "Cortex-A76 2.4GHz x 4 + Cortex-A55 1.8GHz x 4", "4x Cortex-A76 @ 2.4 GHz + 4x Cortex-A55 @ 1.8 GHz",
        "Quad Core A76 2.4GHz + Quad Core A55 1.8GHz", "4x2.4 GHz Cortex-A76 & 4x1.8 GHz Cortex-A55",
        "Octa-core (4x2.4 GHz Cortex-A76 & 4x1.8 GHz Cortex-A55)", "4x 2.4 GHz - Cortex-A76, 4x 1.8 GHz - Cortex-A55",
        "4x (Cortex-A76 @ 2400 MHz); 4x (Cortex-A55 @ 1800 MHz)", "Cortex A76 2.4GHz * 4 + Cortex A55 1.8GHz * 4",
        "Cortex-A76 MP4 (big); Cortex-A55 MP4 (LITTLE), 2400 MHz (big), 1800 MHz (LITTLE)",
        "Cortex-A55@1.8GHz x4 + Cortex-A76@2.4GHz x4", "quad-core Cortex-A76 at 2,4 GHz and quad-core Cortex-A55 at 1.8 GHz",
    ],
)  # fmt: skip
def test_two_clusters_in_every_order(text):
    assert read(text) == [("cortex-a76", 4, 2.4), ("cortex-a55", 4, 1.8)]


@pytest.mark.parametrize(
    "text",
    [
        "Cortex-A53 1.4GHz x 4", "Cortex-A53 (ARMv8) (1.4GHz x 4)", "Cortex-A53, 4 × 1.4GHz", "quad core Cortex-A53, 1.4 GHz",
        "1.4 GHz Cortex-A53 x 4", "4-core Cortex-A53 CPU 1400 MHz", "Cortex-A53 with four cores at 1.4 GHz",
        "Cortex-A53 MP4 1.4 GHz", "Cortex-A53, 4 vCPU at 1.4 GHz", "Cortex-A53 1.0 ~ 1.4 GHz x 4",
    ],
)  # fmt: skip
def test_one_cluster_in_every_order(text):
    assert read(text) == [("cortex-a53", 4, 1.4)]


def test_a_core_that_repeats_may_be_left_out():
    found = read("Cortex-X4 3.25 GHz + 2.85 GHz x 3 + Cortex-A720 2.0 GHz x 4")
    assert found == [("cortex-x4", 1, 3.25), ("cortex-x4", 3, 2.85), ("cortex-a720", 4, 2.0)]


@pytest.mark.parametrize(
    "text",
    [
        "Kryo485 2.96 GHz + 2.42 GHz x 3 + 1.80 GHz x 4",
        "Kyro 485 2.96 GHz + Kyro 485 2.42 GHz x 3 + Kyro 485 1.80 GHz x 4",
    ],
)
def test_kryos_are_the_cores_they_are_built_on(text):
    assert read(text) == [("cortex-a76", 1, 2.96), ("cortex-a76", 3, 2.42), ("cortex-a55", 4, 1.8)]


def test_gold_and_silver_say_which_core_a_kryo_is():
    found = read("2x2.2 GHz Kryo 660 Gold & 6x1.7 GHz Kryo 660 Silver")
    assert found == [("cortex-a78", 2, 2.2), ("cortex-a55", 6, 1.7)]


def test_every_tier_is_a_core_of_the_table():
    assert {core for tiers in TIERS.values() for core in tiers} <= set(cores())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Zen3 3.8 GHz ~ 4.6 GHz x 8", [("zen3", 8, 4.6)]),
        ("EPYC 9124 16-Core 1500 MHz (min); 3000 MHz (base); 3700 MHz (boost)", [("zen4", 16, 3.7)]),
        ("Xeon E5-2650 v3, 10 cores, base 2.3 GHz, turbo up to 3.0 GHz", [("haswell", 10, 3.0)]),
    ],
)
def test_of_several_clocks_the_highest_counts(text, found):
    assert read(text) == found


def test_a_model_gives_its_core_and_performance_cores_are_counted_apart():
    assert read("Core i5-8250U 4 cores 1.6GHz") == [("kaby-lake", 4, 1.6)]
    assert read("Core i7-12800H, 6 P-cores at 4.8 GHz + 8 E-cores at 3.7 GHz") == [
        ("golden-cove", 6, 4.8),
        ("gracemont", 8, 3.7),
    ]
    assert read("Core i7-12800H, 14 cores, 4.8 GHz") == []  # which are fast it does not say


@pytest.mark.parametrize(
    "text",
    [
        "Cortex-A78",
        "Cortex-A76 x 4",
        "quad core 2 GHz",
        "FOO 1.8GHz x 4",
        "PCIe x16 card at 1.8 GHz",
        "x86 at 2 GHz",
        "Galaxy A53",
    ],
)
def test_what_is_not_all_known_makes_no_cluster(text):
    assert read(text) == []


def test_another_unit_keeps_its_clock_and_cores():
    lower = "cortex-a76 2.4ghz x 4 + mali-g57 mc2 0.95 ghz"
    found = composition(lower, products(lower))
    assert (found.unit_cores, found.unit_clock_ghz) == (2, 0.95)
    assert [cluster.count for cluster in found.clusters] == [4]


def test_clocks_of_other_things_make_no_cluster():
    assert read("Cortex-A53 1.4GHz x 4, radio at 0.8 GHz") == [("cortex-a53", 4, 1.4)]


@pytest.mark.parametrize(
    "text",
    ["Cortex-A53 0 GHz x 4", "Cortex-A53 0 cores at 1 GHz", f"{'9' * 9} GHz Cortex-A53", "9999999 cores"],
)
def test_figures_of_no_hardware_are_refused(text):
    with pytest.raises(PlatformError, match="no figure of any hardware"):
        resolve(text)
