"""What a bundle keeps of the reference implementation."""

from pathlib import Path

import pytest
import torch

import ledg_rt
from ledg_export.batches import LatencyData
from ledg_export.bundle import GOLDEN_STEP, golden
from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.train import embed_all, new_model
from ledg_export.zoo import build
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

PLATFORMS = [f"raspberry-pi-4/ncnn/fp32/{threads}t" for threads in range(1, GOLDEN_STEP + 1)]


@pytest.fixture(scope="module")
def found():
    """Goldens of two networks at two batch sizes, one of them with a table of positions, and of operators at three, each on as many platforms as one golden takes."""
    visits = [("mobilenet_v1/0.25-128", 1), ("mobilenet_v1/0.25-128", 2), ("mobilenet_v1/0.5-128", 2)]
    visits += [("electra/base-64", 1), ("electra/base-64", 2)]
    visits += [(f"operator/relu/{size}", batch) for size in (8, 16) for batch in (1, 2, 3)]
    samples = [
        Sample(graph_id, platform, batch, 1.0, "p50", "tiny", graph_id.partition("/")[0], graph_id)
        for graph_id, batch in visits for platform in PLATFORMS
    ]  # fmt: skip
    graphs = {name: encode_graph(read_graph(build(name).SerializeToString())) for name, _ in visits}
    data = LatencyData(samples, graphs)
    torch.manual_seed(0)
    vocabulary = embed_all(data.sentences(), Embedder(Path(ledg_rt.__file__).parent / "bundle"))
    config = LedgConfig(
        width=16, layers=1, heads=2, platform_width=16, correction_width=8, known=data.keys(), members=1
    )
    return golden(new_model(data, config).eval(), vocabulary, data)


def test_goldens_are_of_each_family_and_batch_size_that_the_zoo_builds_alike_and_of_one_operator(found):
    kinds = [(one["graph_id"].partition("/")[0], one["batch"]) for one in found]
    assert sorted(kinds) == [("electra", 1), ("mobilenet_v1", 1), ("mobilenet_v1", 2), ("operator", 1)]
    assert all(one["latency_ms"] > 0 for one in found)
