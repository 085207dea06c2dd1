"""Bounds from an encoding alone; the predictor's own are in ``test_predictor``."""

import pytest

from ledg_export.zoo import build
from ledg_rt.encoding import QUANTITIES, encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph
from ledg_rt.roofline import bound_from

T4 = "nvidia-t4/tensorrt-8.4.0/int8"


@pytest.fixture(scope="module")
def vgg():
    return encode_graph(read_graph(build("vgg/16-224").SerializeToString()))


def test_one_run_reads_the_weights_and_the_ends(vgg):
    platform = resolve(T4)
    weights = vgg.quantities[:, QUANTITIES.index("weight_elements")].sum()
    for ends in (0, 10**9):
        seconds = (weights + ends) / (platform.bandwidth_gbs * 1e9)
        assert bound_from(vgg, ends, platform) == pytest.approx(seconds * 1e3)


def test_a_throughput_shares_the_weights_among_its_batch(vgg):
    alone, shared = (bound_from(vgg, 0, resolve(name)) for name in (T4, f"{T4}+throughput"))
    assert 0 < shared < alone
