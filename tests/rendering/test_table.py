from __future__ import annotations

import re

import pytest

from ledg_rt.rendering import Style
from ledg_rt.rendering.text import width_of


def test_rows_are_aligned_below_headings(rendered, make_row, partial, failed):
    rows = [make_row(), partial("b.onnx"), failed("empty.onnx")]
    assert rendered("table", rows) == (
        "model                 platform                 p50 [p10-p90] ms     roofline ms  status\n"
        "models/resnet18.onnx  nvidia-t4/tensorrt/fp16  1.234 [1.017-1.498]  0.4321       ok\n"
        "b.onnx                nvidia-t4/tensorrt/fp16  1.234 [1.017-1.498]  0.4321       partial: unknown_ops, unresolved_shape\n"
        "empty.onnx            nvidia-t4/tensorrt/fp16  -                    -            error: empty_file\n"
        "\n"
        "b.onnx: unknown operators acme.Warp x3; 91.9% of the cost is covered\n"
        "empty.onnx: the file is empty; export it again\n"
    )


def test_an_error_is_explained_once_for_all_platforms(rendered, failed):
    text = rendered("table", [failed("e.onnx"), failed("e.onnx")])
    assert text.count("error: empty_file") == 2
    assert text.count("the file is empty") == 1


def test_middle_of_long_names_makes_way_on_a_terminal(rendered, make_row):
    path = "/data/checkpoints/2024/experiments/very/deep/folder/of/models/resnet18-final.onnx"
    text = rendered("table", [make_row(path)], Style(width=90))
    lines = text.splitlines()
    assert len(lines) == 2
    assert max(map(width_of, lines)) <= 90
    assert lines[1].startswith("/data")
    assert "18-final.onnx  nvidia-t4/tensorrt/fp16  1.234" in lines[1]
    assert "..." in lines[1]


def test_nothing_is_cut_from_a_path_in_a_pipe(rendered, make_row):
    path = "d/" * 200 + "m.onnx"
    assert path in rendered("table", [make_row(path)])


def test_forty_columns_stack_the_cells_and_keep_every_flag(rendered, partial, failed):
    rows = [partial("some/folder/with/a/very/long/name/model.onnx"), failed("e.onnx")]
    text = rendered("table", rows, Style(width=40))
    assert max(map(width_of, text.splitlines())) <= 40
    assert text == (
        "some/folder/...very/long/name/model.onnx\n"
        "  on       nvidia-t4/tensorrt/fp16\n"
        "  ms       1.234 [1.017-1.498]\n"
        "  roofline 0.4321\n"
        "  status   partial: unknown_ops,\n"
        "           unresolved_shape\n"
        "e.onnx\n"
        "  on       nvidia-t4/tensorrt/fp16\n"
        "  ms       -\n"
        "  roofline -\n"
        "  status   error: empty_file\n"
        "\n"
        "some/folder/with/a/very/long/name/model.\n"
        "  onnx: unknown operators acme.Warp x3;\n"
        "  91.9% of the cost is covered\n"
        "e.onnx: the file is empty; export it\n"
        "  again\n"
    )


@pytest.mark.parametrize("width", [None, 20, 40, 80, 200])
def test_hostile_names_stay_on_their_line(rendered, make_row, failed, hostile, width):
    harmless = rendered("table", [make_row(), failed("e.onnx")], Style(width=width))
    text = rendered("table", [make_row(hostile, hostile), failed(hostile, hostile)], Style(width=width))
    assert re.search(r"[^\n -~\w🚀]", text) is None
    assert not any(line.lstrip().startswith("::") or "##[" in line for line in text.splitlines())
    text.encode("utf-8")
    if width is None:
        assert len(text.splitlines()) == len(harmless.splitlines())
    else:
        assert max(map(width_of, text.splitlines())) <= width


def test_colour_marks_only_the_status(rendered, make_row, failed, partial):
    rows = [make_row(), partial("b.onnx"), failed("e.onnx")]
    text = rendered("table", rows, Style(colour=True))
    assert re.findall(r"\x1b\[(\d+)m([^\x1b]*)\x1b\[0m", text) == [
        ("33", "partial: unknown_ops, unresolved_shape"),
        ("31", "error: empty_file"),
    ]
    assert re.sub(r"\x1b\[\d+m", "", text) == rendered("table", rows)


def test_wide_letters_keep_columns_aligned(rendered, make_row):
    lines = rendered("table", [make_row("模型.onnx"), make_row("abcd.onnx")]).splitlines()
    starts = [width_of(line[: line.index("nvidia-t4")]) for line in lines[1:]]
    assert starts[0] == starts[1]
