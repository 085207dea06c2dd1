"""What is published is enough to train: nothing here reads raw tables."""

import itertools
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

import ledg_rt
from ledg_export import corpus, published
from ledg_export.batches import LatencyData, predict
from ledg_export.corpora import SOURCES
from ledg_export.corpora.sample import Sample
from ledg_export.graph_store import Part
from ledg_export.main import app
from ledg_export.sample_store import read_table, to_samples, to_table, write_table
from ledg_export.train import CLOCK, Recipe, train
from ledg_export.zoo import build
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph
from ledg_rt.errors import LedgError
from ledg_rt.reading import read_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
COMMITTED = Path(__file__).parents[2] / "benchmarks" / "data"
SMALL = {"width": 16, "layers": 1, "heads": 2, "platform_width": 16, "correction_width": 8}

# Rows of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0): graph, platform, p50 in ms.
ROWS = (
    ("mobilenet_v1/0.25-128", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 4.70501),
    ("mobilenet_v1/1.0-224", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 67.76257),
    ("mobilenet_v1/0.25-128", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 1.39495),
    ("mobilenet_v1/1.0-224", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 11.92674),
)
# A row of ncnn's table (Tencent/ncnn, BSD-3-Clause). Its network is a file: any graph stands in for it here.
FROM_FILE = ("ncnn/squeezenet", "raspberry-pi-5/ncnn/fp16/4t", 8.01)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("LEDG_DATA", raising=False)
    monkeypatch.delenv("LEDG_GRAPHS", raising=False)
    folder = tmp_path / "cache"
    for source, rows in (("mlperf_inference", ROWS), ("ncnn", [FROM_FILE])):
        samples = [Sample(graph, platform, 1, ms, "p50", source, graph.split("/")[0], graph) for graph, platform, ms in rows]  # fmt: skip
        metadata = {"dropped": json.dumps({"no graph": 3}), "fingerprint": "of the raw tables"}
        write_table(to_table(samples), corpus.sample_path(folder, source), metadata)
    graph = encode_graph(read_graph(build("squeezenet/1.1-224").SerializeToString()))
    Part.of({"ncnn/squeezenet": graph, "ncnn/of_nobody": graph}).write(folder / "graphs" / "ncnn" / "a.npz")
    return folder


@pytest.fixture
def clone(cache, tmp_path):
    """A cache that was built from the published corpus alone."""
    published.publish(cache, tmp_path / "data")
    published.build_published(tmp_path / "data", tmp_path / "clone", jobs=1)
    return tmp_path / "clone"


def test_a_clone_has_the_samples_and_graphs(cache, clone):
    found = corpus.load(clone)
    sources = corpus.built_sources(cache)
    assert [*found.samples] == [sample for source in sources for sample in to_samples(read_table(corpus.sample_path(cache, source)))]  # fmt: skip
    assert set(found.graphs) == {graph for graph, _, _ in (*ROWS, FROM_FILE)}
    assert corpus.dropped_rows(clone, "ncnn") == {"no graph": 3}


def few_steps(data, run, monkeypatch):
    """Train a small model by a clock that a handful of steps use up; log mean and log spread of each sample."""
    ticks = itertools.count()
    monkeypatch.setattr("ledg_export.train.time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))
    assert "LEDG_DATA" not in os.environ
    embedder = Embedder(Path(ledg_rt.__file__).parent / "bundle")
    model, vocabulary = train(data, embedder, run, Recipe(minutes=1 / 60, visits=8, model=SMALL))
    last = max(run.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    assert int(last.name.rpartition("-")[2]) >= 3
    assert (last / CLOCK).is_file()
    return predict(model, vocabulary, data)


def test_a_clone_trains_for_a_few_steps_without_raw_tables(clone, tmp_path, monkeypatch):
    found = corpus.load(clone)
    predicted = few_steps(LatencyData(found.samples, found.graphs), tmp_path / "run", monkeypatch)
    assert predicted.shape == (len(found.samples), 2)
    assert np.isfinite(predicted).all()


def test_only_graphs_of_files_are_published_and_only_those_in_use(cache, tmp_path):
    published.publish(cache, tmp_path / "data")
    assert {path.name for path in (tmp_path / "data" / "graphs").iterdir()} == {"ncnn"}
    (path,) = (tmp_path / "data" / "graphs" / "ncnn").iterdir()
    assert Part.read(path).ids.tolist() == ["ncnn/squeezenet"]


def test_publishing_twice_gives_the_same_samples_and_readme(cache, tmp_path):
    for name in ("first", "second"):
        published.publish(cache, tmp_path / name)
    for path in (tmp_path / "first").rglob("*"):
        if path.suffix in (".md", ".parquet"):
            other = tmp_path / "second" / path.relative_to(tmp_path / "first")
            assert other.read_bytes() == path.read_bytes()


def test_the_readme_names_origin_licence_and_changes(cache, tmp_path):
    published.publish(cache, tmp_path / "data")
    text = (tmp_path / "data" / "README.md").read_text()
    assert "| ncnn | ncnn | 1 | Tencent/ncnn a4d2ea1d4422 | BSD-3-Clause |" in text
    assert "| mlperf_inference | mlperf_inference | 4 | mlcommons/inference_results" in text
    assert "timm_benchmark" not in text


def test_sections_below_the_table_outlive_publishing(cache, tmp_path):
    published.publish(cache, tmp_path)
    readme = tmp_path / "README.md"
    written = readme.read_text() + "\n## Another table\n\nAbout it.\n\n## And one more\n"
    readme.write_text(written)
    published.publish(cache, tmp_path)
    assert readme.read_text() == written


def test_every_source_has_an_origin_and_every_origin_a_source():
    named = [source for origin in published.origins().values() for source in origin.sources]
    assert sorted(named) == sorted(SOURCES)
    assert all(
        origin.upstream and origin.licence and origin.changes for origin in published.origins().values()
    )


def test_a_source_without_an_origin_is_not_published(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "origins", dict)
    with pytest.raises(LedgError, match=r"no origin of mlperf_inference, ncnn"):
        published.publish(cache, tmp_path / "data")


def test_too_large_a_folder_is_an_error(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(published, "LIMIT", 1000)
    with pytest.raises(LedgError, match="more than"):
        published.publish(cache, tmp_path / "data")


def test_graphs_of_another_format_say_so(cache, tmp_path, monkeypatch):
    published.publish(cache, tmp_path / "data")
    monkeypatch.setattr("ledg_export.graph_store.FORMAT", -1)
    with pytest.raises(LedgError, match="another version"):
        published.build_published(tmp_path / "data", tmp_path / "clone", jobs=1)


def test_without_raw_tables_and_published_corpus_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("LEDG_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["corpus", "build"])
    assert isinstance(result.exception, LedgError)
    assert "no corpus" in str(result.exception)


def test_a_part_of_the_committed_corpus_trains_for_a_few_steps(tmp_path, monkeypatch):
    for variable in ("LEDG_DATA", "LEDG_GRAPHS"):
        monkeypatch.delenv(variable, raising=False)
    published.build_published(
        COMMITTED, tmp_path / "clone", ("mlperf_tiny", "ncnn"), jobs=1
    )  # built, and from files
    found = corpus.load(tmp_path / "clone")
    assert len(found.samples) == 82 + 7449
    predicted = few_steps(LatencyData(found.samples[::200], found.graphs), tmp_path / "run", monkeypatch)
    assert np.isfinite(predicted).all()


def test_the_committed_readme_names_every_file_and_its_samples():
    text = (COMMITTED / "README.md").read_text(encoding="utf-8")
    for name, origin in published.origins().items():
        count = sum(len(read_table(corpus.sample_path(COMMITTED, source))) for source in origin.sources)
        assert (
            f"| {name} | {', '.join(origin.sources)} | {count} | {origin.upstream} | {origin.licence} |"
            in text
        )


def test_the_committed_corpus_is_small_and_has_every_source():
    assert sum(path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()) <= published.LIMIT
    assert set(corpus.built_sources(COMMITTED)) == set(SOURCES)
