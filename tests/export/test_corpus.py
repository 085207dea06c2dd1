import itertools
import os
from pathlib import Path

import pytest

from ledg_export import corpus
from ledg_export.corpora import SOURCES, WITHOUT_LATENCIES
from ledg_export.corpora.sample import Sample
from ledg_export.corpus_stats import stats
from ledg_export.sample_store import to_table, write_table
from ledg_rt.errors import LedgError

# Rows of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0), p50 in ms.
ROWS = (
    ("mobilenet_v1/0.25-128", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 4.70501),
    ("mobilenet_v1/0.25-128", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 4.75206),  # the first, 1 % slower
    ("mobilenet_v1/1.0-224", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 67.76257),
    ("mobilenet_v1/0.25-128", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 1.39495),
)


def read(data, dropped):
    dropped["no graph"] += 2
    for graph, platform, ms in ROWS:
        yield Sample(graph, platform, 1, ms, "p50", "tiny", "mobilenet_v1", graph)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    (tmp_path / "raw").mkdir()
    monkeypatch.setenv("LEDG_DATA", str(tmp_path / "raw"))
    monkeypatch.setattr(corpus, "SOURCES", {"tiny": read})
    monkeypatch.setattr(corpus, "PART", 1)
    corpus.build(tmp_path / "cache", sources=("tiny",), jobs=1)
    return tmp_path / "cache"


def test_training_reads_all_but_the_sources_that_are_set_aside(cache):
    for source in ("hat", "own"):
        corpus.sample_path(cache, source).write_bytes(corpus.sample_path(cache, "tiny").read_bytes())
    assert corpus.built_sources(cache) == ("hat", "own", "tiny")
    assert corpus.training_sources(cache) == ("own", "tiny")


def test_training_reads_a_share_of_the_single_operators_on_all_of_their_platforms(cache):
    graphs = [f"operator/relu/{size}" for size in range(1, 41)]
    rows = [
        Sample(graph, platform, 1, 1.0, "mean", "tiny", "operator_relu", graph)
        for graph in (*graphs, ROWS[0][0]) for platform in ("nvidia-t4/pytorch/fp32", "nvidia-l4/pytorch/fp32")
    ]  # fmt: skip
    write_table(to_table(rows), corpus.sample_path(cache, "tiny"), {"dropped": "{}"})
    with corpus.workers(1) as run:
        corpus.encode_missing(cache, ("tiny",), run)
    found = corpus.load_training(cache)
    operators = {sample.graph_id for sample in found.samples} - {ROWS[0][0]}
    assert 0 < len(operators) < 10
    assert operators < set(graphs)
    assert len(found.samples) == 2 * len(operators) + 2
    assert set(found.graphs) >= operators | {ROWS[0][0]}
    assert len(corpus.load(cache).samples) == len(rows)


def test_build_keeps_every_sample_and_encodes_each_graph_once(cache):
    found = corpus.load(cache)
    assert [(sample.graph_id, sample.platform, sample.latency_ms) for sample in found.samples] == list(ROWS)
    assert set(found.graphs) == {graph for graph, _, _ in ROWS}


def test_second_build_writes_nothing(cache):
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.*")}
    corpus.build(cache, sources=("tiny",), jobs=1)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.*")} == before


def test_build_goes_on_where_it_was_interrupted(cache):
    found = corpus.load(cache).graphs
    parts = sorted((cache / "graphs" / "mobilenet_v1").iterdir())
    parts[0].unlink()
    kept = {path: path.stat().st_mtime_ns for path in parts[1:]}
    corpus.build(cache, sources=("tiny",), jobs=1)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    again = corpus.load(cache).graphs
    assert {name: again.digest(name) for name in again} == {name: found.digest(name) for name in found}


def test_changed_tables_are_read_again(cache, tmp_path, monkeypatch):
    (tmp_path / "raw" / "table.csv").write_text("changed")
    monkeypatch.setattr(
        corpus, "SOURCES", {"tiny": lambda data, dropped: itertools.islice(read(data, dropped), 1)}
    )
    corpus.build(cache, sources=("tiny",), jobs=1)
    assert len(corpus.load(cache).samples) == 1


def test_dropped_rows_are_counted_by_reason(cache):
    assert corpus.dropped_rows(cache, "tiny") == {"no graph": 2}
    assert "- tiny: 2 x no graph" in stats(cache)


def test_stats_count_rows_graphs_chips_and_noise(cache):
    report = stats(cache)
    # The repeat is 1 % slower: both lie 0.5 % from the middle.
    assert "| tiny | 6 | 4 | 2 | 2 | 2 | 2 | 4.729 | 0.5 |" in report
    assert "- 4 samples, 2 distinct graphs of several nodes, 0 of one" in report
    assert "- 2 chips, 0 of them with 30 or more samples" in report


def test_stats_tell_platforms_in_whole_milliseconds(cache):
    platforms = ("samsung-galaxy-s7-cpu/tflite/fp32", "raspberry-pi-4/tflite-2.4.1-ruy/fp32")
    rows = [
        Sample("mobilenet_v1/0.25-128", name, 1, ms, "p50", "tiny", "mobilenet_v1", "mobilenet_v1/0.25-128")
        for name, times in zip(platforms, ([5.0, 25.0, 25.0], [5.0, 25.0, 24.99]), strict=True)
        for ms in times * 10
    ]
    path = corpus.sample_path(cache, "tiny")
    write_table(to_table(rows), path, {"dropped": "{}"})
    assert "- tiny: 1 platforms in whole milliseconds, rounding of 1.0 % in the median" in stats(cache)
    write_table(to_table(rows[:29]), path, {"dropped": "{}"})  # too few to tell
    assert "whole milliseconds" not in stats(cache)


def test_stats_name_every_source_and_every_folder_that_is_none(cache):
    corpus.sample_path(cache, "hat").write_bytes(corpus.sample_path(cache, "tiny").read_bytes())
    report = stats(cache).splitlines()
    for source in SOURCES:
        absent = f"- {source}: absent, not built into this cache" in report
        assert absent == (source != "hat")
        assert absent != any(line.startswith(f"| {source} |") for line in report)
    assert {line.split(":")[0] for line in report if ": no source, " in line} == {"- ec_nas", "- nasbench201"}


@pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")
def test_every_folder_of_the_raw_tables_is_read_or_explained():
    folders = {path.name for path in Path(os.environ["LEDG_DATA"]).iterdir() if path.is_dir()}
    read_by = {source: source for source in SOURCES} | {
        "help_fbnet": "help", "help_ofa": "help", "mlperf_offline": "mlperf_inference"
    }  # fmt: skip
    assert folders == {*read_by.values(), *WITHOUT_LATENCIES} - {
        "zoo_onnxruntime"
    }  # ours, a file of the package


def test_unset_data_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("LEDG_DATA", raising=False)
    with pytest.raises(LedgError, match="LEDG_DATA"):
        corpus.build(tmp_path, sources=("tiny",))


def test_an_empty_cache_says_what_to_do(tmp_path):
    with pytest.raises(LedgError, match="no corpus"):
        corpus.load(tmp_path)


def test_processes_encode_what_one_process_encodes(cache, tmp_path):
    alone = corpus.load(cache).graphs
    for path in (cache / "graphs" / "mobilenet_v1").iterdir():
        path.unlink()
    with corpus.workers(2) as run:
        corpus.encode_missing(cache, ["tiny"], run)
    together = corpus.load(cache).graphs
    assert {name: together.digest(name) for name in together} == {name: alone.digest(name) for name in alone}


def test_an_interrupted_build_says_what_to_do(cache):
    next((cache / "graphs" / "mobilenet_v1").iterdir()).unlink()
    for read_cache in (corpus.load, stats):
        with pytest.raises(LedgError, match="1 graphs are missing"):
            read_cache(cache)
