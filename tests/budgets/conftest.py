from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledg_rt.budgets import Budget, Configuration
from ledg_rt.budgets.cases import Case
from ledg_rt.platforms import Platform, resolve
from ledg_rt.results import Explained, Failure, Latency, NodeShare, PlatformInfo, Row, Status, from_dict

EXAMPLE = from_dict(
    json.loads((Path(__file__).parents[1] / "rendering" / "row.json").read_text(encoding="utf-8"))
)
T4, PI = "nvidia-t4/tensorrt/fp16", "raspberry-pi-4/tflite/fp32"


@pytest.fixture
def make_row() -> Callable[..., Row]:
    """A row of a path, a median (``None``: an error) and a platform; p90 is 1.2 times the median."""

    def make(
        path: str = "a.onnx",
        p50: float | None = 10.0,
        platform: str = T4,
        flags: tuple[str, ...] = (),
        **changes: Any,
    ) -> Row:
        info = PlatformInfo(platform, platform, resolve(platform).sha256)
        parts: dict[str, Any] = {"model": replace(EXAMPLE.model, path=path), "platform": info, "flags": flags}
        if p50 is None:
            error = Failure("unreadable", "there is no such file", "check the path")
            nothing = {"latency_ms": None, "roofline_ms": None, "bound_ms": None}
            parts |= {"status": Status.ERROR, "error": error, **nothing}
        else:
            parts |= {"latency_ms": Latency(p50 / 1.2, p50, p50 * 1.2)}
            parts |= {"status": Status.PARTIAL if "unknown_ops" in flags else Status.OK}
        return replace(EXAMPLE, **{**parts, **changes})

    return make


@pytest.fixture
def make_budget() -> Callable[..., Budget]:
    """A budget of 35 ms on t4 for all models of the folder."""

    def make(**changes: Any) -> Budget:
        return replace(Budget("b", ("*.onnx",), ("t4",), limit_ms=35.0), **changes)

    return make


@pytest.fixture
def make_case(make_row, make_budget) -> Callable[..., Case]:
    """A case of a model's row under a budget."""

    def make(row: Row | None = None, **changes: Any) -> Case:
        row = row or make_row()
        nodes = (NodeShare("/conv", "Conv with learned weights kernel 3x3", 0.5),) if row.latency_ms else ()
        return Case(make_budget(**changes), "t4", row.model.path, Explained(row, nodes))

    return make


@pytest.fixture
def make_configuration(tmp_path) -> Callable[..., Configuration]:
    """A configuration of the current, empty folder with the platforms t4 and pi."""

    def make(*budgets: Budget) -> Configuration:
        return Configuration(Path("ledg.toml"), {"t4": ("id", T4), "pi": ("id", PI)}, budgets)

    return make


class FakePredictor:
    """Answers with 1 ms for each letter of the file; ``runs`` are the arguments that it got."""

    def __init__(self, make_row: Callable[..., Row]) -> None:
        self._make_row = make_row
        self.runs: list[tuple[list[str], list[str], dict[str, Any]]] = []

    def iter_explain(
        self, models: list[str], platforms: list[Platform], **options: Any
    ) -> Iterator[Explained]:
        self.runs.append((models, [platform.id for platform in platforms], options))
        for model in models:
            for platform in platforms:
                size = Path(model).stat().st_size
                yield Explained(self._make_row(model, float(size) if size else None, platform.id))


@pytest.fixture
def predictor(make_row) -> FakePredictor:
    """A predictor that needs no bundle."""
    return FakePredictor(make_row)


@pytest.fixture
def models(tmp_path, monkeypatch) -> Callable[..., None]:
    """Makes files of so many letters in the current folder."""
    monkeypatch.chdir(tmp_path)

    def make(**sizes: int) -> None:
        for name, size in sizes.items():
            path = tmp_path / f"{name.replace('__', '/')}.onnx"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x" * size)

    return make
