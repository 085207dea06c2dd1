import csv
from collections import Counter
from importlib.resources import files

import pytest

from benchmarks.measure.__main__ import machine
from ledg_export.corpora import zoo_onnxruntime
from ledg_export.zoo import family_of
from ledg_rt.platforms import resolve


@pytest.fixture(scope="module")
def read():
    dropped = Counter()
    return list(zoo_onnxruntime.read(None, dropped)), dropped


def test_every_row_is_read_or_left_out_for_a_reason(read):
    samples, dropped = read
    table = (files("ledg_export.corpora") / "zoo_onnxruntime.csv").read_text().splitlines()
    assert len(samples) + sum(dropped.values()) == len(table) - 1
    assert len(samples) > 300
    assert set(dropped) <= {
        "reference, measured again and again", "of a space of cells or blocks, class unknown", "unsteady"
    }  # fmt: skip


def test_platforms_are_of_the_catalogue_and_say_how_many_threads_ran(read):
    samples, _ = read
    platforms = {sample.platform for sample in samples}
    assert "xeon-emerald-rapids-vm/onnxruntime-1.32/fp32/1t" in platforms
    assert {resolve(platform).threads for platform in platforms} == {1, 2}
    assert all(resolve(platform).peak_gops for platform in platforms)


def test_networks_are_of_the_zoo_and_none_is_of_the_ten_families(read):
    samples, _ = read
    families = {family_of(sample.graph_id) for sample in samples}
    assert {"timm", "bert", "ncnn"} <= families
    assert "nnlqp_families" not in families
    once = Counter((sample.graph_id, sample.platform) for sample in samples)
    assert set(once.values()) == {1}


def made(family, raw, threads, ms=None):
    words = (
        f"Intel(R) Xeon(R) Processor, onnxruntime 1.32.0, fp32, {threads} thread{'s' if threads > 1 else ''}"
    )
    return {"family": family, "raw_ms": str(raw), "latency_ms": str(ms or raw), "machine": words}


def test_rows_of_any_threads_are_brought_to_the_middle_by_the_reference_on_one():
    slow = 4 * zoo_onnxruntime.ELSEWHERE_MS
    rows = [made("reference", raw, 1) for raw in (slow, slow, 9 * slow)] + [
        made("reference", 1.0, 2),
        made("vit", 3.0, 1),
    ]
    assert zoo_onnxruntime.level(rows) == pytest.approx(0.5)


def test_latencies_are_those_of_the_table_times_its_level(read):
    samples, _ = read
    table = (files("ledg_export.corpora") / "zoo_onnxruntime.csv").read_text().splitlines()
    rows = list(csv.DictReader(table))
    told = {
        (row["graph_id"], zoo_onnxruntime.platform_id(row["machine"])): float(row["latency_ms"])
        for row in rows
    }
    factors = {round(sample.latency_ms / told[sample.graph_id, sample.platform], 6) for sample in samples}
    assert factors == {round(zoo_onnxruntime.level(rows), 6)}
    assert factors != {1.0}


def test_the_words_are_those_of_the_command_that_measures():
    assert [zoo_onnxruntime.platform_id(machine(threads)).rpartition("/")[2] for threads in (1, 2)] == [
        "1t",
        "2t",
    ]


def test_words_of_another_program_are_refused():
    with pytest.raises(ValueError, match="unknown machine"):
        zoo_onnxruntime.platform_id("a Xeon, tflite, fp32")
