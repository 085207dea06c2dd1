"""A few measured rows, for what is fitted on a trained model."""

import pytest

from ledg_export.batches import LatencyData
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
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


@pytest.fixture(scope="session")
def data() -> LatencyData:
    """Five networks on two platforms."""
    samples = [
        Sample(graph, platform, 1, ms, "p50", "mlperf_inference", graph.split("/")[0], graph)
        for graph, *measured in ROWS
        for platform, ms in zip(PLATFORMS, measured, strict=True)
    ]
    graphs = {graph: encode_graph(read_graph(build(graph).SerializeToString())) for graph, *_ in ROWS}
    return LatencyData(samples, graphs)
