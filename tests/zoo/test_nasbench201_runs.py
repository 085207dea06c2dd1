"""Which edges run: measured excess of cells over others that compute the same, in tables of CIFAR-10."""

import pytest

from ledg_export.zoo.nasbench201 import convolutions, network_key, parse
from ledg_export.zoo.nasbench201_runs import WAYS, ZERO, executed

OPERATIONS = {
    ".": "none",
    "s": "skip_connect",
    "1": "nor_conv_1x1",
    "3": "nor_conv_3x3",
    "p": "avg_pool_3x3",
    "0": ZERO,
}


def text(short):
    """The string of a cell of letters, ``3 .s s.1``: the edges into each node."""
    return "+".join(
        "|" + "".join(f"{OPERATIONS[letter]}~{source}|" for source, letter in enumerate(node))
        for node in short.split()
    )


def short(cell):
    letters = {operation: letter for letter, operation in OPERATIONS.items()}
    return " ".join("".join(letters[operation] for operation in node) for node in cell)


@pytest.mark.parametrize(
    ("way", "given", "run"),
    [
        ("", "3 .s s.1", "3 .s s.1"),
        ("eager", "3 .s s.1", "3 0s s01"),
        # TX2: a none that begins a sum, 's .s ..s' 3.3 ms against 's .. s..' 1.5 ms; all is zero at 0.6 ms.
        ("summed", "s .s ..s", "s 0s 0.s"),
        ("summed", "s .. s..", "s 0. s.."),
        ("summed", ". .3 ..s", ". .3 ..s"),
        # Adreno 640: '3 .. s31' 3.18 ms against 2.80, '. 1p s33' as '1 .. s3.'. Behind a pool none was measured.
        ("kept", "3 .. s31", "3 .0 s31"),
        ("kept", ". 1p s33", ". 1p s33"),
        ("kept", "p .. s31", "p .. s31"),
        ("kept", "3 s. s31", "3 s. s31"),
        # Pixel 3: 's 3. s..' 8.1 ms, '3 .. s..' 8.1, '3 .3 s..' 12.5, '. .3 s..' 8.1; '3 3. s..' 1.5, '1 31 s..' 1.1.
        ("folded", "s 3. s..", "s 3. s.s"),
        ("folded", "3 .. s..", "3 .s ss."),
        ("folded", "3 .3 s..", "3 .3 s.s"),
        ("folded", ". .3 s..", "0 .3 s.s"),
        ("folded", "3 3. s..", "3 3. s.."),
        ("folded", "1 31 s..", "1 31 s.."),
        ("folded", "3 s. ..s", "3 ss .ss"),
        ("folded", "3 .s s..", "3 .s ss."),
    ],
)
def test_edges_that_run(way, given, run):
    assert short(executed(parse(text(given)), way)) == run


@pytest.mark.parametrize(
    ("given", "kernels"),
    [
        ("3 .. s..", (0, 1)),
        ("3 .3 s..", (0, 2)),
        ("3 3. s..", (0, 0)),
        ("1 13 s..", (0, 0)),
        ("s 1. s..", (1, 0)),
        (". .1 ..s", (1, 0)),
        ("3 1. ..s", (1, 1)),
        (". 3p s..", (0, 0)),
        (". 3s s..", (0, 1)),
    ],
)
def test_convolutions_of_a_pixel_3(given, kernels):
    assert convolutions(text(given), "folded") == kernels


@pytest.mark.parametrize("way", WAYS)
def test_a_cell_without_none_is_the_same_in_every_way(way):
    cell = text("3 1p s31")
    assert network_key(cell, way) == network_key(cell)


@pytest.mark.parametrize("way", ["summed", "kept", "folded"])
def test_a_way_runs_no_less_than_what_computes_something(way):
    for given in ("3 .s s.1", ". 3s .1s", "3 .. s31", "s 3. s..", "p .p 1.3", "1 s3 .s1"):
        lean, run = convolutions(text(given)), convolutions(text(given), way)
        assert all(least <= count for least, count in zip(lean, run, strict=True))
