"""HW-NAS-Bench, OneProxy, BRP-NAS and NNLQP: one search space, four tables."""

import csv
import gzip
import os
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from ledg_export import zoo
from ledg_export.corpora import brp_nas, hw_nas_bench, nnlqp, oneproxy
from ledg_export.corpora.nasbench201 import Cells
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

DATA = Path(os.environ.get("LEDG_DATA", ""))
needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
SAME = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "nasbench201"
    folder.mkdir()
    (folder / "nb201_accuracy.csv").write_text(f"arch_idx,arch_str\n3,{SAME}\n7,{CELL}\n")
    (folder / "isomorphism.csv").write_text("arch_idx,rep_arch_idx\n3,3\n7,3\n")
    return tmp_path


def write(path, text):
    path.parent.mkdir()
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt") as stream:
        stream.write(text)


def test_hw_nas_bench_has_a_graph_a_data_set_and_no_failed_compilations(data):
    write(
        data / "hw_nas_bench" / "hw_nas_bench_nb201.csv.gz",
        "dataset,arch_idx,edgegpu_latency,edgegpu_energy,edgetpu_latency,pixel3_latency\n"
        "cifar10,7,5.8,24.2,-1,3.6\nImageNet16-120,7,6.5,30.0,1.4,0.49\n",
    )
    dropped: Counter[str] = Counter()
    samples = list(hw_nas_bench.read(data, dropped))
    assert [(sample.graph_id, sample.platform, sample.latency_ms) for sample in samples] == [
        (f"nasbench201/{SAME}", "jetson-tx2-gpu/tensorrt/fp32", 5.8),
        (f"nasbench201/{CELL}@cifar10+folded", "pixel-3-cpu/tflite/fp32", 3.6),  # its dead convolution ran
        (f"nasbench201/{SAME}@ImageNet16-120", "jetson-tx2-gpu/tensorrt/fp32", 6.5),
        (f"nasbench201/{SAME}@ImageNet16-120", "coral-dev-board-edge-tpu/tflite-edgetpu/int8", 1.4),
    ]
    assert dropped == {"not compiled": 1, "degenerate on a phone": 1}


def test_oneproxy_leaves_out_the_columns_of_other_tables(data):
    columns = [*oneproxy.PLATFORMS, *oneproxy.LEFT_OUT]
    write(
        data / "oneproxy" / "oneproxy_nb201_1999_latency_ms.csv",
        f"arch_idx,{','.join(columns)}\n7,{','.join('2.5' for _ in columns)}\n",
    )
    dropped: Counter[str] = Counter()
    samples = list(oneproxy.read(data, dropped))
    assert {sample.platform for sample in samples} == set(oneproxy.PLATFORMS.values())
    assert {sample.isomorphism for sample in samples} == {"nasbench201/rep-3"}
    assert dropped == {
        "the same as brp_nas": 1, "the same as hw_nas_bench": 3, "another run of brp_nas's Core i7": 1,
    }  # fmt: skip


def test_nnlqp_names_its_nine_other_families_and_keeps_its_own_graphs(data):
    write(
        data / "nnlqp" / "nnlqp_unseen_structure.csv.gz",
        "batch,latency_ms,family,platform,nb201_arch_str_inferred,nb201_arch_idx_inferred\n"
        f"1,2.0,alexnet,gpu-gtx1660-trt7.1-fp32,,-1\n1,0.7,nasbench201,gpu-gtx1660-trt7.1-fp32,{CELL},7\n",
    )
    dropped: Counter[str] = Counter()
    (sample,) = nnlqp.read(data, dropped)
    assert (sample.graph_id, sample.isomorphism) == (f"nasbench201/{CELL}", "nasbench201/rep-3")
    assert dropped == {"no graph: alexnet": 1}


def test_nnlqp_of_another_platform_is_refused(data):
    write(
        data / "nnlqp" / "nnlqp_unseen_structure.csv.gz",
        "batch,latency_ms,family,platform,nb201_arch_str_inferred,nb201_arch_idx_inferred\n"
        f"1,0.7,nasbench201,gpu-T4-trt7.1-fp32,{CELL},7\n",
    )
    with pytest.raises(ValueError, match="gpu-T4"):
        list(nnlqp.read(data, Counter()))


@needs_data
@pytest.mark.parametrize(
    ("read", "values", "dropped_values"),
    [
        (hw_nas_bench.read, 46_875 * 3, {"degenerate on a phone", "not compiled"}),
        (oneproxy.read, 1_999 * 13, set(oneproxy.LEFT_OUT.values())),
        (brp_nas.read, 15_284, set()),
        (nnlqp.read, 20_000, None),
    ],
)
def test_every_value_is_kept_or_counted_and_resolves(read, values, dropped_values):
    dropped: Counter[str] = Counter()
    samples = list(read(DATA, dropped))
    assert len(samples) + dropped.total() == values
    if dropped_values is not None:
        assert set(dropped) == dropped_values
    assert all(sample.latency_ms > 0.1 for sample in samples)
    for name in {sample.platform for sample in samples}:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices()


@needs_data
def test_columns_left_out_are_the_same_as_those_kept():
    def table(path, key, column):
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {row[key]: float(row[column]) for row in rows if row.get("dataset", "cifar10") == "cifar10"}

    proxy = DATA / "oneproxy" / "oneproxy_nb201_1999_latency_ms.csv"
    hw = DATA / "hw_nas_bench" / "hw_nas_bench_nb201.csv.gz"
    brp = DATA / "brp_nas" / "nb201_desktop_cpu_core_i7_7820x_fp32.csv.gz"
    helps = DATA / "help" / "nb201_latency_ms.csv.gz"
    for left, right in [
        (table(proxy, "arch_idx", "eagle_i7"), table(brp, "arch_idx", "core_i7_7820x_fp32_ms")),
        (table(proxy, "arch_idx", "rice_edgegpu"), table(hw, "arch_idx", "edgegpu_latency")),
        (table(proxy, "arch_idx", "rice_edgetpu"), table(hw, "arch_idx", "edgetpu_latency")),
        (table(proxy, "arch_idx", "rice_pixel3"), table(hw, "arch_idx", "pixel3_latency")),
        (table(helps, "arch_idx", "pixel3"), table(hw, "arch_idx", "pixel3_latency")),
    ]:
        both = left.keys() & right.keys()
        assert len(both) > 1_900
        differ = [
            index for index in both if abs(left[index] - right[index]) > 1e-4 * abs(right[index]) + 1e-5
        ]
        assert len(differ) <= 14  # cells that OneProxy's encoding does not tell apart


@pytest.fixture(scope="module")
def cells():
    return Cells.of(DATA)


def canonical(string, dataset):
    return graph_sha256(read_graph(zoo.build(f"nasbench201/{string}@{dataset}").SerializeToString()))


@needs_data
@pytest.mark.parametrize("dataset", ["cifar10", "ImageNet16-120"])
def test_cells_share_a_graph_id_where_they_are_one_network(cells, dataset):
    classes = defaultdict(list)
    for index, representative in cells.representatives.items():
        classes[representative].append(index)
    several = [members for members in classes.values() if len(members) > 1]
    shared = 0
    for members in several[:: len(several) // 30]:
        hashes = {index: canonical(cells.strings[index], dataset) for index in members[:5]}
        ids = {index: cells.lean(index, dataset) for index in members[:5]}
        for left, right in combinations(hashes, 2):
            assert (hashes[left] == hashes[right]) == (ids[left] == ids[right]), (ids[left], ids[right])
            shared += hashes[left] == hashes[right]
    assert shared > 30


@needs_data
def test_ways_share_the_graphs_that_they_have_in_common(cells):
    lean = {cells.lean(index) for index in cells.strings}
    for way, graphs, own in (("summed", 8723, 4455), ("kept", 6133, 200), ("folded", 7331, 1398)):
        ids = {cells.run(index, way) for index in cells.strings}
        assert (len(ids), len(ids - lean)) == (graphs, own)
        assert all(name.endswith(f"@cifar10+{way}") for name in ids - lean)


@needs_data
@pytest.mark.parametrize("way", ["summed", "kept", "folded"])
def test_ids_of_a_way_are_the_graphs_of_that_way(cells, way):
    for index in list(cells.strings)[::1500]:
        shared = graph_sha256(read_graph(zoo.build(cells.run(index, way)).SerializeToString()))
        assert shared == canonical(cells.strings[index], f"cifar10+{way}")


@needs_data
def test_lean_graphs_are_fewer_than_cells(cells):
    ids = {cells.lean(index) for index in cells.strings}
    classes = {cells.isomorphism(index) for index in cells.strings}
    assert (len(ids), len(classes)) == (5933, 6466)


@needs_data
@pytest.mark.parametrize(
    ("read", "platform", "noise"),
    [
        (brp_nas.read, "core-i7-7820x/unknown/fp32", 0.012),
        (oneproxy.read, "snapdragon-855-adreno-640/tflite-2.1-gpu/fp16", 0.012),
        (oneproxy.read, "jetson-nano-gpu/unknown/fp32", 0.03),
    ],
)
def test_isomorphic_cells_take_the_same_time_where_nothing_dead_is_run(read, platform, noise):
    classes = defaultdict(list)
    for sample in read(DATA, Counter()):
        if sample.platform == platform:
            classes[sample.isomorphism].append(sample.latency_ms)
    spread = [
        abs(value / np.median(values) - 1)
        for values in classes.values()
        if len(values) > 1
        for value in values
    ]
    assert len(spread) > 500
    assert np.median(spread) < noise
