import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from zipfile import ZipFile

import onnx
import pytest
from onnx import TensorProto, helper

from ledg_export.zoo import build, timm_zip
from ledg_rt.reading import read_graph


@pytest.fixture
def archive(tmp_path, monkeypatch):
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    with ZipFile(tmp_path / timm_zip.ARCHIVE, "w") as file:
        for at in range(60):
            nodes = [helper.make_node("Relu", ["x"], [f"y{node}"], name=f"{at}") for node in range(500)]
            graph = helper.make_graph(nodes, f"net{at}", [shape], [])
            file.writestr(f"net{at}@8.onnx", onnx.ModelProto(graph=graph).SerializeToString())
    monkeypatch.setenv("LEDG_GRAPHS", str(tmp_path))
    return [f"timm/net{at}@8" for at in range(60)]


def name_of(graph_id):
    return build(graph_id).graph.name


def test_forked_processes_do_not_move_each_others_file(archive):
    assert name_of(archive[0]) == "net0"  # the parent has opened the archive before it forks
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        names = list(pool.map(name_of, archive, chunksize=1))
    assert names == [f"net{at}" for at in range(60)]


def test_an_unknown_network_and_another_batch_are_refused(archive):
    with pytest.raises(ValueError, match="has no other@8"):
        build("timm/other@8")
    with pytest.raises(ValueError, match="batch 1"):
        timm_zip.build("net0@8", 2)


def test_a_class_token_that_was_exported_wrongly_is_kept_as_it_is(tmp_path, monkeypatch):
    nodes = [
        helper.make_node("Constant", [], ["shape"], value=helper.make_tensor("v", TensorProto.INT64, [3], [1, 3, 3])),
        helper.make_node("Expand", ["token", "shape"], ["one"]),
        helper.make_node("Concat", ["one", "x"], ["y"], axis=1),
    ]  # fmt: skip
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [x], [y])
    graph.initializer.add(name="token", dims=[1, 1, 8], data_type=TensorProto.FLOAT)
    net = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    names = ("vit_x_rope_mixed_8@8", "vit_x@8")
    with ZipFile(tmp_path / timm_zip.ARCHIVE, "w") as file:
        for name in names:
            file.writestr(f"{name}.onnx", net.SerializeToString())
    monkeypatch.setenv("LEDG_GRAPHS", str(tmp_path))
    mended, other = (read_graph(build(f"timm/{name}").SerializeToString()) for name in names)
    assert mended.nodes[-1].outputs[0].shape == (1, 5, 8)
    assert not other.nodes[-1].outputs[0].resolved
