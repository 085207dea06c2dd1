from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from ledg_rt.errors import LedgError
from ledg_rt.measurements import LineCode
from ledg_rt.results import Code, Failure, Flag, Latency, Status, UnknownOp, four_digits, from_dict, to_dict
from ledg_rt.schema import fault, row_schema

EXAMPLE = json.loads((Path(__file__).parent / "rendering" / "row.json").read_text(encoding="utf-8"))
DOCS = Path(__file__).parents[1] / "docs" / "errors.md"


def error_row():
    changes = {
        "latency_ms": None,
        "roofline_ms": None,
        "bound_ms": None,
        "batch": None,
        "status": Status.ERROR,
    }
    return replace(from_dict(EXAMPLE), error=Failure("cycle", "a cycle through 'x'", ""), **changes)


def partial_row():
    row = from_dict(EXAMPLE)
    model = replace(row.model, unknown_ops=(UnknownOp("", "Nope", 2),), coverage=0.5)
    return replace(row, model=model, status=Status.PARTIAL, flags=("unknown_ops",))


@pytest.mark.parametrize("make", [lambda: from_dict(EXAMPLE), error_row, partial_row])
def test_every_kind_of_row_fits_the_schema_and_returns(make):
    row = make()
    table = json.loads(json.dumps(to_dict(row)))
    jsonschema.Draft202012Validator(row_schema()).validate(table)
    assert fault(table) is None
    assert from_dict(table) == row


def test_the_keys_are_those_of_the_contract_in_its_order():
    table = to_dict(from_dict(EXAMPLE))
    assert table == EXAMPLE
    assert list(table) == [
        "schema_version", "tool_version", "bundle", "model", "platform", "mode", "batch", "precision", "threads",
        "latency_ms", "roofline_ms", "bound_ms", "flags", "status", "error",
    ]  # fmt: skip
    assert list(table["model"]) == [
        "path", "bytes", "graph_sha256", "nodes", "macs", "weight_bytes", "unknown_ops", "coverage",
    ]  # fmt: skip


def test_the_schema_itself_is_valid():
    jsonschema.Draft202012Validator.check_schema(row_schema())


def test_floats_are_rounded_and_counts_are_not():
    row = replace(
        from_dict(EXAMPLE), latency_ms=Latency(1.00004, 12.34567, 99999.0), roofline_ms=0.00012345678
    )
    table = to_dict(row)
    assert table["latency_ms"] == {"p10": 1.0, "p50": 12.35, "p90": 100000.0}
    assert table["roofline_ms"] == 0.0001235
    assert table["model"]["macs"] == 1814073344


@pytest.mark.parametrize(
    ("value", "rounded"), [(123456.0, 123500.0), (0.00098765, 0.0009877), (5.0, 5.0), (0.0, 0.0)]
)
def test_four_digits(value, rounded):
    assert four_digits(value) == rounded


@pytest.mark.parametrize(
    "quantiles",
    [(0, 1, 2), (-1, 1, 2), (1, math.nan, 2), (1, 2, math.inf), (2, 1, 3), (1, 3, 2), (math.nan, 1, 2)],
)
def test_no_latency_is_infinite_negative_or_out_of_order(quantiles):
    with pytest.raises(ValueError, match="no latency"):
        Latency(*quantiles)


def test_an_error_row_has_no_latency():
    with pytest.raises(ValueError, match="an error row has"):
        replace(from_dict(EXAMPLE), status=Status.ERROR, error=Failure("cycle", "m"))


def test_a_row_without_latency_has_an_error():
    with pytest.raises(ValueError, match="an error row has"):
        replace(from_dict(EXAMPLE), latency_ms=None)


def test_a_partial_row_says_why():
    with pytest.raises(ValueError, match="flag"):
        replace(from_dict(EXAMPLE), status=Status.PARTIAL)


MUTATIONS = {
    "no model": lambda row: row.pop("model"),
    "no path": lambda row: row["model"].pop("path"),
    "path is a number": lambda row: row["model"].update(path=3),
    "strange key": lambda row: row.update(latency="1 ms"),
    "strange nested key": lambda row: row["platform"].update(vendor="x"),
    "nodes is true": lambda row: row["model"].update(nodes=True),
    "negative nodes": lambda row: row["model"].update(nodes=-1),
    "half a node": lambda row: row["model"].update(nodes=1.5),
    "coverage is text": lambda row: row["model"].update(coverage="1"),
    "batch of none": lambda row: row.update(batch=0),
    "unknown status": lambda row: row.update(status="fine"),
    "unknown flag": lambda row: row.update(flags=["shiny"]),
    "flags are text": lambda row: row.update(flags="unknown_ops"),
    "measured": lambda row: row.update(mode="measured"),
    "latency is a number": lambda row: row.update(latency_ms=1.0),
    "quantile missing": lambda row: row["latency_ms"].pop("p90"),
    "error of an unknown code": lambda row: row.update(error={"code": "x", "message": "", "hint": ""}),
    "operator without count": lambda row: row["model"].update(unknown_ops=[{"domain": "", "op": "x"}]),
    "ok without latency": lambda row: row.update(latency_ms=None),
    "ok with an error": lambda row: row.update(error={"code": "cycle", "message": "", "hint": ""}),
    "error with latency": lambda row: row.update(status="error"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_rows_that_the_schema_refuses_are_refused(mutation):
    table = copy.deepcopy(EXAMPLE)
    MUTATIONS[mutation](table)
    assert not jsonschema.Draft202012Validator(row_schema()).is_valid(table)
    with pytest.raises(LedgError, match="not a row"):
        from_dict(table)


@pytest.mark.parametrize("table", [None, [], "row", {}])
def test_what_is_no_object_is_no_row(table):
    with pytest.raises(LedgError, match="not a row"):
        from_dict(table)


def test_a_newer_row_is_told_from_a_broken_one():
    with pytest.raises(LedgError, match="schema version 2"):
        from_dict({**EXAMPLE, "schema_version": 2})


def test_quantiles_out_of_order_in_a_file_are_a_usage_error():
    with pytest.raises(LedgError, match="no latency"):
        from_dict({**EXAMPLE, "latency_ms": {"p10": 3, "p50": 2, "p90": 1}})


def test_a_latency_beyond_all_hardware_in_a_file_is_a_usage_error():
    with pytest.raises(LedgError, match="no latency"):
        from_dict({**EXAMPLE, "latency_ms": {"p10": 1e-320, "p50": 1e-310, "p90": 1}})


def documented(heading):
    """The first cells of the table below ``heading`` in docs/errors.md."""
    _, _, after = DOCS.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    section, _, _ = after.partition("\n## ")
    return [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]


def test_flags_and_codes_are_the_same_in_code_schema_and_docs():
    properties = row_schema()["properties"]
    assert properties["flags"]["items"]["enum"] == [str(flag) for flag in Flag]
    assert properties["error"]["properties"]["code"]["enum"] == [str(code) for code in Code]
    assert documented("Flags") == [*Flag]
    assert documented("Error codes") == [*Code]


def test_codes_of_lines_are_the_same_in_code_and_docs():
    assert documented("Codes of lines") == [*LineCode]
