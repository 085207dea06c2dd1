"""Measuring: a real network, the table, and what an interruption leaves."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from benchmarks.measure import __main__ as command
from benchmarks.measure.one import LEAST_RUNS, Timing, measure, weights
from benchmarks.measure.table import REFERENCE, REFERENCE_FAMILY, Measured, corrected, read, write
from ledg_export.zoo import build
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

TINY = "nasbench201/|skip_connect~0|+|skip_connect~0|none~1|+|skip_connect~0|none~1|none~2|"


def row(family, raw, at=0):
    return Measured(family, f"{family}-{at}", raw, raw, 5, 0.01, 1.0, "here")


def test_a_network_is_timed_in_a_process_of_its_own():
    asked = [sys.executable, "-m", "benchmarks.measure.one", TINY, "--seconds", "0.001"]
    found = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    timing = Timing(**found)
    assert timing.median_ms > 0
    assert timing.spread >= 0
    assert timing.runs >= LEAST_RUNS


def test_in_8_bits_the_runtime_is_given_quantized_nodes_and_weights(monkeypatch):
    files = []
    session = onnxruntime.InferenceSession.__init__
    monkeypatch.setattr(
        onnxruntime.InferenceSession,
        "__init__",
        lambda *of, **named: files.append(of[1]) or session(*of, **named),
    )
    measure(TINY, 0.0, precision="int8")
    assert logging.getLogger("any").isEnabledFor(logging.WARNING)
    given = ModelProto.FromString(files[-1])
    operators = [node.op_type for node in given.graph.node]
    convolutions = operators.count("Conv")
    assert convolutions > 5
    assert operators.count("QuantizeLinear") > convolutions
    kernels = [tensor for tensor in given.graph.initializer if len(tensor.dims) == 4]
    assert {tensor.data_type for tensor in kernels} == {TensorProto.INT8}
    assert max(np.abs(numpy_helper.to_array(tensor)).max() for tensor in kernels) == 127


def test_seeds_begin_where_they_are_asked_to():
    first, later = (list(command.networks(["alexnet"], 2, seed)) for seed in (0, 1000))
    assert later[0] == ("alexnet", "nnlqp_families/alexnet-1000")
    assert not set(first) & set(later)


def test_weights_keep_activations_of_a_sane_size(monkeypatch):
    kept = []
    run = onnxruntime.InferenceSession.run
    monkeypatch.setattr(
        onnxruntime.InferenceSession, "run", lambda *of: kept.append(run(*of)[0]) or kept[-1:]
    )
    for graph_id in (TINY, "mobilenet_v3/small-224-1.0"):
        measure(graph_id, 0.0)
        assert np.isfinite(kept[-1]).all()
        assert 1e-6 < np.abs(kept[-1]).mean() < 1e6


def test_weights_are_scaled_by_their_inputs_and_normalizations_are_the_identity():
    model = build(TINY)
    found = weights(model)
    assert set(found) == {tensor.name for tensor in model.graph.initializer if not tensor.raw_data}
    kernel = next(values for values in found.values() if values.shape == (64, 64, 3, 3))
    assert kernel.std() == pytest.approx(np.sqrt(2 / (64 * 9)), rel=0.01)
    norm = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
    assert [set(found[name].tolist()) for name in norm.input[1:]] == [{1.0}, {0.0}, {0.0}, {1.0}]


def test_constants_without_data_get_values_and_inputs_of_integers_are_ones(monkeypatch):
    """A table of 40 rows, a constant of the graph whose data is gone, read at the places that the input names."""
    empty = TensorProto(name="", data_type=TensorProto.FLOAT, dims=[40, 8])
    nodes = [
        helper.make_node("Constant", [], ["table"], value=empty),
        helper.make_node("Gather", ["table", "places"], ["rows"], axis=0),
    ]
    places = helper.make_tensor_value_info("places", TensorProto.INT64, [3])
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [3, 8])
    model = helper.make_model(
        helper.make_graph(nodes, "g", [places], [rows]), opset_imports=[helper.make_opsetid("", 17)]
    )
    fed = []
    run = onnxruntime.InferenceSession.run
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", lambda *of: fed.append((of[2], run(*of)[0])))
    monkeypatch.setattr("benchmarks.measure.one.build", lambda graph_id: model)
    threads = []
    session = onnxruntime.InferenceSession.__init__
    monkeypatch.setattr(
        onnxruntime.InferenceSession, "__init__",
        lambda *of, **named: threads.append(of[2].intra_op_num_threads) or session(*of, **named),
    )  # fmt: skip
    measure("any", 0.0, threads=2)
    assert threads == [2]
    feed, found = fed[-1]
    assert feed["places"].tolist() == [1, 1, 1]
    assert found.shape == (3, 8)
    assert found.std() > 0.1


def test_networks_of_a_corpus_take_turns_by_family():
    found = list(command.corpus_networks(Path(__file__).parents[2] / "benchmarks/data", 2))
    families = [family for family, _ in found]
    first = families[: len(set(families))]
    assert first == sorted(set(families))
    assert max(families.count(family) for family in first) == 2
    assert {"bert", "vit", "yolov5", "gpt"} <= set(first)
    assert len(set(found)) == len(found)


def between(references):
    """A network of 6 ms raw between every two references."""
    rows = [row(REFERENCE_FAMILY, references[0])]
    for reference in references[1:]:
        rows += [row("a", 6.0), row(REFERENCE_FAMILY, reference)]
    return rows


def test_a_machine_that_slows_down_is_corrected_by_the_references_about_a_row():
    found = corrected(between([10.0] * 5 + [20.0] * 4))
    assert [one.drift for one in found[1::2]] == [1.0] * 4 + [1.5] + [2.0] * 3
    assert [one.latency_ms for one in found[1::2]] == [6.0] * 4 + [4.0] + [3.0] * 3
    assert {one.raw_ms for one in found[1::2]} == {6.0}
    assert corrected(found) == found


def test_one_disturbed_reference_moves_nothing():
    assert {one.drift for one in corrected(between([10.0, 10.0, 15.0, 10.0, 10.0]))} == {1.0}


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [row(REFERENCE_FAMILY, 10.0), replace(row("a", 1.25), machine='a "named", one')]
    write(tmp_path / "t.csv", rows)
    assert read(tmp_path / "t.csv") == rows
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    assert read(tmp_path / "none.csv") == []


def test_networks_take_turns_and_are_different():
    found = list(command.networks(["nasbench201", "alexnet"], 3))
    assert [family for family, _ in found] == ["nasbench201", "alexnet"] * 3
    assert len({graph_sha256(read_graph(build(name).SerializeToString())) for _, name in found}) == 6


@pytest.fixture
def timed(monkeypatch):
    """Graph ids in the order of measuring; none takes any time."""
    found = []
    monkeypatch.setattr(
        command, "timing", lambda name, seconds, threads, precision: found.append(name) or Timing(2.0, 5, 0.0)
    )
    return found


def wanted(count):
    return ((family, f"{family}-{at}") for at in range(count) for family in ("a", "b"))


def test_a_reference_begins_each_score_and_ends_all(timed, tmp_path):
    command.run(tmp_path / "t.csv", wanted(11), 0.0, 60.0)
    assert [at for at, name in enumerate(timed) if name == REFERENCE] == [0, 21, 24]


def test_an_interrupted_run_goes_on_and_measures_nothing_twice(timed, tmp_path):
    command.run(tmp_path / "t.csv", wanted(1), 0.0, 60.0)
    timed.clear()
    command.run(tmp_path / "t.csv", wanted(2), 0.0, 60.0)
    assert timed == [REFERENCE, "a-1", "b-1", REFERENCE]
    names = [one.graph_id for one in read(tmp_path / "t.csv") if one.family != REFERENCE_FAMILY]
    assert names == ["a-0", "b-0", "a-1", "b-1"]
    timed.clear()
    command.run(tmp_path / "t.csv", wanted(2), 0.0, 60.0)
    assert timed == []


def test_other_precisions_go_into_the_same_file_beside_references_in_fp32(timed, tmp_path):
    command.run(tmp_path / "t.csv", wanted(1), 0.0, 60.0)
    timed.clear()
    command.run(tmp_path / "t.csv", wanted(1), 0.0, 60.0, precision="int8")
    assert timed == [REFERENCE, "a-0", "b-0", REFERENCE]
    rows = read(tmp_path / "t.csv")
    assert command.others(tmp_path / "t.csv", 1) == set()
    words = {(one.family == REFERENCE_FAMILY, one.machine.split(", ")[2]) for one in rows}
    assert words == {(True, "fp32"), (False, "fp32"), (False, "int8")}


def test_a_file_of_another_count_of_threads_is_refused(tmp_path, monkeypatch, capsys):
    write(tmp_path / "t.csv", [replace(row("a", 1.0), machine=command.machine(1))])
    monkeypatch.setattr("sys.argv", ["measure", "--out", str(tmp_path / "t.csv"), "--threads", "2"])
    with pytest.raises(SystemExit):
        command.main()
    assert "has rows of" in capsys.readouterr().err
    assert command.others(tmp_path / "t.csv", 1) == set()


def test_nothing_is_measured_when_the_minutes_are_over(timed, tmp_path):
    command.run(tmp_path / "t.csv", wanted(1), 0.0, -1.0)
    assert timed == []


def test_a_network_that_fails_or_takes_too_long_is_left_out(monkeypatch, tmp_path):
    def timing(name, seconds, threads, precision):
        if name == "a-0":
            raise subprocess.CalledProcessError(1, name)
        if name == "a-1":
            raise subprocess.TimeoutExpired(name, command.PATIENCE)
        return Timing(2.0, 5, 0.0)

    monkeypatch.setattr(command, "timing", timing)
    command.run(tmp_path / "t.csv", wanted(2), 0.0, 60.0)
    assert [one.graph_id for one in read(tmp_path / "t.csv")] == [REFERENCE, "b-0", "b-1", REFERENCE]
