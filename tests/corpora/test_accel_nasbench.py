import csv
import os
from collections import Counter
from math import prod
from pathlib import Path

import pytest
from onnx import TensorProto

from ledg_export import zoo
from ledg_export.corpora import accel_nasbench as tables
from ledg_rt.costs import graph_cost
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph

DATA = Path(os.environ.get("LEDG_DATA", ""))
needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

# First row of accel_nasbench.csv (Accel-NASBench, Apache-2.0).
ROW = {
    "e": "6 4 6 6 6 1 1", "k": "3 5 3 5 5 3 3", "l": "1 2 3 3 2 2 2", "se": "0 0 0 0 0 0 0",
    "latency_zcu102": "5.02342", "latency_vck190": "3.50056", "throughput_a100": "7034.94",
    "throughput_3090": "4536.29", "throughput_tpuv2": "607.403", "throughput_tpuv3": "1124.11",
    "throughput_zcu102": "469.673", "throughput_vck190": "2441.03",
}  # fmt: skip
GRAPH = "accel_nasbench/6 4 6 6 6 1 1/3 5 3 5 5 3 3/1 2 3 3 2 2 2/0 0 0 0 0 0 0"


def write(data, *rows):
    path = data / "accel_nasbench" / "accel_nasbench.csv"
    path.parent.mkdir()
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(ROW))
        writer.writeheader()
        writer.writerows(rows)


def test_throughputs_are_the_time_of_an_image_on_a_platform_that_says_so(tmp_path):
    write(tmp_path, ROW)
    samples = {sample.platform: sample for sample in tables.read(tmp_path, Counter())}
    assert {sample.graph_id for sample in samples.values()} == {GRAPH}
    assert samples["zcu102-dpu/vitis-ai/int8"].latency_ms == 5.02342
    assert samples["zcu102-dpu/vitis-ai/int8"].statistic == "mean"
    fast = samples["nvidia-a100-pcie-40gb/unknown/fp32+throughput"]
    assert (fast.statistic, fast.batch) == ("throughput", 1)
    assert fast.latency_ms == pytest.approx(1 / 7.03494)


def test_missing_and_input_bound_values_are_counted(tmp_path):
    write(tmp_path, {**ROW, "latency_vck190": "", "throughput_tpuv3": "1640.5"})
    dropped: Counter[str] = Counter()
    assert len(list(tables.read(tmp_path, dropped))) == 6
    assert dropped == {"no time measured": 1, "input bound on a TPU": 1}


@needs_data
def test_every_value_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    samples = list(tables.read(DATA, dropped))
    assert len(samples) + dropped.total() == 5_138 * 8
    assert len({sample.graph_id for sample in samples}) == 5_125
    for name in {sample.platform for sample in samples}:
        assert resolve(name).id == name
        assert resolve(name).device in devices()


@needs_data
def test_counts_are_those_of_the_table():
    # Its parameters count scale and shift of batch normalization, which is folded here; its multiply-adds take four
    # operations an element for it.
    with (DATA / "accel_nasbench" / "accel_nasbench.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[::500]
    for row in rows:
        model = zoo.build("/".join(("accel_nasbench", row["e"], row["k"], row["l"], row["se"])))
        graph = read_graph(model.SerializeToString())
        normalized = [node.outputs[0] for node in graph.nodes if node.op == "Conv" and node.outputs[0].elements > node.outputs[0].shape[1]]  # fmt: skip
        parameters = sum(
            prod(item.dims) for item in model.graph.initializer if item.data_type == TensorProto.FLOAT and not item.raw_data
        )  # fmt: skip
        scales = sum(output.shape[1] for output in normalized)
        assert parameters + scales == pytest.approx(1e6 * float(row["params"]), abs=10)
        norms = 4 * sum(output.elements for output in normalized)
        assert graph_cost(graph).macs + norms == pytest.approx(1e6 * float(row["macs"]), rel=0.01)
