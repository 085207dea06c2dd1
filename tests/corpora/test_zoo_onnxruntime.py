from collections import Counter

import pytest

from benchmarks.accuracy.ten_bundle import TABLE
from benchmarks.measure import table
from benchmarks.measure.__main__ import machine
from ledg_export.corpora import zoo_onnxruntime
from ledg_export.zoo import family_of, nnlqp_families
from ledg_rt.platforms import resolve


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    dropped = Counter()
    return list(zoo_onnxruntime.read(tmp_path_factory.mktemp("nothing"), dropped)), dropped


def rows():
    return [row for name in zoo_onnxruntime.TABLES for row in zoo_onnxruntime.rows_of(name)]


def test_every_row_is_read_or_left_out_for_a_reason(read):
    samples, dropped = read
    assert len(samples) + sum(dropped.values()) == len(rows())
    assert len(samples) > 300
    assert set(dropped) <= {
        "reference, measured again and again", "of a space of cells or blocks, class unknown", "unsteady"
    }  # fmt: skip


def test_platforms_are_of_the_catalogue_and_say_how_many_threads_ran(read):
    samples, _ = read
    platforms = {sample.platform for sample in samples}
    assert "xeon-emerald-rapids-vm/onnxruntime-1.32/fp32/1t" in platforms
    assert "xeon-emerald-rapids-vm/onnxruntime-1.32/int8/1t" in platforms
    assert {resolve(platform).threads for platform in platforms} == {1, 2}
    assert all(resolve(platform).peak_gops for platform in platforms)


def test_networks_are_of_the_zoo_once_and_none_is_of_the_table_that_is_to_be_predicted(read):
    samples, _ = read
    graphs = {sample.graph_id for sample in samples}
    assert {"timm", "bert", "ncnn", "nnlqp_families"} <= {family_of(graph_id) for graph_id in graphs}
    assert not graphs & {row.graph_id for row in table.read(TABLE) if row.family != table.REFERENCE_FAMILY}
    assert len(table.read(TABLE)) > 250
    once = Counter((sample.graph_id, sample.platform) for sample in samples)
    assert set(once.values()) == {1}


def test_cells_are_read_where_their_classes_are_known(tmp_path, read):
    """Two cells of one class, one of them as the zoo draws it for a seed, one of another dataset."""
    strings = {
        row["graph_id"].partition("/")[2].partition("@")[0]
        for row in rows()
        if row["family"] == "nasbench201"
    }
    drawn = {nnlqp_families.cell_of(name) for name in strings if name.startswith("nasbench201-")}
    strings = sorted(drawn | {name for name in strings if name.startswith("|")})
    folder = tmp_path / "nasbench201"
    folder.mkdir()
    for name, column, values in (
        ("nb201_accuracy.csv", "arch_str", strings), ("isomorphism.csv", "rep_arch_idx", ["7"] * len(strings))
    ):  # fmt: skip
        lines = [f"arch_idx,{column}", *(f"{at},{value}" for at, value in enumerate(values))]
        (folder / name).write_text("\n".join(lines) + "\n")
    more = list(zoo_onnxruntime.read(tmp_path, Counter()))
    cells = [sample for sample in more if sample.family == "nasbench201"]
    assert len(cells) == len(more) - len(read[0]) > 10
    assert {sample.isomorphism for sample in cells} == {"nasbench201/rep-7"}
    assert {family_of(sample.graph_id) for sample in cells} == {"nasbench201", "nnlqp_families"}


def made(family, raw, threads):
    words = (
        f"Intel(R) Xeon(R) Processor, onnxruntime 1.32.0, fp32, {threads} thread{'s' if threads > 1 else ''}"
    )
    return {"family": family, "raw_ms": str(raw), "machine": words}


def test_rows_of_any_threads_are_brought_to_the_middle_by_the_reference_on_one():
    slow = [made("reference", raw, 1) for raw in (40, 40, 90)] + [made("reference", 1, 2), made("vit", 3, 1)]
    assert zoo_onnxruntime.levels([slow, [made("reference", 10, 1)]]) == pytest.approx([0.5, 2.0])


def test_latencies_are_those_of_a_table_times_its_level(read):
    samples, _ = read
    tables = [zoo_onnxruntime.rows_of(name) for name in zoo_onnxruntime.TABLES]
    factors = zoo_onnxruntime.levels(tables)
    told = {
        (row["graph_id"], zoo_onnxruntime.platform_id(row["machine"])): factor * float(row["latency_ms"])
        for table, factor in zip(tables, factors, strict=True) for row in table
    }  # fmt: skip
    assert factors[0] < 0.95 < 1.05 < factors[1]
    for sample in samples:
        assert sample.latency_ms == pytest.approx(told[sample.graph_id, sample.platform])


def test_the_words_are_those_of_the_command_that_measures():
    assert [zoo_onnxruntime.platform_id(machine(threads)).rpartition("/")[2] for threads in (1, 2)] == [
        "1t",
        "2t",
    ]


def test_a_link_that_became_a_file_with_a_path_is_named(monkeypatch, tmp_path):
    (tmp_path / "ten_families.csv").write_text("../../../benchmarks/data/ten_families.csv")
    monkeypatch.setattr(zoo_onnxruntime, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"ten_families\.csv: no table of measurements; put a copy of"):
        zoo_onnxruntime.rows_of("ten_families.csv")


def test_words_of_another_program_are_refused():
    with pytest.raises(ValueError, match="unknown machine"):
        zoo_onnxruntime.platform_id("a Xeon, tflite, fp32")
