from __future__ import annotations

import pytest

from ledg_rt.errors import LedgError
from ledg_rt.measurements import read_measurements


@pytest.fixture
def table(tmp_path):
    """Write a table and read it."""

    def call(content):
        path = tmp_path / "measured.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_measurements(path)

    return call


def codes(found):
    return [(fault.line, str(fault.error.code)) for fault in found.faults]


def test_columns_in_any_order_beside_others(table, tmp_path):
    found = table("date,batch,latency_ms,Model,platform\n2026-01-01,8,12.5,a.onnx,rpi5\n,,1e1,/b.onnx,\n")
    first, second = found.measurements
    assert (first.model, first.latency_ms, first.platform, first.batch, first.line) == (
        str(tmp_path / "a.onnx"), 12.5, "rpi5", 8, 2,
    )  # fmt: skip
    assert (second.model, second.latency_ms, second.platform, second.batch) == ("/b.onnx", 10, None, None)
    assert found.faults == ()


@pytest.mark.parametrize(
    ("column", "cell"), [("latency_ms", "12.5"), ("latency_us", "12500"), ("latency_s", ".0125")]
)
def test_the_unit_is_that_of_the_column(table, column, cell):
    assert table(f"model,{column}\na,{cell}\n").measurements[0].latency_ms == pytest.approx(12.5)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfmodel,latency_ms\r\na,12.5\r\n", b"model;latency_ms\na;12,5\n", b"model\tlatency_ms\na\t12,5\n",
        b"\n\nmodel,latency_ms\n\na,12.5\n\n", b"model,latency_ms\na,12.5", b'"model","latency_ms"\n"a","12.5"\n',
        b"model,latency_ms\ra,12.5\r",
    ],
)  # fmt: skip
def test_what_spreadsheets_write(table, content):
    found = table(content)
    assert [measurement.latency_ms for measurement in found.measurements] == [12.5]
    assert found.faults == ()


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "fast",
        "12.5 ms",
        "nan",
        "inf",
        "-inf",
        "1_000",
        "0x10",
        "12,5",
        "0",
        "-3",
        "1e-30",
        "1e30",
        "1e999",
        "١٢",
    ],
)
def test_a_cell_that_is_no_latency_costs_its_own_line(table, cell):
    found = table(f'model,latency_ms\na,1\nb,"{cell}"\nc,3\n')
    assert codes(found) == [(3, "bad_latency")]
    assert [measurement.latency_ms for measurement in found.measurements] == [1, 3]


@pytest.mark.parametrize("cell", ["0", "-1", "1.5", "many", "99999999999", "²"])
def test_a_batch_that_is_no_count_costs_its_own_line(table, cell):
    found = table(f"model,batch,latency_ms\na,{cell},1\nb,2,1\n")
    assert codes(found) == [(2, "bad_batch")]
    assert found.measurements[0].batch == 2


def test_lines_too_long_or_without_a_model(table):
    found = table("model,latency_ms\na,1,2\n,3\nb,4,\nc\n")
    assert codes(found) == [(2, "bad_line"), (3, "no_model"), (5, "bad_latency")]
    assert [measurement.line for measurement in found.measurements] == [4]


def test_the_second_of_two_equal_measurements_names_the_first(table):
    found = table("model,batch,latency_ms\na,1,1\n./a,1,2\na,2,3\n")
    assert codes(found) == [(3, "duplicate_line")]
    assert "line 2" in found.faults[0].error.message


def test_line_numbers_count_lines_within_quotes(table):
    assert codes(table('model,latency_ms\n"a\nb",1\nc,0\n')) == [(4, "bad_latency")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a.onnx,12.5\n", "no column 'model'"),
        (b"model\na.onnx\n", "no column 'latency_ms'"),
        (b"model,latency\na,1\n", "name 'latency' by its unit"),
        (b"model,time (ms)\na,1\n", "name 'time \\(ms\\)' by its unit"),
        (b"model,latency_ms,latency_us\na,1,2\n", "both latency_ms and latency_us"),
        (b"model,model,latency_ms\na,b,1\n", "twice"),
        ("model,latency_ms\na,1\n".encode("utf-16"), "not UTF-8"),
        (b"model,latency_ms\n\xff,1\n", "not UTF-8"),
        (b'model,latency_ms\n"a,1\n', "line 2 is not CSV"),
        (b"model,latency_ms\n" + b"a" * 200_000 + b",1\n", "line 2 is not CSV"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(table, content, message):
    with pytest.raises(LedgError, match=message) as caught:
        table(content)
    assert caught.value.hint


def test_a_table_too_large_is_not_read(table, monkeypatch):
    monkeypatch.setattr("ledg_rt.measurements.MAX_BYTES", 20)
    with pytest.raises(LedgError, match="larger than"):
        table("model,latency_ms\na,1\nb,2\n")


def test_too_many_lines_are_refused(table, monkeypatch):
    monkeypatch.setattr("ledg_rt.measurements.MAX_LINES", 2)
    assert len(table("model,latency_ms\na,1\nb,2\n").measurements) == 2
    with pytest.raises(LedgError, match="more than 2 lines"):
        table("model,latency_ms\na,1\nb,2\nc,3\n")


@pytest.mark.parametrize("name", ["gone.csv", ".", "a\0b.csv"])
def test_a_table_that_is_not_there(tmp_path, name):
    with pytest.raises(LedgError, match="cannot be read"):
        read_measurements(f"{tmp_path}/{name}")
