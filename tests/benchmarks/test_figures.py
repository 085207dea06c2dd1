"""What a figure counts, and that drawing it twice writes the same bytes."""

from dataclasses import replace

import numpy as np

from benchmarks.accuracy import figures
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph
from ledg_rt.roofline import bound_from

T4, NPU = "nvidia-t4/tensorrt-8.4.0/int8", "hailo-8/hailort/int8"
GRAPH = "mobilenet_v1/1.0-224"


def test_rows_below_and_far_above_the_bound_and_without_one_are_counted():
    graph = encode_graph(read_graph(build(GRAPH).SerializeToString()))
    bound = bound_from(graph, 0, resolve(T4))
    row = Sample(GRAPH, T4, 1, 2 * bound, "p50", "mlperf_inference", "mobilenet_v1", GRAPH)
    rows = [
        row, replace(row, latency_ms=0.9 * bound), replace(row, latency_ms=1001 * bound), replace(row, platform=NPU),
    ]  # fmt: skip
    points = figures.cloud("mlperf_inference", rows, {GRAPH: graph})
    assert points.impossible == {T4: 1}
    assert (points.slow, points.silent) == (1, 1)
    assert points.kinds.tolist() == ["gpu"] * 3


def test_a_batch_has_the_bound_of_the_whole_batch():
    graph = encode_graph(read_graph(build(GRAPH).SerializeToString()))
    one = Sample(GRAPH, T4, 1, 1.0, "p50", "mlperf_inference", "mobilenet_v1", GRAPH)
    points = figures.cloud("mlperf_inference", [one, replace(one, batch=64)], {GRAPH: graph})
    assert points.bound[1] > 10 * points.bound[0]


def test_drawing_twice_writes_the_same_bytes_without_fonts_or_dates(tmp_path):
    kinds = np.array(["cpu", "gpu", "npu"])
    points = figures.Cloud("somewhere", np.array([1.0, 2, 3]), np.array([2.0, 4, 9]), kinds, kinds, 0)
    first, second = tmp_path / "a.svg", tmp_path / "b" / "a.svg"
    for path in (first, second):
        figures.save(figures.figure(points), path)
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    assert "somewhere" in text
    assert "<dc:date>" not in text
    assert "@font-face" not in text


def test_a_source_without_any_bound_still_has_a_figure(tmp_path):
    nothing = np.array([])
    figures.save(
        figures.figure(figures.Cloud("x", nothing, nothing, nothing, nothing, 7)), tmp_path / "x.svg"
    )
    assert (tmp_path / "x.svg").stat().st_size > 0
