"""``ledg`` with a predictor that needs no bundle: it answers with tests/rendering/row.json.

A path that is no file gives an error row. FAKE_DELAY: seconds before each row. FAKE_FAULT: a fault to raise.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ledg_rt.platforms import Platform
from ledg_rt.results import Explained, Failure, NodeShare, Row, Status, from_dict

EXAMPLE = from_dict(
    json.loads((Path(__file__).parents[1] / "rendering" / "row.json").read_text(encoding="utf-8"))
)


class FakePredictor:
    """Has the interface of ``ledg_rt.predictor.Predictor``; ``calls`` are the arguments that it got."""

    calls: list[tuple[Any, ...]] = []  # noqa: RUF012

    def __init__(self, bundle: Path | None = None, **options: Any) -> None:
        self.calls.append((bundle, options))

    def iter_predict(self, models: list[str], platforms: list[str], **options: Any) -> Iterator[Row]:
        self.calls.append((models, platforms, options))
        for model in models:
            for platform in platforms:
                time.sleep(float(os.environ.get("FAKE_DELAY", "0")))
                if fault := os.environ.get("FAKE_FAULT"):
                    raise {"MemoryError": MemoryError(), "RuntimeError": RuntimeError("odd\nfault")}[fault]
                yield self._row(model, platform)

    def iter_explain(
        self, models: list[str], platforms: list[Platform], top: int = 3, **options: Any
    ) -> Iterator[Explained]:
        texts = [platform.text for platform in platforms]
        for row in self.iter_predict(models, texts, top=top, **options):
            nodes = (NodeShare("/conv", "Conv with learned weights", 0.5),) if row.latency_ms else ()
            yield Explained(row, nodes)

    def predict(self, models: list[str], platforms: list[str], **options: Any) -> list[Row]:
        return list(self.iter_predict(models, platforms, **options))

    def _row(self, model: str, platform: str) -> Row:
        row = replace(
            EXAMPLE,
            model=replace(EXAMPLE.model, path=model),
            platform=replace(EXAMPLE.platform, text=platform),
        )
        if os.path.isfile(model):
            return row
        error = Failure("unreadable", "there is no such file", "check the path")
        nothing = {"latency_ms": None, "roofline_ms": None, "bound_ms": None}
        return replace(row, status=Status.ERROR, error=error, **nothing)

    def __enter__(self) -> FakePredictor:
        return self

    def __exit__(self, *reason: object) -> None:
        return None


def fake_module() -> ModuleType:
    """To stand for ``ledg_rt.predictor``."""
    module = ModuleType("ledg_rt.predictor")
    module.Predictor = FakePredictor  # type: ignore[attr-defined]
    return module


if __name__ == "__main__":
    sys.modules["ledg_rt.predictor"] = fake_module()
    from ledg_cli.main import main

    main()
