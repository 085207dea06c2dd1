"""Vectors of new platforms from those of known ones, on a few platforms of the catalogue and made-up vectors."""

import dataclasses

import numpy as np
import pytest

from ledg_rt.encoding import PLATFORM_NUMBERS, PLATFORM_TRAITS, PRESUMED, encode_platform
from ledg_rt.errors import BundleError
from ledg_rt.kinship import (
    GUESSED,
    MEMORY_GROWTH,
    NAMES,
    NO_NAME,
    NOTHING,
    STARTS,
    TERMS,
    Described,
    Kin,
    Scales,
    Units,
    likeness,
    pairs,
    starts,
    usual,
)
from ledg_rt.platforms import resolve

KNOWN = (
    "raspberry-pi-4/tflite-2.4.1/fp32/4t", "raspberry-pi-4/ncnn/fp32/4t", "jetson-agx-xavier-cpu/tflite-2.4.1/fp32",
    "nvidia-t4/tensorrt-8.4.0/fp16", "nvidia-a30/tensorrt-8.4.0/fp16",
)  # fmt: skip
MEMBERS, WIDTH = 2, 3


def encoded(text):
    return encode_platform(resolve(text))


def words_of(text):
    """A vector of the sentence of the hardware that depends on its words alone."""
    found = np.zeros(64, dtype=np.float32)
    for word in encoded(text).sentences[0].split():
        found[sum(word.encode()) % 64] += 1
    return found / np.linalg.norm(found)


@pytest.fixture(scope="module")
def scales():
    count = len(PLATFORM_NUMBERS)
    size = np.zeros(TERMS + NAMES + 1)
    size[TERMS + NAMES - 1] = -4  # another use of a stack changes little
    return Scales(
        differ=np.zeros((TERMS + 3, len(PLATFORM_TRAITS))), figures=np.full((TERMS, count), -1.0),
        words=np.zeros(TERMS), size=size, slope=np.full(count, -3.0), noise=np.array([-8.0, -20.0]),
    )  # fmt: skip


@pytest.fixture(scope="module")
def kin(scales):
    platforms = [encoded(text) for text in KNOWN]
    words = np.stack([words_of(text) for text in KNOWN]).astype(np.float64)
    units = Units.of(platforms, words)
    described = units.describe(platforms, words)
    described = usual(described, described)
    vectors = np.random.default_rng(0).normal(size=(len(KNOWN), MEMBERS, WIDTH)).astype(np.float32)
    flat = np.column_stack(
        [vectors.reshape(len(KNOWN), -1), starts(np.stack([one.numeric for one in platforms]))]
    )
    own = likeness(scales, pairs(described, described)) + np.exp(-8) * np.eye(len(KNOWN))
    weights = np.linalg.solve(own, flat - flat.mean(0)).astype(np.float32).astype(np.float64)
    positions = {platform.keys[-1]: at for at, platform in enumerate(platforms)}
    return Kin(positions, vectors, weights, flat.mean(0), scales, units, described)


def test_likeness_is_a_covariance(kin, scales):
    texts = (
        *KNOWN,
        "strange box",
        "4 cores",
        "gpu with 500 GB/s",
        "8 TFLOPS",
        "npu, int8, 4 TOPS, 10 W",
        "2 GHz, 8 GB",
    )
    platforms = [encoded(text) for text in texts]
    described = kin.units.describe(platforms, np.stack([words_of(text) for text in texts]).astype(np.float64))
    found = likeness(scales, pairs(described, described))
    np.testing.assert_allclose(found, found.T)
    assert np.linalg.eigvalsh(found).min() > -1e-9
    assert (found <= np.sqrt(np.outer(found.diagonal(), found.diagonal())) + 1e-9).all()


def test_an_unknown_figure_is_as_usual_for_hardware_that_is_alike(kin):
    clock = PLATFORM_NUMBERS.index("clock_ghz")
    texts = (
        "gpu, fp16, tensorrt 8.4.0, 300 GB/s",
        "board with 4 cores, tflite 2.4.1, fp32, 4 threads",
        "gpu at 5 GHz",
    )
    some = kin.units.describe(
        [encoded(text) for text in texts], np.stack([words_of(text) for text in texts]).astype(np.float64)
    )
    assert some.known[:, clock].tolist() == [0, 0, 1]
    told = usual(some, kin.described).figures[:, clock]
    own = dict(zip(KNOWN, kin.described.figures[:, clock], strict=True))
    boards, cards = ([own[text] for text in KNOWN if ("nvidia" in text) == card] for card in (False, True))
    assert min(cards) <= told[0] <= max(cards)
    assert min(boards) <= told[1] <= max(boards)
    assert told[2] == some.figures[2, clock] > max(boards)


def test_what_is_usual_is_not_learned_from_those_that_do_not_have_it():
    """Of two that are alike the nearer one lacks the figure as well."""
    figures, known = np.zeros((3, len(PLATFORM_NUMBERS))), np.zeros((3, len(PLATFORM_NUMBERS)))
    clock = PLATFORM_NUMBERS.index("clock_ghz")
    figures[:, clock], known[2, clock] = (0, 7, 3), 1
    words = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8]])
    all_of = Described(
        figures, known, words, np.zeros((3, len(PLATFORM_TRAITS)), dtype=int), np.full((3, NAMES), NO_NAME)
    )
    assert usual(all_of, all_of).figures[:, clock].tolist() == [3, 3, 3]
    nobody = dataclasses.replace(all_of, known=np.zeros_like(known))
    assert usual(nobody, nobody).figures[:, clock].tolist() == [0, 7, 3]


def test_a_pipeline_that_nobody_says_is_that_of_processors_alike(kin):
    """Of the known ones two run out of order with three instructions a cycle, Carmel in order; GPUs have none."""
    pipeline, decode = GUESSED
    known = kin.described.traits
    assert (known[3:, GUESSED] == NOTHING).all()
    assert known[0, pipeline] != known[2, pipeline] != NOTHING
    text = "some board with an Arm CPU at 1.5 GHz, ncnn"
    silent = kin.units.describe([encoded(text)], words_of(text)[None])
    assert (silent.traits[0, GUESSED] == NOTHING).all()
    found = usual(silent, kin.described).traits[0]
    assert (found[pipeline], found[decode]) == (known[0, pipeline], known[0, decode])
    said = "board with 4 x Cortex-A53 at 1.5 GHz, ncnn"
    slow = kin.units.describe([encoded(said)], words_of(said)[None])
    assert usual(slow, kin.described).traits[0, pipeline] == known[2, pipeline]


def test_what_platforms_have_in_common_makes_them_alike(kin, scales):
    pi_tflite, pi_ncnn, xavier, t4, a30 = likeness(scales, pairs(kin.described, kin.described))[0]
    assert pi_tflite > pi_ncnn > xavier > max(t4, a30)


def test_a_known_platform_has_its_own_vectors(kin):
    for at, text in enumerate(KNOWN):
        assert np.array_equal(kin.tell(encoded(text), words_of(text)).vectors, kin.vectors[at])


def test_the_process_goes_through_the_known_vectors(kin):
    nameless = dataclasses.replace(kin, positions={})
    for at, text in enumerate(KNOWN):
        vectors = nameless.tell(encoded(text), words_of(text)).vectors
        np.testing.assert_allclose(vectors, kin.vectors[at], atol=0.01)


def test_a_new_use_of_a_known_device_leans_on_it(kin):
    text = "raspberry-pi-4/tflite-2.9/fp32/4t"
    near = kin.tell(encoded(text), words_of(text)).vectors
    assert int(np.argmin([np.linalg.norm(near - vectors) for vectors in kin.vectors])) == 0


def test_without_anything_in_common_the_mean_is_left(kin, scales):
    alone = dataclasses.replace(
        scales, size=np.array([0, 0, 0, 0, 0, 0, -50.0]), slope=np.full(len(PLATFORM_NUMBERS), -50.0)
    )
    stranger = encoded("strange box")
    far = dataclasses.replace(
        kin, scales=dataclasses.replace(alone, differ=np.full_like(scales.differ, -50.0))
    )
    np.testing.assert_allclose(
        far.tell(stranger, words_of("strange box")).vectors.ravel(), kin.middle[: -len(STARTS)], atol=1e-5
    )


def test_a_saved_table_says_the_same(kin, tmp_path):
    path = tmp_path / "kin.npz"
    kin.save(path)
    first = path.read_bytes()
    kin.save(path)
    assert path.read_bytes() == first
    loaded = Kin.load(path)
    for text in (
        *KNOWN,
        "board with 4 x Cortex-A72 at 1.8 GHz, tflite 2.4.1, fp32, 4 threads",
        "strange box",
    ):
        expected, found = (table.tell(encoded(text), words_of(text)) for table in (kin, loaded))
        np.testing.assert_allclose(found.vectors, expected.vectors, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.numeric, expected.numeric, rtol=1e-5, atol=1e-6)


def test_a_saved_table_keeps_which_vectors_belong_to_a_name(kin, tmp_path):
    path = tmp_path / "kin.npz"
    some = dict(list(kin.positions.items())[1:])
    dataclasses.replace(kin, positions=some).save(path)
    assert Kin.load(path).positions == some


def test_words_that_no_known_platform_has_are_like_none_of_them_however_long(kin):
    plain = resolve("4 cores, fp32")
    found = [
        kin.tell(
            encode_platform(dataclasses.replace(plain, vendor=word, architecture=word)),
            words_of("4 cores, fp32"),
        ).vectors
        for word in ("Vendor", "V" * 1_000_000, "\0\n")
    ]
    assert np.isfinite(found[0]).all()
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_a_damaged_table_is_an_error_of_the_bundle(tmp_path):
    path = tmp_path / "kin.npz"
    for content in (b"", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(BundleError, match=r"kin\.npz"):
            Kin.load(path)
    with path.open("wb") as file:
        np.savez(file, names=np.array(["a"]))
    with pytest.raises(BundleError, match="no table of platforms"):
        Kin.load(path)


def test_figures_beside_the_catalogue_do_not_change_whose_kin_a_device_is(kin):
    device = resolve("raspberry-pi-4/tflite-2.9/fp32/4t")
    faster = dataclasses.replace(device, bandwidth_gbs=2 * device.bandwidth_gbs)
    words = words_of("raspberry-pi-4/tflite-2.9/fp32/4t")
    plain = kin.tell(encode_platform(device), words).vectors
    assert np.array_equal(kin.tell(encode_platform(faster), words).vectors, plain)
    busier = dataclasses.replace(device, peak_gops=2 * device.peak_gops)
    assert np.array_equal(kin.tell(encode_platform(busier), words).vectors, plain)


def test_whose_kin_nameless_hardware_is_depends_on_its_figures_but_not_on_its_starts(kin):
    """The head divides by peak and bandwidth: kin that came with faster hardware could take that back."""
    text = "raspberry-pi-4/tflite-2.9/fp32/4t"
    nameless = dataclasses.replace(resolve(text), device=None)
    others = (
        dataclasses.replace(nameless, bandwidth_gbs=2 * nameless.bandwidth_gbs),
        dataclasses.replace(nameless, peak_gops=2 * nameless.peak_gops),
        dataclasses.replace(nameless, peak_gops=None),
        dataclasses.replace(nameless, clock_ghz=2 * nameless.clock_ghz),
    )
    *alike, different = (
        kin.tell(encode_platform(platform), words_of(text)).vectors for platform in (nameless, *others)
    )
    assert all(np.array_equal(vectors, alike[0]) for vectors in alike)
    assert not np.array_equal(different, alike[0])


def start_of(numeric, name="peak_gops"):
    """The figure, None where the numbers have none."""
    column = PLATFORM_NUMBERS.index(name)
    return float(10 ** numeric[column]) if numeric[len(PLATFORM_NUMBERS) + column] else None


def test_a_start_that_is_unknown_is_presumed():
    numeric = np.stack([encoded("nvidia-t4/tensorrt-8.4.0/fp16").numeric, encoded("strange box").numeric])
    known, presumed = starts(numeric)
    np.testing.assert_allclose(10**known, [65_000, 320], rtol=1e-4)
    np.testing.assert_allclose(presumed * np.log(10), [PRESUMED[name] for name in STARTS])


def test_a_stranger_without_a_peak_starts_where_its_kin_do(kin):
    near = encoded("nvidia-a30/tensorrt-8.6/fp16")
    nothing = dataclasses.replace(resolve("nvidia-a30/tensorrt-8.6/fp16"), peak_gops=None, device=None)
    words = words_of("nvidia-a30/tensorrt-8.6/fp16")
    told = start_of(kin.tell(encode_platform(nothing), words).numeric)
    board = dataclasses.replace(resolve("raspberry-pi-4/ncnn/fp32/4t"), peak_gops=None, device=None)
    of_board = start_of(kin.tell(encode_platform(board), words_of("raspberry-pi-4/ncnn/fp32/4t")).numeric)
    assert told > 3 * of_board
    kept = kin.tell(near, words).numeric
    assert np.array_equal(kept, near.numeric)


def test_a_figure_that_training_did_not_have_does_not_move_a_known_platform(kin):
    text = "strange-known/tflite/int8"
    silent = dataclasses.replace(resolve("raspberry-pi-4/ncnn/fp32/4t"), peak_gops=None)
    encoding = dataclasses.replace(encode_platform(silent), keys=(text,))
    own = dataclasses.replace(encoding, own=encoding.numeric)
    with_figure = dataclasses.replace(own, numeric=encoded("raspberry-pi-4/ncnn/fp32/4t").numeric)
    known = dataclasses.replace(kin, positions={text: 0})
    words = words_of("raspberry-pi-4/ncnn/fp32/4t")
    assert start_of(known.tell(own, words).numeric) is None
    assert start_of(known.tell(with_figure, words).numeric) is None
    assert start_of(known.tell(with_figure, words).numeric, "bandwidth_gbs") == pytest.approx(
        silent.bandwidth_gbs
    )
    # Another use of the device is a stranger: what its kin tell stands.
    assert start_of(kin.tell(with_figure, words).numeric) == pytest.approx(
        start_of(kin.tell(own, words).numeric)
    )


@pytest.mark.parametrize(("kind", "faster"), [("npu", 3**MEMORY_GROWTH), ("gpu", 1)])
def test_the_memory_of_an_npu_of_its_own_grows_with_its_peak(kin, kind, faster):
    """Of a GPU that says no bandwidth its kin tell it, whatever its peak is."""
    box = dataclasses.replace(resolve("strange box, 4 TOPS int8"), kind=kind)
    more = dataclasses.replace(box, peak_gops=3 * box.peak_gops)
    plain, quick = (
        start_of(kin.tell(encode_platform(platform), words_of("strange box")).numeric, "bandwidth_gbs")
        for platform in (box, more)
    )
    assert quick == pytest.approx(faster * plain)


def test_a_table_of_other_parts_is_an_error_of_the_bundle(kin, tmp_path):
    path = tmp_path / "kin.npz"
    dataclasses.replace(kin, weights=kin.weights[:, : -len(STARTS)]).save(path)
    with pytest.raises(BundleError, match="do not belong together"):
        Kin.load(path)
