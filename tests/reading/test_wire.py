import mmap
import random
import time
import tracemalloc

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import ModelProto, TensorProto, helper, numpy_helper

from ledg_rt.errors import ModelError
from ledg_rt.reading import limits, read_graph
from ledg_rt.reading.wire import DamageError, strip_weights


def stripped(model):
    return ModelProto.FromString(strip_weights(model.SerializeToString()))


def test_large_payload_goes_small_one_stays(make):
    large, small = np.ones(300, np.float32), np.ones(200, np.float32)
    model = stripped(make([helper.make_node("Add", ["x", "a"], ["y"])], {"x": [1]}, constants={"a": large, "b": small}))  # fmt: skip
    a, b = model.graph.initializer
    assert (a.name, list(a.dims), a.data_type, a.raw_data) == ("a", [300], TensorProto.FLOAT, b"")
    assert np.array_equal(numpy_helper.to_array(b), small)


@pytest.mark.parametrize(
    ("field", "data_type", "value"),
    [
        ("float_data", TensorProto.FLOAT, 1.0),
        ("int32_data", TensorProto.INT8, 1),
        ("int64_data", TensorProto.INT64, 1),
        ("double_data", TensorProto.DOUBLE, 1.0),
        ("uint64_data", TensorProto.UINT64, 1),
        ("string_data", TensorProto.STRING, b"text"),
    ],
)
def test_every_kind_of_payload_goes(make, field, data_type, value):
    tensor = TensorProto(name="t", dims=[2000], data_type=data_type)
    getattr(tensor, field).extend([value] * 2000)
    model = make([helper.make_node("Relu", ["x"], ["y"])], {"x": [1]})
    model.graph.initializer.append(tensor)
    (left,) = stripped(model).graph.initializer
    assert len(getattr(left, field)) == 0
    assert list(left.dims) == [2000]


def test_payloads_go_from_subgraphs_functions_attributes_and_sparse_initializers(make):
    weight = numpy_helper.from_array(np.ones(1000, np.float32), "w")
    constant = helper.make_node("Constant", [], ["c"], value=weight)
    branch = helper.make_graph([constant], "b", [], [helper.make_tensor_value_info("c", 1, None)], [weight])
    node = helper.make_node("If", ["cond"], ["y"], then_branch=branch, else_branch=branch)
    function = helper.make_function("local", "f", [], ["c"], [constant], [helper.make_opsetid("", 17)])
    model = make([constant, node], {"cond": [1]}, functions=[function])
    indices = numpy_helper.from_array(np.arange(1000), "i")
    model.graph.sparse_initializer.append(
        onnx.SparseTensorProto(values=weight, indices=indices, dims=[1 << 20])
    )
    assert len(model.SerializeToString()) > 30_000
    left = strip_weights(model.SerializeToString())
    assert len(left) < 1000
    parsed = ModelProto.FromString(left)
    assert [n.op_type for n in parsed.graph.node] == ["Constant", "If"]
    inner = parsed.graph.node[1].attribute[0].g
    assert list(inner.initializer[0].dims) == list(inner.node[0].attribute[0].t.dims) == [1000]
    assert list(parsed.graph.sparse_initializer[0].dims) == [1 << 20]
    assert list(parsed.functions[0].node[0].attribute[0].t.dims) == [1000]


def test_doc_strings_and_external_data_go(make):
    external = TensorProto(name="w", dims=[4], data_type=1, data_location=TensorProto.EXTERNAL)
    external.external_data.add(key="location", value="../../etc/passwd")
    constant = helper.make_node("Constant", [], ["c"], value=external)
    model = make([constant, helper.make_node("Relu", ["x"], ["y"])], {"x": [1]}, doc_string="d" * 100)
    model.graph.doc_string = "d" * 100
    model.graph.initializer.append(external)
    left = strip_weights(model.SerializeToString())
    assert b"passwd" not in left
    assert b"ddd" not in left
    assert ModelProto.FromString(left).graph.initializer[0].data_location == TensorProto.EXTERNAL


def test_weights_cost_neither_memory_nor_time(heavy):
    read_graph(heavy)  # imports are not part of the measurement
    with heavy.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        tracemalloc.start()
        start = time.perf_counter()
        left = strip_weights(mapped)
        seconds = time.perf_counter() - start
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(left) < 1000
    assert peak < 100_000
    assert seconds < 0.05
    assert [out.shape for node in read_graph(heavy).nodes for out in node.outputs] == [
        (1, 5000),
        (1, 50, 100),
    ]


def test_external_data_is_never_opened(make, tmp_path, monkeypatch):
    external = TensorProto(
        name="w", dims=[2], data_type=TensorProto.INT64, data_location=TensorProto.EXTERNAL
    )
    external.external_data.add(key="location", value="weights.bin")
    (tmp_path / "weights.bin").write_bytes(np.array([3, 4]).tobytes())
    model = make([helper.make_node("Reshape", ["x", "w"], ["y"])], {"x": [12]})
    model.graph.initializer.append(external)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    graph = read_graph(path)
    assert graph.nodes[0].outputs[0].shape == (None, None)
    assert graph.notes == ("unresolved_shape",)


def test_graph_nested_beyond_the_limit(make):
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [], [helper.make_tensor_value_info("y", 1, None)])  # fmt: skip
    data = (
        graph.SerializeToString() + b"\x52" + b"\xff\x0f" + b"d" * 2047
    )  # a doc string, so that no level is small
    for _ in range(1000):
        attribute = field(1, b"then_branch") + field(6, data) + b"\xa0\x01\x05"
        data = field(1, field(2, b"y") + field(4, b"If") + field(5, attribute))
    with pytest.raises(ModelError) as caught:
        read_graph(b"\x08\x08" + field(7, data))
    assert caught.value.code == "limit_exceeded"


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def test_too_many_nodes(make, monkeypatch):
    monkeypatch.setattr(limits, "MAX_NODES", 10)
    nodes = [helper.make_node("Relu", [f"v{at}"], [f"v{at + 1}"]) for at in range(100)]
    model = make(nodes, {"v0": [1]}, outputs=["v100"])
    with pytest.raises(ModelError, match="more than 10 nodes"):
        read_graph(model.SerializeToString())


def test_too_large_without_weights(make, monkeypatch):
    monkeypatch.setattr(limits, "MAX_KEPT_BYTES", 1 << 20)
    node = helper.make_node("Relu", ["x"], ["y"], name="n" * (1 << 21))
    with pytest.raises(ModelError) as caught:
        read_graph(make([node], {"x": [1]}).SerializeToString())
    assert caught.value.code == "limit_exceeded"


def test_a_cut_file_is_never_read(light):
    data = light["squeezenet"].read_bytes()
    last = len(data) - 6  # the opset import comes last; without it the model is whole, and noted
    for at in [*range(1, 60), *range(60, last, 701)]:
        with pytest.raises(ModelError) as caught:
            read_graph(data[:at])
        assert caught.value.code in ("truncated", "no_nodes"), at
        assert at < 40 or caught.value.code == "truncated"


def test_mutated_files_parse_to_the_nodes_that_onnx_sees_or_not_at_all(light):
    random.seed(7)
    data = light["shufflenet"].read_bytes()
    agreed = 0
    for _ in range(400):
        mutated = bytearray(data)
        for _ in range(random.choice((1, 1, 4))):
            mutated[random.randrange(len(data))] = random.randrange(256)
        try:
            ours = [
                node.SerializeToString()
                for node in ModelProto.FromString(strip_weights(bytes(mutated))).graph.node
            ]
        except (DamageError, ModelError, DecodeError):
            continue
        try:
            whole = ModelProto.FromString(bytes(mutated))
        except DecodeError:
            continue  # in a weight, which we step over
        again = ModelProto.FromString(strip_weights(whole.SerializeToString()))
        assert ours == [node.SerializeToString() for node in again.graph.node]
        assert [node.op_type for node in again.graph.node] == [node.op_type for node in whole.graph.node]
        agreed += 1
    assert agreed > 200


def test_mutated_files_end_in_a_graph_or_an_error_of_ours(light):
    random.seed(11)
    data = light["squeezenet"].read_bytes()
    outcomes = set()
    for _ in range(150):
        mutated = bytearray(data)
        for _ in range(random.choice((1, 8, 64))):
            mutated[random.randrange(len(data))] = random.randrange(256)
        try:
            outcomes.add(type(read_graph(bytes(mutated))).__name__)
        except ModelError as error:
            outcomes.add(error.code)
    assert "Graph" in outcomes
    assert outcomes & {"not_onnx", "truncated"}
