"""Every format parses with its own parser or schema, whatever the names are."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as Xml

import jsonschema
import pytest
from markdown_it import MarkdownIt
from referencing import Registry, Resource

from ledg_rt.rendering import Style
from ledg_rt.rendering.check.csv import COLUMNS
from ledg_rt.rendering.check.sarif import RULES
from ledg_rt.schema import check_schema, row_schema

SCHEMAS = Path(__file__).parent / "schemas"
REGISTRY = Registry().with_resource("row.schema.json", Resource.from_contents(row_schema()))
TOKENS = {
    "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close", "th_open",
    "th_close", "td_open", "td_close", "inline", "text", "text_special", "code_inline", "bullet_list_open", "bullet_list_close",
    "list_item_open", "list_item_close", "paragraph_open", "paragraph_close", "html_block", "strong_open", "strong_close", "softbreak",
}  # fmt: skip


def schema(name: str):
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def validate(value, rules) -> None:
    jsonschema.Draft202012Validator(rules, registry=REGISTRY).validate(value)


def test_json(written, hostile_report, hostile):
    text = written("json", hostile_report)
    assert text.isascii()
    found = json.loads(text)
    validate(found, check_schema())
    assert {verdict["budget"] for verdict in found["verdicts"]} == {hostile, hostile + "2"}
    assert found["verdicts"][0]["row"]["model"]["path"] == hostile


def test_jsonl(written, hostile_report):
    lines = written("jsonl", hostile_report).splitlines()
    assert len(lines) == 5
    for line in lines:
        validate(json.loads(line), {"$ref": "#/$defs/verdict", "$defs": check_schema()["$defs"]})


def test_csv(written, hostile_report):
    text = written("csv", hostile_report)
    assert len(text.splitlines()) == 6
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert all(tuple(row) == COLUMNS for row in rows)
    for row in rows:
        for value in row.values():
            assert not value.lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("style", [Style(), Style(width=40)])
def test_table(written, hostile_report, style):
    for line in written("table", hostile_report, style).splitlines():
        assert line.isprintable()
        assert "##[" not in line
        assert not line.lstrip().startswith("::")


def test_markdown(written, hostile_report):
    text = written("markdown", hostile_report)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    kinds = {token.type for token in tokens}
    for token in tokens:
        if token.type == "html_block":
            assert token.content.strip() in ("<details><summary>2 without a problem</summary>", "</details>")
        for child in token.children or ():
            if child.type == "html_inline":
                assert child.content in ("<code>", "</code>")
            else:
                kinds.add(child.type)
    assert kinds <= TOKENS
    assert sum(token.type == "tr_open" for token in tokens) == 7


def test_a_comment_is_never_too_long_for_github(written, report_of, case, make_row):
    long = "n" * 200
    cases = [
        case(make_row(f"{long}{at}.onnx"), p50, name=f"{long}{at}")
        for p50 in (41.2, 9.0)
        for at in range(500)
    ]
    text = written("markdown", report_of(cases))
    assert len(text) < 65_536
    assert text.count("... and 450 more") == 2


def test_junit(written, hostile_report):
    text = written("junit", hostile_report)
    assert text.isascii()
    root = Xml.fromstring(text)
    rules = schema("junit")
    assert root.tag == "testsuites"
    for element in root.iter():
        allowed = {name.removesuffix("!") for name in rules[element.tag]["attributes"]}
        required = {name[:-1] for name in rules[element.tag]["attributes"] if name.endswith("!")}
        assert required <= set(element.attrib) <= allowed
        assert {child.tag for child in element} <= set(rules[element.tag]["children"])
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "1")
    assert [int(suite.get("tests")) for suite in root] == [len(suite.findall("testcase")) for suite in root]


def test_xml_has_no_character_that_it_cannot_hold(written, case, make_row, report_of):
    text = written("junit", report_of([case(make_row("a\ufffe\uffff\x0b.onnx"), 41.2)]))
    assert "a\\ufffe\\uffff\\x0b.onnx" in Xml.fromstring(text)[0][0].get("name")


def test_sarif(written, hostile_report, hostile):
    text = written("sarif", hostile_report)
    assert text.isascii()
    log = json.loads(text)
    validate(log, schema("sarif"))
    results = log["runs"][0]["results"]
    assert [result["level"] for result in results] == ["error", "error", "warning"]
    assert [list(RULES)[result["ruleIndex"]] for result in results] == [
        result["ruleId"] for result in results
    ]
    for result in results:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote_to_bytes(uri) == os.fsencode(hostile)
    json.dumps(log, ensure_ascii=False).encode("utf-8")  # no lone surrogate: other languages refuse them


def test_gitlab(written, hostile_report):
    issues = json.loads(written("gitlab", hostile_report))
    validate(issues, schema("gitlab"))
    assert [issue["severity"] for issue in issues] == ["blocker", "major", "minor"]
    assert len({issue["fingerprint"] for issue in issues}) == 3
    json.dumps(issues, ensure_ascii=False).encode("utf-8")


def test_github(written, hostile_report):
    *commands, last = written("github", hostile_report).splitlines()
    assert last == "Latency budgets: 1 unreadable, 1 failed, 1 warned, 2 passed"
    found = [
        re.fullmatch(r"::(error|warning|notice) ((?:[a-z]+=[^,:]*,?)+)::(.+)", line).groups()
        for line in commands
    ]
    assert [kind for kind, _, _ in found] == ["error", "error", "warning", "notice"]
    for kind, properties, message in found:
        names = [part.split("=", 1)[0] for part in properties.split(",")]
        assert names == (["title"] if kind == "notice" else ["file", "title"])
        assert re.search(r"%(?!25|0A|3A|2C)", message + properties) is None
        assert message.isprintable()


def test_fingerprints_do_not_depend_on_numbers(written, case, make_row, report_of):
    def fingerprints(*medians):
        cases = [case(make_row(f"{at}.onnx"), p50) for at, p50 in enumerate(medians)]
        return [issue["fingerprint"] for issue in json.loads(written("gitlab", report_of(cases)))]

    before, after = fingerprints(40.0, 50.0), fingerprints(60.0, 70.0)
    assert before == after
    assert len(set(before)) == 2
