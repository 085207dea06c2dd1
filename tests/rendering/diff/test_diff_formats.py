"""Every format of a comparison: what it says, and that hostile names cannot break it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace

import jsonschema
import pytest
from markdown_it import MarkdownIt
from referencing import Registry, Resource

from ledg_rt.comparison import Comparison, compare
from ledg_rt.rendering import PLAIN, Style
from ledg_rt.rendering.diff import FORMATS, renderer
from ledg_rt.rendering.diff.csv import COLUMNS
from ledg_rt.results import Explained, Latency
from ledg_rt.schema import diff_schema, row_schema

REGISTRY = Registry().with_resource("row.schema.json", Resource.from_contents(row_schema()))


@pytest.fixture
def compared(make_row, failed) -> Callable[[str], Comparison]:
    """A comparison with all kinds, each model named ``name`` and a number."""

    def make(name: str) -> Comparison:
        def row(at: int, p50: float):
            return Explained(make_row(f"{name}{at}", name, latency_ms=Latency(p50, p50, p50)))

        broken = failed(f"{name}4", name, name)
        broken = Explained(replace(broken, platform=row(4, 1).row.platform))
        return compare(
            [row(0, 10), row(1, 8), row(2, 5), row(4, 2)], [row(0, 12.5), row(1, 8), row(3, 0.5), broken]
        )

    return make


@pytest.fixture
def written() -> Callable[..., str]:
    def write(name: str, comparison: Comparison, style: Style = PLAIN) -> str:
        stream = io.StringIO(newline="")
        renderer(name)(comparison, stream, style)
        return stream.getvalue()

    return write


def test_table(written, compared):
    assert written("table", compared("m")) == (
        "         model  platform  base ms  head ms     change ms  change\n"
        "changed  m0     m         10.00    12.50       +2.5       +25 %\n"
        "changed  m4     m         2.000    empty_file  -          -\n"
        "added    m3     m         -        0.5000      -          -\n"
        "removed  m2     m         5.000    -           -          -\n"
        "2 changed, 1 added, 1 removed, 1 unchanged\n"
    )


def test_a_narrow_table_has_a_few_lines_each(written, compared):
    lines = written("table", compared("m"), Style(width=30)).splitlines()
    assert lines[:3] == ["changed m0 on m", "  base ms 10.00, head ms", "  12.50, change ms +2.5,"]
    assert max(map(len, lines[:-1])) <= 30


def test_nothing_changed_is_one_line(written, make_row):
    rows = [Explained(make_row())]
    assert written("table", compare(rows, rows)) == "1 unchanged\n"
    assert written("markdown", compare(rows, rows)) == "**Latency:** 1 unchanged\n"


def test_markdown(written, compared):
    lines = written("markdown", compared("m")).splitlines()
    assert lines[:3] == [
        "**Latency:** 2 changed, 1 added, 1 removed, 1 unchanged",
        "",
        "|  | model | platform | base ms | head ms | change ms | change |",
    ]
    assert lines[4] == "| changed | `m0` | `m` | 10.00 | 12.50 | +2.5 | +25 % |"


def test_hostile_names_are_shown_not_obeyed(written, compared, hostile):
    comparison = compared(hostile)
    for style in (PLAIN, Style(width=60)):
        for line in written("table", comparison, style).splitlines():
            assert line.isprintable()
            assert not line.lstrip().startswith("::")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(written("markdown", comparison))
    assert sum(token.type == "td_open" for token in tokens) == 4 * 7
    inline = {
        child.content for token in tokens for child in token.children or () if child.type == "html_inline"
    }
    assert inline <= {"<code>", "</code>"}
    text = written("csv", comparison)
    assert len(text.splitlines()) == 6
    assert all(tuple(row) == COLUMNS for row in csv.DictReader(io.StringIO(text, newline="")))


def test_hostile_names_survive_in_json(written, compared, hostile):
    comparison = compared(hostile)
    text = written("json", comparison)
    assert text.isascii()
    jsonschema.Draft202012Validator(diff_schema(), registry=REGISTRY).validate(json.loads(text))
    rule = {"$ref": "#/$defs/difference", "$defs": diff_schema()["$defs"]}
    lines = [json.loads(line) for line in written("jsonl", comparison).splitlines()]
    for line in lines:
        jsonschema.Draft202012Validator(rule, registry=REGISTRY).validate(line)
    assert [(line["head"] or line["base"])["model"]["path"] for line in lines] == [
        f"{hostile}{at}" for at in (0, 4, 3, 2, 1)
    ]


def test_the_command_knows_the_formats():
    from ledg_cli.options import RowFormat

    assert tuple(RowFormat) == FORMATS
    with pytest.raises(ValueError, match="no format 'xml'"):
        renderer("xml")
