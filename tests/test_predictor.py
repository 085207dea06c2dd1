import json
import math
import shutil
from pathlib import Path

import pytest
from onnx import TensorProto, helper

import ledg_rt
from ledg_rt import Predictor
from ledg_rt.bundles import MANIFEST
from ledg_rt.errors import BundleError, PlatformError
from ledg_rt.results import Status

T4 = "nvidia-t4/tensorrt-8.4.0/int8"


@pytest.fixture(scope="module")
def predictor():
    with Predictor() as predictor:
        yield predictor


def model(nodes, shape, out_shape, initializers=()):
    return helper.make_model(
        helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, out_shape)],
            [TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims) for name, dims in initializers],
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)], ir_version=8,
    )  # fmt: skip


def conv(channels=64, size=56, kernel=3):
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[kernel, kernel], pads=[kernel // 2] * 4)
    return model(
        [node],
        [1, channels, size, size],
        [1, channels, size, size],
        [("w", [channels, channels, kernel, kernel])],
    )


def save(path, proto):
    path.write_bytes(proto.SerializeToString())
    return path


def test_rows_are_models_first_in_the_order_given(predictor, tmp_path):
    small, large = save(tmp_path / "b.onnx", conv(32)), save(tmp_path / "a.onnx", conv(128))
    rows = predictor.predict([small, large, small], [T4, "raspberry-pi-4/tflite/fp32"])
    assert [row.model.path for row in rows] == [
        str(path) for path in (small, small, large, large, small, small)
    ]
    assert [row.platform.text for row in rows[:2]] == [T4, "raspberry-pi-4/tflite/fp32"]
    assert rows[0].latency_ms == rows[4].latency_ms
    assert rows[1].latency_ms.p50 > rows[0].latency_ms.p50


def test_a_bad_file_costs_its_own_rows_alone(predictor, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"")
    good = save(tmp_path / "good.onnx", conv())
    bad_row, good_row = predictor.predict([tmp_path / "bad.onnx", good], [T4])
    assert (bad_row.status, bad_row.error.code, bad_row.latency_ms) == (Status.ERROR, "empty_file", None)
    assert good_row.status is Status.OK


def test_unknown_operator_is_counted_and_lowers_the_coverage(predictor, tmp_path):
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node("Mystery", ["h"], ["y"], domain="com.example"),
    ]
    proto = model(nodes, [1, 8, 32, 32], [1, 8, 32, 32])
    (row,) = predictor.predict([save(tmp_path / "m.onnx", proto)], [T4])
    assert row.status is Status.PARTIAL
    assert "unknown_ops" in row.flags
    assert [(op.domain, op.op, op.count) for op in row.model.unknown_ops] == [("com.example", "Mystery", 1)]
    assert 0 < row.model.coverage < 1


def test_macs_count_the_whole_batch(predictor, tmp_path):
    path = save(tmp_path / "m.onnx", conv(64, 56))
    (one,) = predictor.predict([path], [T4])
    (eight,) = predictor.predict([path], [T4], batch=8)
    assert one.model.macs == 56 * 56 * 64 * 64 * 9
    assert (eight.batch, eight.model.macs) == (8, 8 * one.model.macs)


def test_a_larger_batch_of_a_network_takes_longer(predictor):
    example = Path(__file__).parents[1] / "examples" / "resnet18.onnx"
    (one,) = predictor.predict([example], [T4])
    (eight,) = predictor.predict([example], [T4], batch=8)
    assert eight.latency_ms.p50 > 1.2 * one.latency_ms.p50


def test_roofline_and_bound_by_hand(predictor, tmp_path):
    path = save(tmp_path / "m.onnx", conv(64, 56))
    text = "cpu of 100 GFLOPS and 10 GB/s, fp32"
    (row,) = predictor.predict([path], [text])
    macs = 56 * 56 * 64 * 64 * 9
    assert row.roofline_ms == pytest.approx(2 * macs / 100e9 * 1e3)
    assert row.bound_ms == pytest.approx(2 * macs / 2.25 / 100e9 * 1e3)
    assert "unknown_hardware" in row.flags


def test_no_bound_where_a_figure_is_unknown(predictor, tmp_path):
    (row,) = predictor.predict([save(tmp_path / "m.onnx", conv())], ["some unheard-of accelerator"])
    assert row.roofline_ms is None
    assert row.bound_ms is None
    assert row.latency_ms.p50 > 0


def test_interval_of_unknown_hardware_is_wider(predictor, tmp_path):
    path = save(tmp_path / "m.onnx", conv())
    known, unknown = predictor.predict(
        [path], ["raspberry-pi-4/tflite/fp32", "unheard-of 24 GFLOPS board, 8 GB/s, fp32, tflite"]
    )
    assert "unknown_hardware" not in known.flags
    assert unknown.latency_ms.p90 / unknown.latency_ms.p10 > known.latency_ms.p90 / known.latency_ms.p10


def test_intervals_have_the_factor_of_their_evidence_and_kind_of_device(predictor, tmp_path):
    shipped = Path(ledg_rt.__file__).parent / "bundle"
    bundle = tmp_path / "bundle"
    shutil.copytree(shipped, bundle)
    manifest = json.loads((bundle / MANIFEST).read_text())
    wide = {
        evidence: {kind: 2 * factor for kind, factor in ({"gpu": factors["all"]} | factors).items() if kind in ("all", "gpu")}
        for evidence, factors in manifest["interval"].items()
    }  # fmt: skip
    wide["known"]["all"] = wide["known"]["cpu"] = manifest["interval"]["known"]["all"] / 3
    (bundle / MANIFEST).write_text(json.dumps(manifest | {"interval": wide}))
    path = save(tmp_path / "m.onnx", conv())
    platforms = ["raspberry-pi-4/tflite/fp32", T4, "unheard-of 24 GFLOPS board, 8 GB/s, fp32, tflite"]
    with Predictor(bundle) as changed:
        after = changed.predict([path], platforms)
    before = predictor.predict([path], platforms)

    def width(row):
        return math.log(row.latency_ms.p90 / row.latency_ms.p50)

    own = manifest["interval"]["known"]
    ratios = [width(new) / width(old) for new, old in zip(after, before, strict=True)]
    assert ratios[0] == pytest.approx(own["all"] / 3 / own.get("cpu", own["all"]), rel=1e-6)
    assert ratios[1] == pytest.approx(2, rel=1e-6)
    assert ratios[2] == pytest.approx(2, rel=1e-6)


def test_quantized_file_on_a_float_platform_is_flagged(predictor, tmp_path):
    proto = model(
        [
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"]),
            helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        ],
        [1, 8, 16, 16],
        [1, 8, 16, 16],
    )
    proto.graph.initializer.extend(
        [
            TensorProto(name="q", data_type=TensorProto.INT8, dims=[8, 8, 3, 3]),
            helper.make_tensor("s", TensorProto.FLOAT, [], [0.1]),
            helper.make_tensor("z", TensorProto.INT8, [], [0]),
        ]
    )
    path = save(tmp_path / "m.onnx", proto)
    on_float, on_int8 = predictor.predict([path], ["nvidia-t4/tensorrt/fp16", T4])
    assert "precision_mismatch" in on_float.flags
    assert "precision_mismatch" not in on_int8.flags


def test_shape_that_names_no_input_is_said(predictor, tmp_path):
    (row,) = predictor.predict(
        [save(tmp_path / "m.onnx", conv())], [T4], shapes={"no_such_input": [1, 3, 8, 8]}
    )
    assert "shape_ignored" in row.flags


def test_sizes_that_no_float_holds_cost_one_file(predictor, tmp_path):
    huge = model([helper.make_node("Relu", ["x"], ["y"])], [2**62] * 20, [2**62] * 20)
    rows = predictor.predict([save(tmp_path / "huge.onnx", huge), save(tmp_path / "m.onnx", conv())], [T4])
    assert rows[0].error.code == "limit_exceeded"
    assert rows[1].status is Status.OK


def test_names_and_node_order_change_no_number(predictor, tmp_path):
    def branches(names):
        a, b, c = names
        nodes = [
            helper.make_node("Relu", ["x"], [a], name=a), helper.make_node("Sigmoid", [a], [b]),
            helper.make_node("Tanh", [a], [c]), helper.make_node("Add", [b, c], ["y"]),
        ]  # fmt: skip
        return nodes

    one = model(branches("abc"), [1, 8, 32, 32], [1, 8, 32, 32])
    nodes = branches(("zz", "m", "k"))
    two = model([nodes[0], nodes[2], nodes[1], nodes[3]], [1, 8, 32, 32], [1, 8, 32, 32])
    rows = predictor.predict([save(tmp_path / "1.onnx", one), save(tmp_path / "2.onnx", two)], [T4])
    assert rows[0].latency_ms == rows[1].latency_ms
    assert rows[0].model.graph_sha256 == rows[1].model.graph_sha256


def test_empty_platform_is_refused_before_any_model_is_read(predictor):
    with pytest.raises(PlatformError):
        predictor.predict(["no-such-file.onnx"], [""])


def test_missing_bundle_names_the_file(tmp_path):
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Predictor(tmp_path)


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [-3, 3]},
        {"kernel_shape": [float("nan"), 3.0]},
        {"kernel_shape": ["a", "b"]},
        {"strides": [0, 0]},
        {"group": -1},
        {"group": float("inf")},
        {"dilations": [-1, -1]},
    ],
)
def test_attributes_that_make_no_sense_cost_no_other_file(predictor, tmp_path, attributes):
    proto = conv()
    del proto.graph.node[0].attribute[:]
    proto.graph.node[0].attribute.extend(
        helper.make_attribute(name, value) for name, value in attributes.items()
    )
    bad, good = predictor.predict(
        [save(tmp_path / "bad.onnx", proto), save(tmp_path / "m.onnx", conv())], [T4]
    )
    assert bad.status is not Status.ERROR or bad.error.code
    assert good.status is Status.OK


def test_the_dearest_nodes_are_named_as_in_the_file(predictor, tmp_path):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["h"], name="/small", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["h", "v"], ["wide"], kernel_shape=[5, 5], pads=[2] * 4),
        helper.make_node("Relu", ["wide"], ["y"], name="/last"),
    ]
    weights = [("w", [64, 64, 1, 1]), ("v", [64, 64, 5, 5])]
    path = save(tmp_path / "m.onnx", model(nodes, [1, 64, 56, 56], [1, 64, 56, 56], weights))
    (two,) = predictor.iter_explain([path], [T4], top=2)
    (everything,) = predictor.iter_explain([path], [T4], top=10)
    assert two.nodes == everything.nodes[:2]
    assert (two.nodes[0].name, two.nodes[0].sentence.split()[0]) == ("wide", "Conv")
    assert {node.name for node in everything.nodes} == {"/small", "wide", "/last"}
    assert sum(node.share for node in everything.nodes) == pytest.approx(1)
    assert [two.row] == predictor.predict([path], [T4])


def test_a_row_without_a_number_names_no_node(predictor, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(b"")
    (found,) = predictor.iter_explain([tmp_path / "bad.onnx"], [T4])
    assert (found.row.error.code, found.nodes) == ("empty_file", ())


def test_a_node_has_the_digest_of_its_like_whatever_is_around_it(predictor, tmp_path):
    def nodes(names, kernel):
        weights = [("w", [64, 64, 1, 1]), ("v", [64, 64, kernel, kernel])]
        parts = [
            helper.make_node("Conv", ["x", "w"], ["h"], name=names[0], kernel_shape=[1, 1]),
            helper.make_node("Conv", ["h", "v"], ["y"], name=names[1], kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4),
        ]  # fmt: skip
        path = save(tmp_path / "m.onnx", model(parts, [1, 64, 56, 56], [1, 64, 56, 56], weights))
        (found,) = predictor.iter_explain([path], [T4], top=None)
        return {node.name: node.digest for node in found.nodes}

    before, after = nodes("ab", 3), nodes("cd", 5)
    assert before["a"] == after["c"]
    assert len({before["a"], before["b"], after["d"]}) == 3
