"""A bundle: the folder that holds a trained predictor, its embedder and a manifest that vouches for both.

Files: ``encoder.onnx``, ``head.onnx``, ``known.json`` (names of platforms that training met, at all levels), ``kin.npz`` (see ``kinship``), ``rates.npz`` (see ``rates``),
``embedder.onnx``, ``tokenizer.json``, ``sentences.npz``, ``manifest.json``. The manifest names the sha256 of every other file, the format of the encodings, the
devices that were trained on and the calibration of the intervals.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledg_rt.errors import BundleError

MANIFEST = "manifest.json"
KNOWN = "known.json"
KIN = "kin.npz"
RATES = "rates.npz"
FORMAT = 10
REQUIRED = (
    "encoder.onnx",
    "head.onnx",
    KNOWN,
    KIN,
    RATES,
    "embedder.onnx",
    "tokenizer.json",
    "sentences.npz",
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle. ``sha256`` is that of the manifest, which in turn holds those of the files.

    ``interval``: half width of the 80 % interval over the predicted spread, by evidence and kind of device (``all`` for
    kinds that are not named).
    """

    folder: Path
    name: str
    sha256: str
    template: str
    devices: frozenset[str]
    interval: Mapping[str, Mapping[str, float]]
    ranges: Mapping[str, tuple[float, float]]
    files: Mapping[str, str]

    def path(self, name: str) -> Path:
        """The path of a file of the bundle after its digest was checked.

        Raises:
            BundleError: the file is missing or not the one that the manifest vouches for.
        """
        path = self.folder / name
        try:
            digest = digest_of(path)
        except OSError as error:
            raise BundleError(
                "bundle", f"{path}: cannot be read: {error.strerror}", "reinstall ledg-rt"
            ) from None
        if digest != self.files.get(name):
            raise BundleError("bundle", f"{path}: sha256 differs from the manifest", "reinstall ledg-rt")
        return path

    def known(self) -> frozenset[str]:
        """Names of platforms that training met, see ``encoding.platform_keys``.

        Raises:
            BundleError: the file is missing or not the one that the manifest vouches for.
        """
        return frozenset(json.loads(self.path(KNOWN).read_text(encoding="utf-8")))


def open_bundle(folder: Path | None = None) -> Bundle:
    """Open ``folder``, or ``$LEDG_BUNDLE``, or the bundle that ships with the package.

    Raises:
        BundleError: no manifest, an unreadable one, or one of another format.
    """
    folder = folder or Path(os.environ.get("LEDG_BUNDLE") or Path(__file__).parent / "bundle")
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        table: dict[str, Any] = json.loads(data)
        if table["format"] != FORMAT:
            older = table["format"] < FORMAT
            raise BundleError(
                "bundle", f"{path}: format {table['format']} is {'older' if older else 'newer'} than this ledg-rt",
                "train it anew" if older else "upgrade ledg-rt",
            )  # fmt: skip
        return Bundle(
            folder=folder, name=table["name"], sha256=hashlib.sha256(data).hexdigest(), template=table["template"],
            devices=frozenset(table["devices"]), interval={name: dict(factors) for name, factors in table["interval"].items()},
            ranges={name: (low, high) for name, (low, high) in table["ranges"].items()}, files=dict(table["files"]),
        )  # fmt: skip
    except OSError as error:
        raise BundleError(
            "bundle", f"{path}: {error.strerror}", "point --bundle at a bundle folder"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError("bundle", f"{path}: not a manifest ({error})", "reinstall ledg-rt") from None


def digest_of(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
