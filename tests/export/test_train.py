"""Training end to end on a few real measurements of small networks; minutes are cut to seconds."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ledg_rt
from ledg_export.batches import LatencyData, predict
from ledg_export.bundle import write_bundle
from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.model import LedgFormer
from ledg_export.packing import EncodedGraphs, StoredGraphs
from ledg_export.train import CLOCK, Recipe, embed_all, train, train_bundle, warm_start
from ledg_export.zoo import build
from ledg_rt import Predictor
from ledg_rt.bundles import REQUIRED, open_bundle
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph
from ledg_rt.errors import LedgError
from ledg_rt.evidence import EVIDENCE
from ledg_rt.reading import read_graph

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)

SHIPPED = Path(ledg_rt.__file__).parent / "bundle"
SMALL = {"width": 16, "layers": 1, "heads": 2, "platform_width": 16, "correction_width": 8}

INTERVAL = {evidence: {"all": 1.0 + at} for at, evidence in enumerate(EVIDENCE)}

# Rows of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0): graph, platform, p50 in ms.
ROWS = (
    ("mobilenet_v1/0.25-128", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 4.70501),
    ("mobilenet_v1/1.0-224", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 67.76257),
    ("mobilenet_v2/1.0-224", "raspberry-pi-4/tflite-2.4.1-ruy/fp32", 56.5575),
    ("mobilenet_v1/0.25-128", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 1.39495),
    ("mobilenet_v1/1.0-224", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 11.92674),
    ("mobilenet_v2/1.0-224", "jetson-agx-xavier-cpu/tflite-2.4.1-ruy/fp32", 9.21082),
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a model is slower on two
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def tenth_of_a_second_a_step(monkeypatch):
    """A clock that moves with the steps, not with the machine: the same run everywhere."""
    ticks = itertools.count()
    monkeypatch.setattr("ledg_export.train.time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))


@pytest.fixture(scope="module")
def data():
    samples = [
        Sample(graph, platform, 1, ms, "p50", "mlperf_inference", graph.split("/")[0], graph)
        for graph, platform, ms in ROWS
    ]
    graphs = {graph: encode_graph(read_graph(build(graph).SerializeToString())) for graph, _, _ in ROWS}
    return LatencyData(samples, graphs)


@pytest.fixture(scope="module")
def embedder():
    return Embedder(SHIPPED)


def recipe(seconds, **changes):
    return Recipe(minutes=seconds / 60, visits=200, budget=1_000, model=SMALL, **changes)


def error(model, vocabulary, data):
    measured = np.concatenate([visit.log_ms for visit in data.visits])
    return float(np.abs(predict(model, vocabulary, data)[:, 0] - measured).mean())


def test_training_learns_stops_in_time_and_its_bundle_predicts_the_same(data, embedder, tmp_path):
    start, vocabulary = train(data, embedder, tmp_path / "none", recipe(0.01))
    model, vocabulary = train(data, embedder, tmp_path / "run", recipe(15, head_minutes=2 / 60))
    assert error(model, vocabulary, data) < 0.5 * error(start, vocabulary, data)

    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for name in ("embedder.onnx", "tokenizer.json"):
        (bundle / name).symlink_to(SHIPPED / name)
    write_bundle(bundle, "tiny", model, vocabulary, data, INTERVAL, {})
    path = tmp_path / "net.onnx"
    path.write_bytes(build(ROWS[0][0]).SerializeToString())
    stranger = "raspberry-pi-5/ncnn/fp32/4t"
    with Predictor(bundle) as predictor:
        row, new = predictor.predict([path], [ROWS[0][1], stranger])
    at = [
        (visit.graph_id, data.platform_ids[platform]) for visit in data.visits for platform in visit.platforms
    ]
    reference = np.exp(predict(model, vocabulary, data)[at.index(ROWS[0][:2]), 0])
    assert row.latency_ms.p50 == pytest.approx(reference, rel=1e-4)
    # A platform that it never met, too.
    sample = Sample(ROWS[0][0], stranger, 1, 1.0, "p50", "ncnn", "mobilenet_v1", ROWS[0][0])
    one = LatencyData([sample], data.graphs)
    told = predict(model, embed_all(sorted({*vocabulary.index, *one.sentences()}), embedder), one)
    assert new.latency_ms.p50 == pytest.approx(np.exp(told[0, 0]), rel=1e-4)


def test_a_bundle_needs_both_phases_and_says_so_before_anything_is_written(data, embedder, tmp_path):
    model, vocabulary = train(data, embedder, tmp_path / "run", recipe(0.01))
    (tmp_path / "bundle").mkdir()
    with pytest.raises(LedgError, match="knows no platforms"):
        write_bundle(tmp_path / "bundle", "tiny", model, vocabulary, data, INTERVAL, {})
    assert not list((tmp_path / "bundle").iterdir())
    with pytest.raises(LedgError, match="both phases"):
        train_bundle(
            tmp_path, tmp_path / "run", tmp_path / "bundle", recipe(1), name="tiny", intervals=INTERVAL
        )


def test_an_interrupted_run_goes_on_where_it_stopped(data, embedder, tmp_path):
    train(data, embedder, tmp_path, recipe(1.95))
    train(data, embedder, tmp_path, recipe(3.95))
    clocks = {
        int(folder.name.split("-")[1]): json.loads((folder / CLOCK).read_text())["seconds"]
        for folder in tmp_path.glob("checkpoint-*")
    }
    # Twenty steps of a tenth of a second, then twenty more: a clock that forgot would take forty.
    assert clocks == {20: pytest.approx(2), 40: pytest.approx(4)}


def test_the_second_phase_trains_the_head_on_what_the_encoder_gave(data, embedder, tmp_path):
    first, vocabulary = train(data, embedder, tmp_path, recipe(3))
    second, _ = train(data, embedder, tmp_path, recipe(3, head_minutes=20 / 60))
    after = second.state_dict()
    assert (len(first.members), len(second.members)) == (1, LedgConfig().members)
    for name, tensor in first.state_dict().items():
        assert not name.startswith("encoder.") or torch.equal(tensor, after[name]), name
    assert error(second, vocabulary, data) < 0.8 * error(first, vocabulary, data)
    again, _ = train(data, embedder, tmp_path, recipe(3, head_minutes=20 / 60))
    assert all(torch.equal(tensor, after[name]) for name, tensor in again.state_dict().items())
    assert again.kin.positions == second.kin.positions
    np.testing.assert_array_equal(again.kin.vectors, second.kin.vectors)
    resumed, _ = train(data, embedder, tmp_path, recipe(3, head_minutes=20.1 / 60))
    assert error(resumed, vocabulary, data) == pytest.approx(error(second, vocabulary, data), rel=0.05)


@pytest.mark.parametrize("twins", [False, True])
def test_stored_states_give_what_the_encoder_gives(data, embedder, tmp_path, monkeypatch, twins):
    monkeypatch.setattr("ledg_export.packing.STORED_TWINS", 1 if twins else 1e9)
    model, vocabulary = train(data, embedder, tmp_path, recipe(3))
    encoded = EncodedGraphs(data.graphs, vocabulary)
    stored = StoredGraphs(model, encoded, data.visits, np.random.default_rng(0))
    heavier = stored.twins(data.visits, np.random.default_rng(0))
    assert len(heavier) == (len(data.visits) if twins else 0)
    packed = stored.pack(data.visits, [twin for _, twin in heavier])
    live = encoded.pack(data.visits, [])
    count, nodes = live["present"].shape
    assert torch.equal(packed["present"][:count, :nodes], live["present"])
    assert torch.equal(packed["work"][:count, :nodes], live["work"])
    states = model.states(*(live[name] for name in ("sentence_vectors", "text", "numeric", "edges")))
    found = packed["states"][:count, :nodes][live["present"] > 0]
    torch.testing.assert_close(found, states.detach(), rtol=1e-3, atol=1e-3)
    if twins:
        assert (packed["work"][count:].sum() > packed["work"][:count].sum()).item()


def test_a_fresh_run_begins_with_the_weights_and_memories_of_another(data, embedder, tmp_path):
    trained, vocabulary = train(data, embedder, tmp_path / "old", recipe(15))
    known = ["device nobody-has", *data.keys()]
    model = LedgFormer(LedgConfig(**SMALL, known=known, members=1)).eval()
    warm_start(model, tmp_path / "old")
    np.testing.assert_allclose(
        predict(model, vocabulary, data), predict(trained, vocabulary, data), rtol=1e-6, atol=1e-6
    )
    assert not model.members[0].platform_encoder.known.weight[1].any()
    with pytest.raises(LedgError, match="no checkpoint"):
        warm_start(model, tmp_path / "nowhere")


def test_the_shipped_bundle_is_whole_small_and_knows_its_devices():
    bundle = open_bundle()
    assert all(bundle.path(name).is_file() for name in REQUIRED)
    assert sum((SHIPPED / name).stat().st_size for name in REQUIRED) < 40e6
    assert {"nvidia-t4", "raspberry-pi-4"} <= bundle.devices
