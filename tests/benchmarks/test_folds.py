import math

import numpy as np
import pytest

from benchmarks.accuracy import folds
from benchmarks.accuracy.folds import FOLDS, Fold, drawn, fold, fold_of, rows_of_fold, stack_of
from benchmarks.accuracy.splits import chip_of
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

PLATFORMS = (
    "raspberry-pi-4/armnn-20.11/fp32", "raspberry-pi-4/armnn-20.11/int8", "raspberry-pi-4/tflite-2.5.0/fp32", "nvidia-t4/tensorrt/fp16",
    "nvidia-a10/tensorrt/fp16", "jetson-nano-gpu/tensorrt/fp32", "jetson-tx2-gpu/tensorrt/fp32", "station-m3/ncnn/fp32",
)  # fmt: skip
GRAPHS = ("resnet/18-224", "squeezenet/1.1-224", "mobilenet_v1/0.25-128", "alexnet/224", "densenet/121-224")


@pytest.fixture
def samples():
    return [
        Sample(graph, platform, 1, 2.0 + at, "p50", "own", graph.split("/")[0], graph)
        for platform in PLATFORMS
        for at, graph in enumerate(GRAPHS)
    ]


def test_every_sample_is_held_out_once_for_each_reason_alone(samples):
    parts = [fold(samples, number) for number in range(FOLDS)]
    for number, part in enumerate(parts):
        trained = part.train
        assert trained
        assert not any(fold_of("chip", chip_of(sample.platform)) == number for sample in trained)
        assert not any(fold_of("family", sample.family) == number for sample in trained)
        assert {chip_of(sample.platform) for sample in part.held_out["chip"]}.isdisjoint(
            chip_of(sample.platform) for sample in trained
        )
        assert {sample.family for sample in part.held_out["family"]}.isdisjoint(s.family for s in trained)
        assert {stack_of(s.platform) for s in part.held_out["stack"]}.isdisjoint(stack_of(s.platform) for s in trained)  # fmt: skip
    stacks = [sample for part in parts for sample in part.held_out["stack"]]
    # Only the board was measured with several stacks.
    assert stacks
    assert {chip_of(sample.platform) for sample in stacks} == {"bcm2711"}


def test_cells_are_held_out_by_class_and_thinned(samples):
    cells = [Sample(f"nasbench201/{at}", PLATFORMS[3], 1, 1.0, "p50", "help", "nasbench201", f"nasbench201/class-{at}") for at in range(400)]  # fmt: skip
    part = fold(cells, (fold_of("chip", chip_of(PLATFORMS[3])) + 1) % FOLDS)
    assert 50 < len(part.held_out["family"]) < 110
    assert 50 < len(part.train) < 110


def test_a_platform_gives_few_rows_to_score(samples, monkeypatch):
    monkeypatch.setattr(folds, "ROWS", 2)
    found = drawn(samples)
    assert len(found) == 2 * len(PLATFORMS)
    assert drawn(list(samples)) == found


def test_rows_say_what_was_held_out_and_what_is_nearest():
    graphs = {graph: encode_graph(read_graph(build(graph).SerializeToString())) for graph in GRAPHS}
    trained = (
        Sample(GRAPHS[0], "nvidia-a30/tensorrt/fp16", 1, 3.0, "p50", "own", "resnet", "r"),
        Sample(GRAPHS[0], "raspberry-pi-4/tflite/fp32", 1, 90.0, "p50", "own", "resnet", "r"),
    )
    wanted = (
        Sample(GRAPHS[0], "nvidia-t4/tensorrt/fp16", 1, 5.0, "p50", "own", "resnet", "r"),
        Sample(GRAPHS[1], "nvidia-t4/tensorrt/fp16", 1, 4.0, "p50", "own", "squeezenet", "s"),
    )
    part = Fold(trained, {"family": (), "stack": (), "chip": wanted})
    rows = list(rows_of_fold(2, part, lambda samples: np.zeros((len(samples), 2)), graphs))
    assert [row["evidence"] for row in rows] == ["unknown", "unknown"]
    assert [row["log_measured"] for row in rows] == pytest.approx([math.log(5), math.log(4)])
    # Of the two that ran the network, the other GPU; no known device ran the second network.
    analytic = rows[0]["roofline"]
    assert rows[0]["nearest"] > math.log(3)  # a T4 has less of both than an A30
    assert rows[0]["nearest"] < analytic + 20
    assert rows[1]["nearest"] is None
