"""The embedder at runtime, on the encoder that ships."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import ledg_rt
from ledg_rt.embedding import MODEL, TOKEN_LIMIT, TOKENIZER, WIDTH, Embedder, load_table, save_table
from ledg_rt.errors import BundleError

BUNDLE = Path(ledg_rt.__file__).parent / "bundle"
SENTENCE = "ParamL Conv 3"
LONG = "conv " * 200


def sentences(count: int) -> list[str]:
    """Distinct node and platform sentences of many lengths."""
    operators = [schema.name for schema in onnx.defs.get_all_schemas() if schema.domain == ""]
    tails = [
        "",
        " with learned weights kernel 3x3 stride 2x2",
        " 3",
        ": NVIDIA Jetson AGX Orin 64 GB, 275 TOPS, 60W",
    ]
    return [operators[i % len(operators)] + tails[i % 4] + f" {i // 100}" for i in range(count)]


def known(*texts: str) -> dict[str, np.ndarray]:
    rows = np.random.default_rng(3).normal(size=(len(texts), WIDTH)).astype(np.float32)
    return dict(zip(texts, rows, strict=True))


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return Embedder(BUNDLE)


@pytest.fixture
def no_session(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr(onnxruntime, "InferenceSession", refuse)


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copy(BUNDLE / TOKENIZER, tmp_path)
    (tmp_path / MODEL).symlink_to(BUNDLE / MODEL)
    return tmp_path


def test_vectors_are_float32_of_unit_length_in_input_order(embedder):
    texts = ["Relu", "Nv GPU FP32 8.1 Turing 70W", "Relu", ""]
    vectors = embedder.embed(texts)
    assert vectors.shape == (4, WIDTH)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    assert vectors[0] @ vectors[1] < 0.9


def test_no_sentences_give_an_empty_array(embedder):
    assert embedder.embed([]).shape == (0, WIDTH)


def test_a_text_alone_equals_the_text_among_two_hundred():
    texts = sentences(200)
    assert len(set(texts)) == 200
    together = Embedder(BUNDLE).embed(texts)
    alone = Embedder(BUNDLE)
    for at in (0, 77, 199):
        np.testing.assert_array_equal(alone.embed([texts[at]])[0], together[at])


def test_threads_do_not_change_vectors():
    texts = [*sentences(12), LONG]
    one, two = (Embedder(BUNDLE, threads=threads).embed(texts) for threads in (1, 2))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)


def test_threads_must_be_positive():
    with pytest.raises(ValueError, match="threads"):
        Embedder(BUNDLE, threads=0)


@pytest.mark.usefixtures("no_session")
def test_known_sentences_load_neither_tokenizer_nor_encoder(tmp_path):
    table = known("a", "b")
    vectors = Embedder(tmp_path, table).embed(["b", "a"])
    np.testing.assert_array_equal(vectors, [table["b"], table["a"]])


def test_an_unknown_sentence_among_known_ones_is_encoded(embedder):
    table = known("a")
    mixed = Embedder(BUNDLE, table).embed(["a", SENTENCE])
    np.testing.assert_array_equal(mixed[0], table["a"])
    np.testing.assert_array_equal(mixed[1], embedder.embed([SENTENCE])[0])


def test_a_sentence_is_encoded_once(monkeypatch):
    embedder = Embedder(BUNDLE)
    first = embedder.embed([SENTENCE])
    monkeypatch.setattr(embedder, "_session", None)
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    np.testing.assert_array_equal(embedder.embed([SENTENCE]), first)


def test_the_callers_table_is_not_changed():
    table = known("a")
    Embedder(BUNDLE, table).embed([SENTENCE])
    assert list(table) == ["a"]


def test_bytes_that_are_no_text_are_embedded_all_the_same(embedder):
    assert np.isfinite(embedder.embed(["Conv \udcff"])).all()


def test_a_text_over_the_limit_is_cut_and_reported(embedder):
    assert embedder.was_cut(LONG)
    np.testing.assert_array_equal(*embedder.embed([LONG, LONG + "and more"]))


@pytest.mark.parametrize(
    ("words", "cut"), [(TOKEN_LIMIT - 2, False), (TOKEN_LIMIT - 1, True)], ids=["just fits", "one too many"]
)
def test_the_limit_counts_both_special_tokens(embedder, words, cut):
    assert embedder.was_cut(" ".join(["the"] * words)) is cut


def test_characters_that_become_several_tokens_count_as_such(embedder):
    assert embedder.was_cut("각 " * 60)
    assert not embedder.was_cut("é " * 60)


@pytest.mark.usefixtures("no_session")
def test_a_short_text_is_uncut_without_a_tokenizer(tmp_path):
    assert not Embedder(tmp_path).was_cut("x" * (TOKEN_LIMIT - 2))


@pytest.mark.usefixtures("no_session")
def test_a_known_text_that_is_cut_is_reported():
    assert Embedder(BUNDLE, known(LONG)).was_cut(LONG)


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(BundleError, match=name) as caught:
        Embedder(copy).embed([SENTENCE])
    assert caught.value.hint


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"\xff\x00{" * 9]
)
def test_a_damaged_file_is_named(copy, name, damage):
    data = (BUNDLE / name).read_bytes()
    (copy / name).unlink()
    (copy / name).write_bytes(damage(data))
    with pytest.raises(BundleError, match=name):
        Embedder(copy).embed([SENTENCE])


def test_another_model_is_no_embedder(copy):
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> other (float[1] x) => (float[1] y) { y = Relu (x) }'
    )
    (copy / MODEL).unlink()
    onnx.save(model, copy / MODEL)
    with pytest.raises(BundleError, match="not an embedder: its inputs and outputs are x, y"):
        Embedder(copy).embed([SENTENCE])


def test_a_table_comes_back_as_it_was_saved(tmp_path):
    table = known("Conv", "Naïve α", "")
    save_table(tmp_path / "sentences.npz", list(table), np.stack(list(table.values())))
    loaded = load_table(tmp_path / "sentences.npz")
    assert list(loaded) == list(table)
    for sentence, vector in table.items():
        np.testing.assert_array_equal(loaded[sentence], vector)
        assert loaded[sentence].dtype == np.float32


def test_an_empty_table_is_a_table(tmp_path):
    save_table(tmp_path / "t.npz", [], np.zeros((0, WIDTH), np.float32))
    assert load_table(tmp_path / "t.npz") == {}


def test_the_same_table_gives_the_same_bytes(tmp_path):
    vectors = np.ones((2, WIDTH), np.float32)
    for name in ("a.npz", "b.npz"):
        save_table(tmp_path / name, ["x", "y"], vectors)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_failed_save_leaves_the_old_table_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "t.npz"
    save_table(path, ["x"], np.ones((1, 4), np.float32))

    def full_disk(file, **_arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="space"):
        save_table(path, ["y"], np.ones((1, 4), np.float32))
    monkeypatch.undo()
    assert list(load_table(path)) == ["x"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("texts", "vectors"),
    [
        (["a", "a"], np.zeros((2, 4), np.float32)),
        (["a\0"], np.zeros((1, 4), np.float32)),
        (["a"], np.zeros((2, 4), np.float32)),
        (["a"], np.zeros((1, 4))),
        (["a"], np.zeros(1, np.float32)),
    ],
    ids=["duplicate", "final NUL", "lengths differ", "float64", "one axis"],
)
def test_a_table_that_would_not_come_back_is_refused(tmp_path, texts, vectors):
    with pytest.raises(ValueError, match=r"sentences"):
        save_table(tmp_path / "t.npz", texts, vectors)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"sentences\.npz.*No such file"):
        load_table(tmp_path / "sentences.npz")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-40], lambda data: data[:10], lambda _: b"", lambda _: b"text"]
)
def test_a_damaged_table_is_named(tmp_path, damage):
    path = tmp_path / "sentences.npz"
    save_table(path, ["x", "y"], np.ones((2, WIDTH), np.float32))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BundleError, match=r"sentences\.npz"):
        load_table(path)


@pytest.mark.parametrize("mark", [b"PK\x01\x02", b"PK\x03\x04"], ids=["directory", "member"])
@pytest.mark.parametrize("offset", range(5, 60, 3))
def test_flipped_bits_end_in_no_other_error(tmp_path, mark, offset):
    path = tmp_path / "sentences.npz"
    save_table(path, ["x"], np.ones((1, WIDTH), np.float32))
    data = bytearray(path.read_bytes())
    data[data.index(mark) + offset] ^= 0x61
    path.write_bytes(data)
    try:
        found = list(load_table(path))
    except BundleError:
        return
    assert found == ["x"]  # it was a date or an attribute, which nobody reads


def test_a_flipped_byte_of_the_payload_is_noticed(tmp_path):
    path = tmp_path / "sentences.npz"
    save_table(path, ["x"], np.random.default_rng(1).normal(size=(1, WIDTH)).astype(np.float32))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"sentences\.npz"):
        load_table(path)


@pytest.mark.parametrize(
    "arrays",
    [
        {"sentences": np.array(["a"])},
        {"sentences": np.array([1]), "vectors": np.zeros((1, 4), np.float32)},
        {"sentences": np.array(["a"]), "vectors": np.zeros((1, 4))},
        {"sentences": np.array(["a", "b"]), "vectors": np.zeros((1, 4), np.float32)},
        {"sentences": np.array(["a"]), "vectors": np.full((1, 4), np.nan, np.float32)},
        {"sentences": np.array(["a"], object), "vectors": np.zeros((1, 4), np.float32)},
    ],
    ids=["no vectors", "no text", "float64", "lengths differ", "not a number", "pickled"],
)
def test_an_archive_that_is_no_table_is_refused(tmp_path, arrays):
    path = tmp_path / "sentences.npz"
    np.savez(path, **arrays)
    with pytest.raises(BundleError, match=r"sentences\.npz"):
        load_table(path)


def test_a_lone_array_is_no_table(tmp_path):
    path = tmp_path / "sentences.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros((2, 2), np.float32))
    with pytest.raises(BundleError, match="not a table"):
        load_table(path)
