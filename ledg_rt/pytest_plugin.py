"""Latency budgets in a project's own tests, loaded by pytest wherever ledg-rt is installed.

    def test_fits_the_phone(assert_latency):
        assert_latency("model.onnx", platform="raspberry-pi-5/tflite/int8/4t", limit="35 ms")

Nothing but this module is imported until a test asks for the fixture.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ledg_rt.budgets.cases import Case
    from ledg_rt.predictor import Predictor
    from ledg_rt.results import Row

MARKER = "latency"
TERMS = ("platform", "limit", "basis", "on_unknown_ops", "batch", "shapes")


class LatencyWarning(UserWarning):
    """A latency that was asserted does not cover the whole graph of its model."""


class AssertLatency:
    """What the fixture ``assert_latency`` is; call it with a model."""

    def __init__(self, predictor: Predictor, root: Path, defaults: Mapping[str, Any]) -> None:
        self._predictor = predictor
        self._root = root
        self._defaults = defaults

    def __call__(
        self,
        model: str | os.PathLike[str],
        *,
        platform: str | None = None,
        limit: str | None = None,
        basis: str | None = None,
        on_unknown_ops: str | None = None,
        batch: int | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> Row:
        """Assert that ``model`` is predicted to take at most ``limit`` on ``platform``; the row is returned.

        Args:
            model: path of an .onnx file, relative to pytest's root directory.
            platform: catalogue id, .toml file or free text.
            limit: latency with its unit: ``"35 ms"``.
            basis: ``"p50"`` (default), or ``"upper"`` for the upper end of the interval.
            on_unknown_ops: what a number does that does not cover the whole graph: ``"error"``, ``"warn"``
                (default, a ``LatencyWarning``) or ``"ignore"``.
            batch: samples in one run.
            shapes: dimensions of graph inputs by name.

        What is not given comes from the marker ``latency``.

        Raises:
            AssertionError: the limit is broken, or the model cannot be read.
            LedgError: a limit without a unit, no platform, or one that cannot be understood.
        """
        __tracebackhide__ = True
        from ledg_rt.budgets.verdicts import Outcome, judge_all
        from ledg_rt.rendering.check import words

        given = {
            "platform": platform, "limit": limit, "basis": basis, "on_unknown_ops": on_unknown_ops, "batch": batch,
            "shapes": shapes,
        }  # fmt: skip
        terms = {**self._defaults, **{name: value for name, value in given.items() if value is not None}}
        (verdict,) = judge_all([self._case(os.fspath(model), terms)], None)
        texts = [f"{words.place(verdict)}: {'; '.join(words.reasons(verdict))}", *words.nodes(verdict)]
        if verdict.outcome in (Outcome.FAILED, Outcome.UNREADABLE):
            raise AssertionError("\n".join(texts))
        if verdict.outcome is Outcome.WARNED:
            warnings.warn(texts[0], LatencyWarning, stacklevel=2)
        return verdict.case.answer.row

    def _case(self, model: str, terms: Mapping[str, Any]) -> Case:
        from ledg_rt.budgets.cases import Case
        from ledg_rt.budgets.configuration import Basis, Budget, OnUnknown
        from ledg_rt.budgets.quantities import parse_ms
        from ledg_rt.errors import LedgError

        for name in ("platform", "limit"):
            if name not in terms:
                raise LedgError("usage", f"assert_latency: no {name}", f"give {name}=, or a {MARKER} marker")
        try:
            budget = Budget(
                name="assert_latency",
                models=(model,),
                platforms=(terms["platform"],),
                limit_ms=parse_ms(str(terms["limit"])),
                basis=Basis(terms.get("basis", Basis.P50)),
                on_unknown_ops=OnUnknown(terms.get("on_unknown_ops", OnUnknown.WARN)),
            )
        except ValueError as error:
            raise LedgError("usage", f"assert_latency: {error}") from None
        path = os.path.relpath(self._root / model)
        (answer,) = self._predictor.iter_explain(
            [path], [terms["platform"]], batch=terms.get("batch"), shapes=terms.get("shapes")
        )
        return Case(budget, terms["platform"], model, answer)


@pytest.fixture(scope="session")
def ledg_predictor() -> Iterator[Predictor]:
    """The predictor of all assertions of a session, with the shipped bundle; override it for another one."""
    from ledg_rt.predictor import Predictor

    with Predictor() as predictor:
        yield predictor


@pytest.fixture
def assert_latency(request: pytest.FixtureRequest, ledg_predictor: Predictor) -> AssertLatency:
    """Assert predicted latencies; see ``AssertLatency``. Defaults come from ``latency`` markers."""
    from ledg_rt.errors import LedgError

    defaults: dict[str, Any] = {}
    for marker in reversed(
        list(request.node.iter_markers(MARKER))
    ):  # the nearest is the last to have its say
        if marker.args or set(marker.kwargs) - set(TERMS):
            raise LedgError(
                "usage", f"{MARKER} marker of {request.node.name}: only {', '.join(TERMS)}, by name"
            )
        defaults |= marker.kwargs
    return AssertLatency(ledg_predictor, request.config.rootpath, defaults)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{MARKER}({', '.join(TERMS)}): defaults of the fixture assert_latency"
    )
