import os
import pickle
import socket
import zipfile

import numpy as np
import pytest
from onnx import TensorProto, helper

from ledg_rt.errors import ModelError
from ledg_rt.reading import limits, read_graph
from ledg_rt.reading.limits import MAX_RANK


def failure(source, **options):
    with pytest.raises(ModelError) as caught:
        read_graph(source, **options)
    assert caught.value.hint
    return caught.value


def code_of(source, **options):
    return failure(source, **options).code


def test_empty(tmp_path):
    path = tmp_path / "m.onnx"
    path.touch()
    assert code_of(path) == "empty_file"
    assert code_of(b"") == "empty_file"


def test_lfs_pointer():
    error = failure(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    assert (error.code, error.hint) == ("lfs_pointer", "run `git lfs pull`")


def as_zip(tmp_path, member):
    path = tmp_path / "archive"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, b"x")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\n  <html><body>404</body>", "HTML"),
        (b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite"),
        (b"\x10\0\0\0\0\0\0\0" + b'{"a":{"b":[0] } }' + bytes(9), "safetensors"),
        (b'{"model": [1, 2]}', "JSON"),
        (pickle.dumps({"state_dict": 1}, protocol=2), "pickle"),
        (b"\x89HDF\r\n\x1a\n" + bytes(20), "HDF5"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"hello, this is a text\n", "text"),
    ],
)
def test_other_formats_are_named(data, said):
    error = failure(data)
    assert error.code == "not_onnx"
    assert said in error.message


@pytest.mark.parametrize(("member", "said"), [("m/data.pkl", "PyTorch"), ("readme.txt", "zip")])
def test_archives_are_named(tmp_path, member, said):
    error = failure(as_zip(tmp_path, member))
    assert error.code == "not_onnx"
    assert said in error.message


@pytest.mark.parametrize(
    "data", [b"\0", b"\xff", bytes(5000), bytes(range(255, 0, -1)), os.urandom(64) + bytes(8)]
)
def test_noise_is_not_a_model(data):
    assert code_of(data) in ("not_onnx", "truncated")
    assert data[:1] not in (b"\0", b"\xff") or code_of(data) == "not_onnx"


def test_a_tensor_file_is_not_a_model():
    tensor = TensorProto(dims=[2], data_type=1, raw_data=bytes(8), name="t")
    assert code_of(tensor.SerializeToString()) == "not_onnx"


def test_garbage_after_the_model(light):
    assert code_of(light["squeezenet"].read_bytes() + bytes(10)) == "not_onnx"


def test_missing_broken_and_looping_links(tmp_path):
    (tmp_path / "broken.onnx").symlink_to("nowhere")
    (tmp_path / "a.onnx").symlink_to("b.onnx")
    (tmp_path / "b.onnx").symlink_to("a.onnx")
    for name in ("missing.onnx", "broken.onnx", "a.onnx", "x" * 300, "nul\0.onnx"):
        assert code_of(tmp_path / name) == "unreadable"
    assert "circle" in failure(tmp_path / "a.onnx").message


def test_directory_fifo_device_and_socket(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        old = os.getcwd()
        os.chdir(tmp_path)  # the name of a socket may have 108 bytes only
        server.bind("socket")
        os.chdir(old)
        said = [
            failure(path).message for path in (tmp_path, tmp_path / "fifo", "/dev/zero", tmp_path / "socket")
        ]
    assert [next(word for word in ("directory", "pipe", "device", "socket") if word in text) for text in said] == [
        "directory", "pipe", "device", "socket",
    ]  # fmt: skip


def test_no_permission(tmp_path, monkeypatch):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"x")

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may read everything, so chmod shows nothing
    error = failure(path)
    assert error.code == "unreadable"
    assert "permission" in error.message


def test_nothing_to_predict(make):
    identity = [helper.make_node("Identity", ["x"], ["h"]), helper.make_node("Dropout", ["h"], ["y"])]
    relu = helper.make_node("Relu", ["x"], ["y"])
    whole = make([relu], {"x": [1]})
    headless = type(whole)()
    headless.CopyFrom(whole)
    headless.ClearField("graph")
    constant = make([helper.make_node("Relu", ["c"], ["y"])], {}, constants={"c": [3]})
    for model in (
        make(identity, {"x": [2]}),
        make([], {"x": [2]}),
        make([relu], {"x": [2]}, outputs=()),
        headless,
        constant,
    ):
        error = failure(model.SerializeToString())
        assert error.code == "no_nodes"
        assert "nothing to predict" in error.message


def test_cycle_names_a_node_of_it(make):
    nodes = [
        helper.make_node("Relu", ["b"], ["after"], name="after_the_cycle"),
        helper.make_node("Add", ["x", "b"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
    ]
    error = failure(make(nodes, {"x": [2]}, outputs=["after"]).SerializeToString())
    assert error.code == "cycle"
    assert "first" in error.message or "second" in error.message
    assert "after_the_cycle" not in error.message


def test_self_loop(make):
    model = make([helper.make_node("Add", ["x", "y"], ["y"], name="me\x1b[31m\n")], {"x": [2]})
    error = failure(model.SerializeToString())
    assert error.code == "cycle"
    assert "me?[31m?" in error.message


def test_rank_beyond_the_limit(make):
    model = make([helper.make_node("Relu", ["x"], ["y"])], {"x": [1] * (MAX_RANK + 1)})
    assert code_of(model.SerializeToString()) == "limit_exceeded"


def test_function_that_calls_itself(make):
    body = helper.make_node("f", ["a"], ["b"], domain="local")
    function = helper.make_function("local", "f", ["a"], ["b"], [body], [helper.make_opsetid("local", 1)])
    model = make([helper.make_node("f", ["x"], ["y"], domain="local")], {"x": [2]}, functions=[function])
    assert code_of(model.SerializeToString()) == "cycle"


def test_functions_that_double_at_every_level(make, monkeypatch):
    monkeypatch.setattr(limits, "MAX_NODES", 5000)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    functions = [
        helper.make_function("local", "f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opsets)
    ]
    for level in range(1, 40):
        call = f"f{level - 1}"
        nodes = [helper.make_node(call, ["a"], ["h"], domain="local"), helper.make_node(call, ["h"], ["b"], domain="local")]  # fmt: skip
        functions.append(helper.make_function("local", f"f{level}", ["a"], ["b"], nodes, opsets))
    model = make([helper.make_node("f39", ["x"], ["y"], domain="local")], {"x": [2]}, functions=functions)
    assert code_of(model.SerializeToString()) == "limit_exceeded"


def test_names_that_are_not_utf8(make):
    data = make(
        [helper.make_node("Relu", ["xxxx"], ["yyyy"])], {"xxxx": [2]}, outputs=["yyyy"]
    ).SerializeToString()
    graph = read_graph(data.replace(b"yyyy", b"\xff\xfe\xfd\xfc"))
    assert [node.op for node in graph.nodes] == ["Relu"]


def test_non_utf8_and_odd_paths(tmp_path, light):
    data = light["zfnet512"].read_bytes()
    for name in (b"caf\xe9.onnx", b"a b#c.onnx", b"-x.onnx", b"n" * 250):
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "wb") as file:
            file.write(data)
        assert len(read_graph(os.fsdecode(path)).nodes) == 22


def test_sizes_near_two_to_the_63(make):
    model = make([helper.make_node("Flatten", ["x"], ["y"])], {"x": [2**32, 2**32, 2**63 - 1]})
    graph = read_graph(model.SerializeToString())
    assert graph.inputs[0].elements == 2**64 * (2**63 - 1)
    assert graph.nodes[0].outputs[0].shape is None
    assert graph.notes == ("unresolved_shape",)


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [0, 0]},
        {"group": 2},
        {"group": 0},
        {"pads": [1]},
        {"pads": [-4] * 4},
        {"kernel_shape": [0, 0]},
    ],
)
def test_impossible_convolutions_are_left_open_whatever_the_file_claims(make, attributes):
    model = make([helper.make_node("Conv", ["x", "w"], ["y"], **attributes)], {"x": [1, 3, 8, 8]}, constants={"w": [4, 3, 3, 3]})  # fmt: skip
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [1, 4, 6, 6]))
    graph = read_graph(model.SerializeToString())
    assert not graph.nodes[0].outputs[0].resolved
    assert graph.notes == ("unresolved_shape",)


def test_kernel_larger_than_the_input_is_not_a_size_of_zero(make):
    model = make(
        [helper.make_node("Conv", ["x", "w"], ["y"])], {"x": [1, 3, 2, 2]}, constants={"w": [4, 3, 3, 3]}
    )
    assert read_graph(model.SerializeToString()).nodes[0].outputs[0].shape is None


def test_nan_attributes_are_left_out(make):
    node = helper.make_node("LeakyRelu", ["x"], ["y"], alpha=float("nan"))
    assert read_graph(make([node], {"x": [2]}).SerializeToString()).nodes[0].attributes == {}


def test_a_million_inputs(make):
    node = helper.make_node("Concat", ["x"] * 200_000, ["y"], axis=0)
    graph = read_graph(make([node], {"x": [2]}).SerializeToString())
    assert graph.nodes[0].outputs[0].shape == (400_000,)
    assert graph.edges == ()


def test_undefined_input_and_duplicate_output_names(make):
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["h"]),
        helper.make_node("Add", ["h", "ghost"], ["y"]),
    ]
    graph = read_graph(make(nodes, {"x": [4]}, constants={"shape": np.array([2, 2])}).SerializeToString())
    assert graph.edges == ((0, 1), (1, 2))
    assert graph.nodes[1].outputs[0].shape == (2, 2)
    ghost = graph.nodes[2].inputs[1]
    assert (ghost.type.dtype, ghost.type.shape, ghost.constant) == ("unknown", None, False)
    assert graph.notes == ("unresolved_shape",)


@pytest.mark.parametrize("opset", [0, 999])
def test_opsets_that_do_not_exist_are_noted(make, opset):
    graph = read_graph(
        make([helper.make_node("Relu", ["x"], ["y"])], {"x": [2]}, opset=opset).SerializeToString()
    )
    assert graph.notes == ("opset_unknown",)
    assert graph.nodes[0].outputs[0].shape == (2,)


def test_missing_opset_is_noted(make):
    model = make([helper.make_node("Relu", ["x"], ["y"])], {"x": [2]})
    del model.opset_import[:]
    assert read_graph(model.SerializeToString()).notes == ("opset_unknown",)
