from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledg_rt.errors import LedgError
from ledg_rt.results import NodeShare, from_dict
from ledg_rt.saved import load_rows

ROW = json.loads((Path(__file__).parent / "rendering" / "row.json").read_text(encoding="utf-8"))
OTHER = {**ROW, "batch": 8}
NODE = {"name": "/conv", "sentence": "Conv", "share": 0.5}


@pytest.fixture
def saved(tmp_path):
    """A file of this text."""

    def save(text: str | bytes) -> Path:
        path = tmp_path / "rows"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return save


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ROW, OTHER]),
        json.dumps([ROW, OTHER], indent=2),
        f"{json.dumps(ROW)}\n{json.dumps(OTHER)}\n",
        f"\ufeff{json.dumps(ROW)}\r\n\r\n{json.dumps(OTHER)}",
        json.dumps({"verdicts": [{"row": ROW}, {"row": OTHER}, {"row": ROW}]}),
        json.dumps([ROW, OTHER, ROW, ROW]),
    ],
)
def test_every_form_that_rows_are_written_in(saved, text):
    assert [item.row for item in load_rows(saved(text))] == [from_dict(ROW), from_dict(OTHER)]


def test_one_line_is_one_row(saved):
    assert [item.row for item in load_rows(saved(json.dumps(ROW)))] == [from_dict(ROW)]


def test_a_report_knows_the_nodes(saved):
    (found,) = load_rows(saved(json.dumps({"verdicts": [{"row": ROW, "nodes": [NODE]}]})))
    assert found.nodes == (NodeShare("/conv", "Conv", 0.5),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no row in it"),
        ("[]", "no row in it"),
        ('{"verdicts": []}', "no row in it"),
        ("{", "line 1 is not JSON"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)[:50]}", "line 2 is not JSON"),
        (b"\xff\xfe", "not UTF-8 text"),
        ("[" * 100_000, "nested too deep"),
        ("1", "not a row"),
        ("[1]", "not a row"),
        ("{}", "not a row: key schema_version is missing"),
        (json.dumps([{**ROW, "schema_version": 9}]), "a row of schema version 9"),
        (json.dumps({"verdicts": [1]}), "not a row"),
        (json.dumps({"row": {}}), "not a row"),
        (json.dumps({"row": ROW, "nodes": 1}), "the nodes of a verdict are damaged"),
        (
            json.dumps({"row": ROW, "nodes": [{**NODE, "share": "much"}]}),
            "the nodes of a verdict are damaged",
        ),
        (
            json.dumps({"row": ROW, "nodes": [{**NODE, "share": float("nan")}]}),
            "the nodes of a verdict are damaged",
        ),
        (
            json.dumps({"row": ROW, "nodes": [{**NODE, "share": 10**400}]}),
            "the nodes of a verdict are damaged",
        ),
        (json.dumps({"row": ROW, "nodes": ["x"]}), "the nodes of a verdict are damaged"),
    ],
)
def test_what_is_no_rows_says_so(saved, text, message):
    path = saved(text)
    with pytest.raises(LedgError) as caught:
        load_rows(path)
    assert caught.value.code == "rows"
    assert caught.value.message.startswith(f"{path}: {message}")
    assert caught.value.hint


def test_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(LedgError, match=str(path)):
            load_rows(path)
