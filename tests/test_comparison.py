from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from ledg_rt.comparison import Kind, compare, comparison_to_dict
from ledg_rt.errors import LedgError
from ledg_rt.results import BundleInfo, Explained, Failure, Latency, Status, from_dict
from ledg_rt.schema import diff_schema, row_schema

EXAMPLE = from_dict(
    json.loads((Path(__file__).parent / "rendering" / "row.json").read_text(encoding="utf-8"))
)


def row(path: str = "a.onnx", p50: float | None = 10.0, sha: str = "s", **changes):
    latency = None if p50 is None else Latency(p50 * 0.8, p50, p50 * 1.2)
    parts = {
        "model": replace(EXAMPLE.model, path=path), "platform": replace(EXAMPLE.platform, sha256=sha), "latency_ms": latency,
    }  # fmt: skip
    if p50 is None:
        parts |= {
            "status": Status.ERROR,
            "error": Failure("empty_file", "the file is empty"),
            "roofline_ms": None,
        }
    return Explained(replace(EXAMPLE, **{**parts, **changes}))


def summary(comparison):
    return [
        (item.kind, item.row.model.path, item.change_ms, item.change_percent)
        for item in comparison.differences
    ]


def test_what_changed_comes_first_and_by_how_much():
    base = [row("same.onnx"), row("gone.onnx"), row("slower.onnx"), row("faster.onnx")]
    head = [row("new.onnx"), row("faster.onnx", 7.5), row("same.onnx"), row("slower.onnx", 12.0)]
    assert summary(compare(base, head)) == [
        (Kind.CHANGED, "faster.onnx", -2.5, -25), (Kind.CHANGED, "slower.onnx", 2, 20), (Kind.ADDED, "new.onnx", None, None),
        (Kind.REMOVED, "gone.onnx", None, None), (Kind.UNCHANGED, "same.onnx", 0, 0),
    ]  # fmt: skip


def test_what_is_printed_alike_is_unchanged():
    assert compare([row(p50=10.0)], [row(p50=10.0001)]).differences[0].kind is Kind.UNCHANGED


def test_a_model_that_cannot_be_read_any_more_has_changed():
    (item,) = compare([row()], [row(p50=None)]).differences
    assert (item.kind, item.base_ms, item.head_ms, item.change_ms) == (Kind.CHANGED, 10, None, None)


def test_rows_belong_together_by_path_and_platform():
    base = [row("./a.onnx"), row("a.onnx", sha="other")]
    head = [row("a.onnx", 11.0), row("a.onnx", 12.0, sha="another")]
    assert [(item.kind, item.base_ms, item.head_ms) for item in compare(base, head).differences] == [
        (Kind.CHANGED, 10, 11), (Kind.ADDED, None, 12), (Kind.REMOVED, 10, None),
    ]  # fmt: skip


def test_of_several_rows_of_a_model_the_first_meets_the_first():
    base, head = (
        [row(p50=10.0, batch=1), row(p50=80.0, batch=8)],
        [row(p50=10.0, batch=1), row(p50=88.0, batch=8)],
    )
    assert [item.change_percent for item in compare(base, head).differences] == [10, 0]


def test_two_bundles_are_compared_only_on_request():
    other = BundleInfo("ledg-2", "f" * 64)
    with pytest.raises(
        LedgError, match="bundle ledg b5bb9d8014a0, the head with ledg-2 ffffffffffff"
    ) as caught:
        compare([row()], [row(bundle=other)])
    assert "--across-bundles" in caught.value.hint
    comparison = compare([row()], [row(p50=11.0, bundle=other)], across_bundles=True)
    assert comparison.head_bundle == other
    with pytest.raises(LedgError, match="the head: rows of several bundles"):
        compare([row()], [row(), row("b.onnx", bundle=other)], across_bundles=True)


def test_the_json_form_fits_its_schema():
    base = [row("same.onnx"), row("gone.onnx"), row("slower.onnx"), row("broken.onnx", None)]
    head = [row("same.onnx"), row("slower.onnx", 12.0), row("new.onnx"), row("broken.onnx", None)]
    table = json.loads(json.dumps(comparison_to_dict(compare(base, head))))
    registry = Registry().with_resource("row.schema.json", Resource.from_contents(row_schema()))
    jsonschema.Draft202012Validator.check_schema(diff_schema())
    jsonschema.Draft202012Validator(diff_schema(), registry=registry).validate(table)
    assert table["counts"] == {"changed": 1, "added": 1, "removed": 1, "unchanged": 2}
    assert diff_schema()["$defs"]["difference"]["properties"]["kind"]["enum"] == list(Kind)
