import numpy as np
import pytest

from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph, encode_platform, rebatch
from ledg_rt.errors import BundleError
from ledg_rt.platforms import resolve
from ledg_rt.rates import LARGEST, NODE_TRAITS, NOTHING, Rates, node_traits
from ledg_rt.reading import read_graph

PI = "raspberry-pi-4/tflite-2.4.1-ruy/fp32"


def encoded(graph_id):
    return encode_graph(read_graph(build(graph_id).SerializeToString()))


@pytest.fixture(scope="module")
def mobilenet():
    return encoded("mobilenet_v1/1.0-224")


@pytest.fixture(scope="module")
def pi():
    return encode_platform(resolve(PI))


def traits_of(encoding, node):
    found = node_traits(encoding)
    return {
        found.names[trait]: pytest.approx(share, abs=1e-5)
        for trait, share in zip(found.traits[node], found.shares[node].tolist(), strict=True)
        if share
    }


def test_the_traits_of_a_convolution(mobilenet):
    # The first one: 3 -> 32 channels, 3x3, stride 2, 112x112 pixels, 27 products a result.
    pixels, products = np.log2(112 * 112), np.log2(27)
    assert traits_of(mobilenet, 0) == {
        "Conv with learned weights spatial": 1,
        "says Conv with learned weights kernel 3x3 stride 2x2": 1,
        "Conv with learned weights spatial even 0": 1,
        "Conv with learned weights spatial after nothing": 1,
        "Conv with learned weights spatial elements 18": 1 - (pixels + 5 - 18),
        "Conv with learned weights spatial elements 19": pixels + 5 - 18,
        "Conv with learned weights spatial in 1": 1 - (np.log2(3) - 1),
        "Conv with learned weights spatial in 2": np.log2(3) - 1,
        "Conv with learned weights spatial out 5": 1,
        "Conv with learned weights spatial pixels 13": 1 - (pixels - 13),
        "Conv with learned weights spatial pixels 14": pixels - 13,
        "Conv with learned weights spatial depth 4": 1 - (products - 4),
        "Conv with learned weights spatial depth 5": products - 4,
    }


def test_shares_of_every_node_add_up_and_a_batch_moves_elements_alone(mobilenet):
    found = node_traits(mobilenet)
    assert found.traits.shape == found.shares.shape == (len(mobilenet.text), NODE_TRAITS)
    np.testing.assert_allclose(found.shares.sum(1), 9, rtol=1e-6)
    one, eight = traits_of(mobilenet, 0), traits_of(rebatch(mobilenet, 8), 0)
    assert {name for name in one if name not in eight} == {name for name in one if " elements " in name}
    assert "Conv with learned weights spatial elements 22" in eight


def test_rates_of_a_runtime_and_of_a_platform_add_up_and_survive_a_file(mobilenet, pi, tmp_path):
    runtime, platform = pi.rates
    assert runtime == "runtime tflite cpu fp32"
    assert platform.startswith("platform ")
    kind = "Conv with learned weights spatial"
    rates = Rates.of({runtime: {kind: 0.5, "says nothing here": 2.0}, platform: {f"{kind} in 1": -0.25}})
    rates.save(tmp_path / "rates.npz")
    for table in (rates, Rates.load(tmp_path / "rates.npz")):
        first, *_, last = table.log_rates(mobilenet, [pi])[0]
        assert first == pytest.approx(0.5 - 0.25 * (2 - np.log2(3)), abs=1e-3)
        assert last == 0
    stranger = encode_platform(resolve("some board with a 4-core CPU, tflite, fp32"))
    assert stranger.rates == (runtime,)
    assert rates.log_rates(mobilenet, [stranger])[0, 0] == pytest.approx(0.5, abs=1e-3)
    assert not NOTHING.log_rates(mobilenet, [pi, stranger]).any()


def test_no_node_is_moved_beyond_what_was_ever_measured(mobilenet, pi):
    kind = "Conv with learned weights spatial"
    assert Rates.of({pi.rates[0]: {kind: -50.0}}).log_rates(mobilenet, [pi])[0, 0] == -LARGEST


def test_equal_rates_are_equal_bytes_and_damage_is_told(tmp_path):
    table = {"b": {"y": 1.0, "x": 0.5}, "a": {"x": -1.0}}
    Rates.of(table).save(tmp_path / "one")
    Rates.of(dict(reversed(table.items()))).save(tmp_path / "two")
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "two").read_bytes()
    (tmp_path / "two").write_bytes(data[:100])
    with pytest.raises(BundleError, match="not a table of rates"):
        Rates.load(tmp_path / "two")
    with pytest.raises(BundleError):
        Rates.load(tmp_path / "none")
