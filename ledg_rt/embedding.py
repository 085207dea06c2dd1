"""Sentences to vectors: a table of known sentences first, the quantized encoder for the others.

A typical run meets only sentences that the bundle's table holds, so the tokenizer and the encoder are
loaded at the first sentence that it does not.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Encoding, Tokenizer

from ledg_rt.bundles import digest_of
from ledg_rt.errors import BundleError

MODEL = "embedder.onnx"
TOKENIZER = "tokenizer.json"
OUTPUT = "sentence_embedding"
WIDTH = 384
TOKEN_LIMIT = 128
"""Tokens of a sentence that are read, the two special ones included; the rest is cut."""

Vectors = npt.NDArray[np.float32]

# Whatever NumPy raises on a file that is no archive (TypeError: a lone array is no context manager) or a broken one.
_DAMAGED = (ValueError, KeyError, TypeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


class Embedder:
    """Vectors of sentences. Every text is encoded alone, so its vector never depends on its neighbours."""

    @classmethod
    def of_bundle(cls, folder: Path) -> Embedder:
        """That of a bundle folder, with the vectors that it holds where it holds any.

        Raises:
            BundleError: the table of sentences is damaged.
        """
        path = folder / "sentences.npz"
        return cls(folder, load_table(path) if path.is_file() else None)

    def __init__(
        self,
        folder: Path,
        table: Mapping[str, Vectors] | None = None,
        threads: int = 1,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            folder: holds ``embedder.onnx`` and ``tokenizer.json``.
            table: known vectors (``load_table``), float32 [384] each.
            threads: of the encoder, at least 1. Vectors do not depend on it.
            digests: sha256 by file name, checked when a file is loaded.
        """
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        self._folder = folder
        self._vectors: dict[str, Vectors] = dict(table or {})
        self._threads = threads
        self._digests = dict(digests or {})
        self._tokenizer: Tokenizer | None = None
        self._session: onnxruntime.InferenceSession | None = None

    def embed(self, sentences: Sequence[str]) -> Vectors:
        """Vectors of unit length, in the order of ``sentences``: float32 [len(sentences), 384].

        Raises:
            BundleError: a sentence is not in the table and a file of the encoder is missing or damaged.
        """
        for sentence in sentences:
            if sentence not in self._vectors:
                self._vectors[sentence] = self._encode(sentence)
        if not sentences:
            return np.zeros((0, WIDTH), np.float32)
        return np.stack([self._vectors[sentence] for sentence in sentences])

    def was_cut(self, sentence: str) -> bool:
        """Whether the encoder reads only the first ``TOKEN_LIMIT`` tokens of ``sentence``.

        Raises:
            BundleError: the tokenizer is needed to tell and missing or damaged.
        """
        # A token takes a character or more. Not so outside ASCII: normalisation can make one into three.
        if sentence.isascii() and len(sentence) <= TOKEN_LIMIT - 2:
            return False
        return bool(self._tokenize(sentence).overflowing)

    def _encode(self, sentence: str) -> Vectors:
        ids = np.array([self._tokenize(sentence).ids], np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        (vectors,) = self._load_session().run([OUTPUT], feeds)
        return np.asarray(vectors[0], np.float32)

    def _tokenize(self, sentence: str) -> Encoding:
        # Bytes of a command line that are no UTF-8 arrive as lone surrogates, which the tokenizer refuses.
        return self._load_tokenizer().encode(sentence.encode("utf-8", "replace").decode("utf-8"))

    def _checked(self, name: str) -> Path:
        path = self._folder / name
        if name in self._digests and path.is_file() and digest_of(path) != self._digests[name]:
            raise _unusable(path, "sha256 differs from the manifest")
        return path

    def _load_tokenizer(self) -> Tokenizer:
        if self._tokenizer is None:
            path = self._checked(TOKENIZER)
            try:
                tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
            except OSError as error:
                raise _unusable(path, error.strerror or "cannot be read") from None
            except Exception as error:  # the tokenizers package raises bare Exception
                raise _unusable(path, f"not a tokenizer ({error})") from None
            tokenizer.no_padding()
            tokenizer.enable_truncation(TOKEN_LIMIT)
            self._tokenizer = tokenizer
        return self._tokenizer

    def _load_session(self) -> onnxruntime.InferenceSession:
        if self._session is None:
            path = self._checked(MODEL)
            if not path.is_file():
                raise _unusable(path, "no such file")
            try:
                session = onnxruntime.InferenceSession(
                    path, session_options(self._threads), ["CPUExecutionProvider"]
                )
            except Exception as error:  # ONNX Runtime's errors have no base class of their own
                raise _unusable(path, f"not a usable model ({error})") from None
            names = [slot.name for slot in (*session.get_inputs(), *session.get_outputs())]
            if names != ["input_ids", "attention_mask", OUTPUT]:
                raise _unusable(path, f"not an embedder: its inputs and outputs are {', '.join(names)}")
            self._session = session
        return self._session


def save_table(path: Path, sentences: Sequence[str], vectors: Vectors) -> None:
    """Write a table for ``load_table``: a temporary file first, then renamed over ``path``.

    Args:
        path: the ``.npz`` file; the same table gives the same bytes.
        sentences: without duplicates.
        vectors: float32 [len(sentences), width].

    Raises:
        ValueError: a duplicate, a sentence that NumPy cannot store (it drops final NULs), or other shapes.
    """
    words = np.array(sentences, np.str_).reshape(-1)
    if words.tolist() != list(sentences) or len(set(sentences)) != len(sentences):
        raise ValueError("sentences must be distinct and must not end in NUL")
    if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != len(words):
        raise ValueError(
            f"{len(words)} sentences need as many float32 rows, not {vectors.dtype} {vectors.shape}"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, sentences=words, vectors=vectors)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_table(path: Path) -> dict[str, Vectors]:
    """Sentence -> float32 [width], from a file of ``save_table``. Never unpickles.

    Raises:
        BundleError: the file is missing, damaged or no such table.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            sentences, vectors = arrays["sentences"], arrays["vectors"]
    except OSError as error:
        raise _unusable(path, error.strerror or "cannot be read") from None
    except _DAMAGED as error:
        raise _unusable(path, f"not a table of sentences ({error})") from None
    if sentences.ndim != 1 or sentences.dtype.kind != "U" or vectors.dtype != np.float32:
        raise _unusable(path, f"not a table of sentences ({sentences.dtype} and {vectors.dtype})")
    if vectors.ndim != 2 or len(vectors) != len(sentences) or not np.isfinite(vectors).all():
        raise _unusable(path, f"{len(sentences)} sentences and vectors of shape {vectors.shape}")
    return dict(zip(sentences.tolist(), vectors, strict=True))


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """How every model of a bundle is run: sequentially, on ``threads`` threads that do not spin."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # "All" would add layouts chosen by the CPU at hand.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    # Idle threads that spin would slow down the predictor's.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _unusable(path: Path, reason: str) -> BundleError:
    return BundleError("bundle", f"{path}: {reason}", "reinstall ledg-rt")
