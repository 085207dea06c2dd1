"""What a visit holds, and how often each is drawn."""

import numpy as np
import pytest

from ledg_export.batches import SOURCE_POWER, BucketSampler, LatencyData
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

GRAPHS = ("mobilenet_v1/0.25-128", "mobilenet_v1/0.5-128")
PI, T4 = "raspberry-pi-4/tflite-2.4.1-ruy/fp32", "nvidia-t4/tensorrt-8.4.0/fp16"


def sample(graph, platform, source, ms=3.0):
    return Sample(graph, platform, 1, ms, "p50", source, "mobilenet_v1", graph)


@pytest.fixture(scope="module")
def data():
    graphs = {name: encode_graph(read_graph(build(name).SerializeToString())) for name in GRAPHS}
    shared, alone = GRAPHS
    rows = [sample(shared, PI, "mlperf_inference"), sample(shared, T4, "opencv_zoo", 0.5), sample(alone, PI, "mlperf_inference")]  # fmt: skip
    return LatencyData(rows, graphs)


def test_a_visit_holds_the_rows_of_all_sources(data):
    shared, alone = data.visits
    assert shared.sources.tolist() == ["mlperf_inference", "opencv_zoo"]
    assert [data.platform_ids[at] for at in shared.platforms] == [PI, T4]
    np.testing.assert_allclose(shared.log_ms, np.log([3.0, 0.5]), rtol=1e-6)
    assert alone.sources.tolist() == ["mlperf_inference"]


def test_each_source_has_its_share_of_the_visits(data):
    weight = BucketSampler(data, visits=10, budget=1000, seed=0).weight
    two, one = 2**SOURCE_POWER, 1.0
    # The rare source is all on the shared graph; the other is halved between both.
    expected = np.array([one + two / 2, two / 2]) / (one + two)
    np.testing.assert_allclose(weight, expected)
