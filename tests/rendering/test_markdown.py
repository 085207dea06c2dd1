from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt


def parsed(text: str) -> tuple[list[list[str]], list[str], set[str]]:
    """Plain text of the cells and list items, and the kinds of tokens, as a GitHub reader sees them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    rows: list[list[str]] = []
    items, kinds = [], {token.type for token in tokens}
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            inner = [child for child in token.children if child.content not in ("<code>", "</code>")]
            kinds |= {child.type for child in inner}
            words = "".join(child.content for child in inner)
            if before.type in ("td_open", "th_open"):
                rows[-1].append(words)
            else:
                items.append(words)
    return rows, items, kinds


def test_rows_are_a_table_and_errors_a_list(rendered, make_row, failed):
    assert rendered("markdown", [make_row(), failed("e.onnx")]) == (
        "| model | platform | p50 [p10-p90] ms | roofline ms | status |\n"
        "| --- | --- | ---: | ---: | --- |\n"
        "| `models/resnet18.onnx` | `nvidia-t4/tensorrt/fp16` | 1.234 [1.017-1.498] | 0.4321 | ok |\n"
        "| `e.onnx` | `nvidia-t4/tensorrt/fp16` | - | - | error: empty_file |\n"
        "\n"
        "- `e.onnx`: `the file is empty; export it again`\n"
    )


def test_hostile_names_are_shown_not_obeyed(rendered, make_row, failed, hostile):
    rows = [make_row(hostile, hostile), failed(hostile, hostile, hostile)]
    text = rendered("markdown", rows)
    cells, items, kinds = parsed(text)
    assert [len(row) for row in cells] == [5, 5, 5]
    assert len(items) == 1
    plain = hostile.isascii() and hostile.isprintable() and not hostile.startswith(("::", "##["))
    if plain and hostile.strip():
        assert cells[1][:2] == [hostile, hostile]
    assert kinds <= {
        "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open", "tr_close",
        "th_open", "th_close", "td_open", "td_close", "inline", "text", "text_special", "code_inline",
        "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close", "paragraph_open", "paragraph_close",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["@octocat", "#1", "https://x.yz", "a `b` @octocat", "<b>|</b>"])
def test_what_forges_link_or_mention_is_inside_of_code(rendered, failed, text):
    last = rendered("markdown", [failed("e.onnx", text, "")]).splitlines()[-1]
    (inside,) = re.fullmatch(r"- `e\.onnx`: (?:`([^`]+)`|<code>[^<>`|@]+</code>)", last).groups()
    assert inside in (text, None)
