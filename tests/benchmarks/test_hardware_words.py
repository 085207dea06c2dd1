from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.hardware_words import HIDDEN, PARTS, VARIANTS, WORST, Reticent, compared, summary
from ledg_rt.encoding import PLATFORM_NUMBERS, PLATFORM_TRAITS, encode_platform
from ledg_rt.kinship import NAMES, NO_NAME, TERMS, Kin, Scales, Units, starts
from ledg_rt.platforms import resolve

TEXTS = ("raspberry-pi-4/tflite/fp32", "nvidia-rtx-3090/pytorch-2.4/fp32")


def described(units):
    platforms = [encode_platform(resolve(text)) for text in TEXTS]
    words = np.eye(2, 4)
    return units.of(platforms, words).describe(platforms, words)


def differ(found):
    """Which parts tell the two platforms apart."""
    return {
        "sentence": (found.words[0] != found.words[1]).any(),
        "figures": (found.figures[0] != found.figures[1]).any() or (found.known[0] != found.known[1]).any(),
        "labels": (found.traits[0] != found.traits[1]).any(),
        "names": (found.names != NO_NAME).any(),
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_compares_its_parts_and_no_other(variant):
    assert {part for part, told in differ(described(compared(VARIANTS[variant]))).items() if told} == set(
        VARIANTS[variant]
    )


def test_all_parts_are_what_ships():
    ours, shipped = described(compared(PARTS)), described(Units)
    for field in ("figures", "known", "words", "traits", "names"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(shipped, field))


def row(chip, graph, off, held_out="chip", figured=True):
    return {
        "held_out": held_out, "chip": chip, "graph": str(graph), "figured": figured,
        "log_ms": float(np.log(1 + off)), "log_measured": 0.0,
    }  # fmt: skip


def test_chips_count_once_and_small_ones_not():
    rows = [row("a", graph, 0.1) for graph in range(10)] + [row("a", graph, 0.1) for graph in range(50)]
    rows += [row("b", graph, 0.3) for graph in range(10)] + [
        row("c", graph, 9.0, figured=False) for graph in range(10)
    ]
    rows += [row("few", graph, 5.0) for graph in range(9)] + [
        row("a", 0, 0.2, "stack"),
        row("b", 0, 0.4, "stack"),
    ]
    found = summary(rows)
    assert found == {
        "chip, median": (pytest.approx(30), 3), "chip, mean": (pytest.approx((10 + 30 + WORST) / 3), 3),
        "chip, figures known, mean": (pytest.approx(20), 2), "chip, a figure missing, mean": (WORST, 1),
        "stack, median": (pytest.approx(30), 2),
    }  # fmt: skip


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_a_hidden_figure_is_one_that_the_description_does_not_give(hidden):
    """A kin table of two platforms; a third one is told with the figures and without them."""
    platforms, words = [encode_platform(resolve(text)) for text in TEXTS], np.eye(2, 4)
    units = Units.of(platforms, words)
    count = len(PLATFORM_NUMBERS)
    scales = Scales(
        differ=np.zeros((TERMS + 3, len(PLATFORM_TRAITS))), figures=np.zeros((TERMS, count)), words=np.zeros(TERMS),
        size=np.zeros(TERMS + NAMES + 1), slope=np.zeros(count), noise=np.zeros(2),
    )  # fmt: skip
    vectors = np.arange(4, dtype=np.float32).reshape(2, 1, 2)
    flat = np.column_stack([vectors.reshape(2, 2), starts(np.stack([one.numeric for one in platforms]))])
    kin = Kin({}, vectors, flat, flat.mean(0), scales, units, units.describe(platforms, words))
    stranger = replace(resolve("nvidia-t4/pytorch-2.4/fp32"), device=None, cores=40, clock_ghz=1.5, year=2018)
    silent = replace(stranger, **dict.fromkeys(hidden))
    asked = words[0].astype(np.float32)
    found = Reticent.of(kin, hidden).tell(encode_platform(stranger), asked)
    expected = kin.tell(encode_platform(silent), asked)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    np.testing.assert_array_equal(found.numeric, expected.numeric)
    in_full = kin.tell(encode_platform(stranger), asked)
    assert not np.array_equal(found.numeric, in_full.numeric)
