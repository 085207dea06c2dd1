import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import ledg_rt
from ledg_export.batches import LatencyData, predict
from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.packing import EncodedGraphs, StoredGraphs
from ledg_export.refine import refine
from ledg_export.train import embed_all, new_model
from ledg_export.zoo import build
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

# Medians in ms of MLPerf Inference single-stream results (mlcommons, Apache-2.0) with tflite 2.4.1, fp32: graph, Jetson
# AGX Xavier CPU, Raspberry Pi 4.
ROWS = (
    ("efficientnet_lite/0", 12.04913, 68.11429),
    ("efficientnet_lite/2", 20.34246, 131.12519),
    ("mobilenet_v1/0.25-128", 1.35223, 4.74325),
    ("mobilenet_v1/0.5-160", 2.82566, 14.00834),
    ("mobilenet_v1/1.0-192", 9.00658, 53.36972),
)
PLATFORMS = ("jetson-agx-xavier-cpu/tflite-2.4.1/fp32", "raspberry-pi-4/tflite-2.4.1/fp32")


@pytest.fixture(scope="module")
def data():
    samples = [
        Sample(graph, platform, 1, ms, "p50", "mlperf_inference", graph.split("/")[0], graph)
        for graph, *measured in ROWS
        for platform, ms in zip(PLATFORMS, measured, strict=True)
    ]
    graphs = {graph: encode_graph(read_graph(build(graph).SerializeToString())) for graph, *_ in ROWS}
    return LatencyData(samples, graphs)


@pytest.fixture(scope="module")
def parts(data):
    """An untrained ensemble of two, its vocabulary and the states of the graphs."""
    torch.manual_seed(0)
    vocabulary = embed_all(data.sentences(), Embedder(Path(ledg_rt.__file__).parent / "bundle"))
    config = LedgConfig(
        width=32, layers=1, platform_width=32, correction_width=16, known=data.keys(), members=2
    )
    model = new_model(data, config)
    for member in model.members:
        torch.nn.init.normal_(member.head.platform.weight, std=0.1)
    rng = np.random.default_rng(0)
    return model.eval(), vocabulary, StoredGraphs(model, EncodedGraphs(data.graphs, vocabulary), data.visits, rng)  # fmt: skip


def errors(model, vocabulary, data):
    measured = np.concatenate([visit.log_ms for visit in data.visits])
    return np.abs(predict(model, vocabulary, data)[:, 0] - measured)


def test_memories_are_fitted_to_the_measurements_and_nothing_else_moves(data, parts):
    before, vocabulary, stored = parts
    model = copy.deepcopy(before)
    refine(model, vocabulary, data, stored, np.random.default_rng(0), ridge=1e-3, steps=5)
    assert errors(model, vocabulary, data).mean() < 0.1 * errors(before, vocabulary, data).mean()
    exact = [1 + at for at, key in enumerate(model.config.known) if key.startswith("platform ")]
    for name, tensor in before.state_dict().items():
        after = model.state_dict()[name].clone()
        if name.endswith("known.weight"):
            assert all((after[at] != tensor[at]).any() for at in exact)
            after[exact] = tensor[exact]
        assert torch.equal(after, tensor), name


def test_a_strong_ridge_leaves_memories_alone(data, parts):
    before, vocabulary, stored = parts
    model = copy.deepcopy(before)
    refine(model, vocabulary, data, stored, np.random.default_rng(0), ridge=1e9, steps=1)
    np.testing.assert_allclose(errors(model, vocabulary, data), errors(before, vocabulary, data), atol=1e-3)
