from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledg_rt.budgets import Budget, Level, OnUnknown
from ledg_rt.budgets.cases import Case
from ledg_rt.budgets.report import Report, make_report
from ledg_rt.budgets.verdicts import judge_all
from ledg_rt.rendering import PLAIN, Style
from ledg_rt.rendering.check import renderer
from ledg_rt.results import BundleInfo, Explained, Latency, NodeShare, Row

NODES = (
    NodeShare("/layer4/conv2", "Conv with learned weights kernel 3x3", 0.312, "d0"),
    NodeShare("/layer4/conv1", "Conv with learned weights kernel 3x3", 0.2, "d1"),
    NodeShare("/fc", "Gemm with learned weights", 0.051, "d2"),
)


@pytest.fixture
def case() -> Callable[..., Case]:
    """A row under a budget of 35 ms."""

    def make(row: Row, p50: float | None = None, nodes: tuple[NodeShare, ...] = NODES, **terms: Any) -> Case:
        if p50 is not None:
            row = replace(row, latency_ms=Latency(p50 * 0.8, p50, p50 * 1.2))
        nodes = nodes if row.latency_ms else ()
        budget = replace(Budget("vision", ("**",), ("phone",), limit_ms=35.0), **terms)
        return Case(budget, "phone", row.model.path, Explained(row, nodes))

    return make


@pytest.fixture
def report_of() -> Callable[..., Report]:
    """The report on cases, perhaps against those of a base."""

    def make(cases: list[Case], base: list[Case] | None = None) -> Report:
        return make_report("ledg.toml", BundleInfo("ledg", "b5bb"), None, judge_all(cases, base))

    return make


@pytest.fixture
def report(case, make_row, failed, partial, report_of) -> Report:
    """A report with every outcome, breach and note that there is, and a suggestion."""
    growth = {"name": "growth", "limit_ms": None, "max_increase": 0.05}
    cases = [
        case(make_row("models/kept.onnx"), 30.0),
        case(make_row("models/slow.onnx"), 41.2),
        case(failed("models/empty.onnx")),
        case(make_row("models/careful.onnx"), 41.2, name="careful", level=Level.WARN),
        case(make_row("models/off.onnx"), 41.2, name="off", level=Level.OFF),
        case(partial("models/odd.onnx"), name="odd"),
        case(partial("models/strict.onnx"), name="strict", on_unknown_ops=OnUnknown.ERROR),
        case(make_row("models/grown.onnx"), 12.0, **growth),
        case(make_row("models/new.onnx"), 12.0, **growth),
        case(make_row("models/loose.onnx"), 10.0, name="loose"),
    ]
    return report_of(cases, [case(make_row("models/grown.onnx"), 10.0, NODES[1:], **growth)])


@pytest.fixture
def hostile_report(case, make_row, failed, partial, hostile, report_of) -> Report:
    """Reports in which every name is hostile."""
    terms: dict[str, Any] = {"name": hostile}
    cases = [
        case(make_row(hostile, hostile), 41.2, **terms),
        case(failed(hostile, hostile, hostile), **terms),
        case(partial(hostile, hostile), 20.0, **terms),
        case(make_row(hostile, hostile), 20.0, **terms),
        case(make_row("loose.onnx"), 1.0, name=hostile + "2"),
    ]
    nodes = tuple(replace(node, name=hostile, sentence=hostile) for node in NODES)
    cases = [
        replace(item, platform=hostile, answer=replace(item.answer, nodes=nodes if item.answer.nodes else ()))
        for item in cases
    ]
    return report_of(cases)


@pytest.fixture
def written() -> Callable[..., str]:
    """What a format makes of a report."""

    def write(name: str, report: Report, style: Style = PLAIN) -> str:
        stream = io.StringIO(newline="")
        renderer(name)(report, stream, style)
        return stream.getvalue()

    return write
