from __future__ import annotations

import csv
import io

from ledg_rt.rendering.csv import COLUMNS


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_columns_are_the_keys_of_the_json_form(rendered, make_row, partial):
    (row, other) = parsed(rendered("csv", [make_row(), partial("p.onnx")]))
    assert tuple(row) == COLUMNS
    assert row["model.path"] == "models/resnet18.onnx"
    assert row["latency_ms.p50"] == "1.234"
    assert row["threads"] == ""
    assert row["model.unknown_ops"] == ""
    assert other["model.unknown_ops"] == "acme:Warp:3"
    assert other["flags"] == "unknown_ops unresolved_shape"


def test_error_rows_have_no_latency(rendered, failed):
    (row,) = parsed(rendered("csv", [failed("e.onnx")]))
    assert [row[name] for name in ("status", "error.code", "latency_ms.p50")] == ["error", "empty_file", ""]


def test_hostile_names_are_no_formula_and_one_line(rendered, make_row, failed, hostile):
    text = rendered("csv", [make_row(hostile, hostile), failed(hostile, hostile, hostile)])
    assert len(text.splitlines()) == 3
    text.encode("utf-8")
    for row in parsed(text):
        for value in row.values():
            assert not value.lstrip().startswith(("=", "+", "-", "@"))
            assert "##[" not in value


def test_rows_are_written_as_they_come(make_row):
    from ledg_rt.rendering import renderer

    stream = io.StringIO()

    def rows():
        yield make_row("first.onnx")
        assert "first.onnx" in stream.getvalue()
        yield make_row("second.onnx")

    renderer("csv")(rows(), stream)
    assert "second.onnx" in stream.getvalue()
