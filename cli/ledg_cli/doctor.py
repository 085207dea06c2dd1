"""``ledg doctor``: does this installation work?"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from ledg_cli.options import BundleFolder, PageFormat
from ledg_cli.pages import write_json, write_table
from ledg_rt.errors import BundleError, LedgError

PACKAGES = ("numpy", "onnx", "onnxruntime", "tokenizers")
PLATFORM = "4-core x86 CPU at 3 GHz, onnxruntime fp32, 4 threads"
NETWORK = """
<ir_version: 8, opset_import: ["" : 17]>
doctor (float[1, 3, 32, 32] x) => (float[1, 2, 32, 32] z)
<float[2, 3, 1, 1] w = {1, 1, 1, 1, 1, 1}> {
  y = Conv <kernel_shape = [1, 1]> (x, w)
  z = Relu (y)
}
"""
"""A tiny model in ONNX's own text form: enough to walk the whole way to a number."""


def doctor(
    bundle: BundleFolder = None,
    format: Annotated[PageFormat, typer.Option(help="How to write the findings.")] = PageFormat.TABLE,
) -> int:
    """Check that this installation works.

    Looks at versions, the bundle, the embedder and the reader, and makes one real prediction. Exits with 2 if anything is wrong.
    """
    checks: dict[str, Callable[[], str]] = {
        "python": lambda: f"{sys.version.split()[0]} on {sys.platform}",
        "versions": _versions,
        "bundle": lambda: _bundle(bundle),
        "embedder": lambda: _embedder(bundle),
        "reader": lambda: _reader(bundle),
        "prediction": lambda: _prediction(bundle),
    }
    findings = [{"check": name, **_finding(check)} for name, check in checks.items()]
    if format is PageFormat.JSON:
        write_json(findings)
    else:
        write_table([tuple(finding.values()) for finding in findings])
    return 2 if any(finding["result"] == "failed" for finding in findings) else 0


def _finding(check: Callable[[], str]) -> dict[str, str]:
    try:
        return {"result": "ok", "detail": check()}
    except LedgError as error:
        return {"result": "failed", "detail": f"{error.message}; {error.hint}"}
    except Exception as error:  # to find what nobody foresaw is what this command is for
        return {"result": "failed", "detail": f"{type(error).__name__}: {error}"}


def _versions() -> str:
    from importlib.metadata import version

    from ledg_rt.results import tool_version

    return ", ".join((f"ledg-rt {tool_version()}", *(f"{name} {version(name)}" for name in PACKAGES)))


def _bundle(folder: Path | None) -> str:
    from ledg_rt.bundles import REQUIRED, open_bundle

    bundle = open_bundle(folder)
    for name in {*REQUIRED, *bundle.files}:
        bundle.path(name)
    return (
        f"{bundle.name} in {bundle.folder}, sha256 {bundle.sha256[:12]}, {len(bundle.files)} files verified"
    )


def _embedder(folder: Path | None) -> str:
    from ledg_rt.bundles import open_bundle
    from ledg_rt.embedding import WIDTH, Embedder

    vectors = Embedder(open_bundle(folder).folder).embed([f"ledg doctor {os.getpid()}"])
    if vectors.shape != (1, WIDTH):
        raise BundleError(
            "bundle", f"the embedder gives {vectors.shape}, not (1, {WIDTH})", "reinstall ledg-rt"
        )
    return f"{WIDTH} dimensions"


def _reader(folder: Path | None) -> str:
    from ledg_rt.predictor import Predictor

    with Predictor(folder):
        return "reading process started"


def _prediction(folder: Path | None) -> str:
    import onnx.parser

    from ledg_rt.predictor import Predictor

    with TemporaryDirectory(prefix="ledg-doctor-") as place, Predictor(folder) as predictor:
        path = Path(place) / "doctor.onnx"
        path.write_bytes(onnx.parser.parse_model(NETWORK).SerializeToString())
        (row,) = predictor.predict([path], [PLATFORM])
    if row.error is not None:
        raise LedgError(row.error.code, row.error.message, row.error.hint)
    if row.latency_ms is None:
        raise LedgError("internal", "a row without a number and without an error", "please report it")
    return f"{row.latency_ms.p50:.4g} ms for a tiny model on {PLATFORM!r}"
