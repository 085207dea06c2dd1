from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledg_rt.rendering import PLAIN, Style, renderer
from ledg_rt.results import Failure, Row, Status, UnknownOp, from_dict

EXAMPLE = json.loads((Path(__file__).parent / "row.json").read_text(encoding="utf-8"))

HOSTILE = (
    "a\nb.onnx", "\x1b[31mred\x1b[0m.onnx", "nul\0.onnx", "::error::pwned.onnx", "##[error]pwned.onnx", "pi|pe\\|.onnx",
    "back`tick.onnx", "``` fence.onnx", "<script>alert(1)</script>.onnx", "=cmd|' /C calc'!A0", "-x.onnx", "@everyone",
    "+1", "\t=1", 'quo"te,comma.onnx', "caf\udce9.onnx", "\u202egnp.onnx", "\u2028line.onnx", "模型.onnx", "🚀.onnx",
    " ", "n" * 300 + ".onnx", "[a](http://x.yz)", "&amp;.onnx", "tail\\",
)  # fmt: skip


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """Rows like row.json, with another path, platform text or fields."""

    def make(
        path: str = "models/resnet18.onnx", text: str = "nvidia-t4/tensorrt/fp16", **changes: Any
    ) -> Row:
        row = from_dict(EXAMPLE)
        model, platform = replace(row.model, path=path), replace(row.platform, text=text)
        return replace(row, **{"model": model, "platform": platform, **changes})

    return make


@pytest.fixture
def failed(make_row: Callable[..., Row]) -> Callable[..., Row]:
    """Error rows."""

    def make(path: str, message: str = "the file is empty", hint: str = "export it again") -> Row:
        error = Failure("empty_file", message, hint)
        changes = {
            "latency_ms": None,
            "roofline_ms": None,
            "bound_ms": None,
            "status": Status.ERROR,
            "error": error,
        }
        return make_row(path, **changes)

    return make


@pytest.fixture
def partial(make_row: Callable[..., Row]) -> Callable[..., Row]:
    """Rows whose graph has an operator that nobody knows."""

    def make(path: str, op: str = "Warp") -> Row:
        row = make_row(path, status=Status.PARTIAL, flags=("unknown_ops", "unresolved_shape"))
        return replace(
            row, model=replace(row.model, unknown_ops=(UnknownOp("acme", op, 3),), coverage=0.91999)
        )

    return make


@pytest.fixture
def rendered() -> Callable[..., str]:
    """What a format makes of rows."""

    def render(name: str, rows: list[Row], style: Style = PLAIN) -> str:
        stream = io.StringIO(newline="")
        renderer(name)(iter(rows), stream, style)
        return stream.getvalue()

    return render


@pytest.fixture(params=HOSTILE, ids=ascii)
def hostile(request: pytest.FixtureRequest) -> str:
    """A name that wants to be more than a name."""
    name: str = request.param
    return name
