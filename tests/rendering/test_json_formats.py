from __future__ import annotations

import io
import json
import os

import pytest

from ledg_rt.rendering import renderer
from ledg_rt.results import from_dict, to_dict


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_hostile_names_survive_in_ascii(rendered, make_row, failed, hostile, name):
    rows = [make_row(hostile, hostile), failed(hostile, hostile)]
    text = rendered(name, rows)
    assert text.isascii()
    found = json.loads(text) if name == "json" else [json.loads(line) for line in text.splitlines()]
    assert [from_dict(table) for table in found] == rows


def test_a_path_that_is_not_utf8_names_the_same_file_again(rendered, make_row):
    path = os.fsdecode(b"caf\xe9.onnx")
    (found,) = json.loads(rendered("json", [make_row(path)]))
    assert os.fsencode(found["model"]["path"]) == b"caf\xe9.onnx"


def test_json_without_rows_is_an_empty_array(rendered):
    assert json.loads(rendered("json", [])) == []


def test_json_writes_nothing_before_the_last_row(make_row):
    stream = io.StringIO()

    def rows():
        yield make_row()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renderer("json")(rows(), stream)
    assert stream.getvalue() == ""


def test_jsonl_has_each_row_before_the_next_is_computed(make_row):
    stream = io.StringIO()
    row = make_row()

    def rows():
        yield row
        assert stream.getvalue().endswith("\n")
        assert json.loads(stream.getvalue()) == to_dict(row)
        yield row

    renderer("jsonl")(rows(), stream)
    assert len(stream.getvalue().splitlines()) == 2


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="no format 'xml'"):
        renderer("xml")
