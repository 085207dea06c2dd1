import json

import pytest

from ledg_export import corpus
from ledg_export.corpora.sample import Sample
from ledg_rt.errors import LedgError

# Rows of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0), p50 in ms.
ROWS = (
    ("mobilenet_v1/0.25-128", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 4.70501),
    ("mobilenet_v1/1.0-224", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 67.76257),
    ("mobilenet_v1/0.25-128", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 1.39495),
)


def read(data, dropped):
    dropped["no graph"] += 2
    for graph, platform, ms in ROWS:
        yield Sample(graph, platform, 1, ms, "p50", "tiny", "mobilenet_v1", graph)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LEDG_DATA", str(tmp_path))
    monkeypatch.setattr(corpus, "SOURCES", {"tiny": read})
    corpus.build(tmp_path / "cache", sources=("tiny",), jobs=1)
    return tmp_path / "cache"


def test_build_keeps_every_sample_and_encodes_each_graph_once(cache):
    found = corpus.load(cache)
    assert [(sample.graph_id, sample.platform, sample.latency_ms) for sample in found.samples] == list(ROWS)
    assert set(found.graphs) == {graph for graph, _, _ in ROWS}


def test_second_build_encodes_nothing(cache, monkeypatch):
    monkeypatch.setattr(corpus, "_encode", None)
    corpus.build(cache, sources=("tiny",), jobs=1)
    assert len(corpus.load(cache).graphs) == 2


def test_dropped_rows_are_counted_by_reason(cache):
    assert json.loads((cache / "dropped.json").read_text()) == {"tiny": {"no graph": 2}}
    assert "| tiny | 3 | 2 | 2 | 2 | 2 | 4.705 |" in corpus.stats(cache)
    assert "- tiny: 2 x no graph" in corpus.stats(cache)


def test_unset_data_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv("LEDG_DATA", raising=False)
    with pytest.raises(LedgError, match="LEDG_DATA"):
        corpus.build(tmp_path, sources=("tiny",))
