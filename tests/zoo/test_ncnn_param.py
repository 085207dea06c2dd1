import os
from math import prod
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper, shape_inference

from ledg_export.zoo.ncnn_param import build, build_param, graph_name, parse_param

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")
PARAMS = sorted(path.stem for path in (Path(DATA) / "ncnn" / "param").glob("*.param")) if DATA else []

TINY = """7767517
13 15
Input          data   0 1 data -23330=4,3,9,9,4 0=9 1=9 2=4
Convolution    conv   1 1 data conv -23330=4,3,5,5,8 0=8 1=3 3=2 4=-233 5=1 6=288 9=2 -23310=1,1.000000e-01
Split          copy   1 2 conv left right
Pooling        pool   1 1 left pool -23330=4,3,2,2,8 1=2 2=2 5=1
ConvolutionDepthWise dw 1 1 right dw -23330=4,3,5,5,8 0=8 1=3 4=1 6=72 7=8 9=1
ShuffleChannel mix    1 1 dw mix 0=2
Pooling        full   1 1 mix full -23330=4,3,3,3,8 1=2 2=2
Slice          halves 1 2 full first second -23300=2,3,-233
Permute        turn   1 1 second turn -23330=4,3,5,3,3 0=3
Flatten        flat   1 1 turn flat
Pooling        mean   1 1 pool mean 0=1 4=1
InnerProduct   fc     1 1 mean fc -23330=4,1,3,1,1 0=3 1=1 2=24 9=4
Noop           out    3 1 first flat fc out
"""


def inferred(model):
    """Shapes by tensor name as onnx infers them, after checking that every one is resolved."""
    known = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    values = [*known.graph.value_info, *known.graph.input, *known.graph.output]
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in values
    }
    for node in model.graph.node:
        for output in node.output:
            assert all(size > 0 for size in shapes.get(output, (0,))), f"{node.op_type} {output}"
    return shapes | {weight.name: tuple(weight.dims) for weight in model.graph.initializer}


def macs(model):
    shapes, total = inferred(model), 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            total += prod(shapes[node.output[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type == "ConvTranspose":
            total += prod(shapes[node.input[0]]) * prod(shapes[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            total += prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    return total


def run(model, feeds):
    """Run a model after giving its weight-less initializers ones."""
    for weight in model.graph.initializer:
        if not weight.raw_data:
            weight.CopyFrom(numpy_helper.from_array(np.ones(tuple(weight.dims), np.float32), weight.name))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def one_layer(line, shape):
    text = f"7767517\n2 2\nInput data 0 1 data\n{line}\n"
    return build_param(text, [shape])


def test_shapes_of_the_tiny_network_are_those_of_its_hints():
    shapes = inferred(build_param(TINY, [(4, 9, 9)]))
    checked = 0
    for layer in parse_param(TINY):
        for blob, hint in zip(layer.outputs, layer.hints, strict=False):
            if blob in shapes:
                assert prod(shapes[blob][1:]) == prod(hint), layer.name
                checked += 1
    assert checked == 7


def test_what_noop_reads_becomes_the_outputs_in_order():
    model = build_param(TINY, [(4, 9, 9)])
    shapes = [
        tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in model.graph.output
    ]
    assert shapes == [(1, 3, 3, 3), (1, 45), (1, 3)]


def test_split_is_an_edge_and_activations_are_nodes():
    ops = [node.op_type for node in build_param(TINY, [(4, 9, 9)]).graph.node]
    assert ops[:3] == ["Conv", "LeakyRelu", "MaxPool"]
    assert ops[-3:] == ["Flatten", "Gemm", "Sigmoid"]
    assert ops.count("Split") == 1  # ncnn's Slice; ncnn's Split copies


def test_batch_is_in_front_of_every_tensor():
    shapes = inferred(build_param(TINY, [(4, 9, 9)], batch=3))
    model = build_param(TINY, [(4, 9, 9)], batch=3)
    for node in model.graph.node:
        assert shapes[node.output[0]][0] == 3, node.op_type


def test_weights_have_a_shape_and_no_data():
    model = build_param(TINY, [(4, 9, 9)])
    weights = [item for item in model.graph.initializer if item.data_type == onnx.TensorProto.FLOAT]
    assert {tuple(item.dims) for item in weights} >= {(8, 4, 3, 3), (8, 1, 3, 3), (3, 8)}
    assert not any(item.raw_data or item.float_data for item in weights)


@pytest.mark.parametrize(
    ("order", "axes"),
    [(0, (0, 1, 2)), (1, (0, 2, 1)), (2, (1, 0, 2)), (3, (1, 2, 0)), (4, (2, 0, 1)), (5, (2, 1, 0))],
)
def test_permute_orders(order, axes):
    data = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    (result,) = run(one_layer(f"Permute p 1 1 data out 0={order}", (2, 3, 4)), {"data": data})
    assert np.array_equal(result[0], data[0].transpose(axes))


def test_channel_shuffle_interleaves_groups():
    data = np.arange(6, dtype=np.float32).reshape(1, 6, 1, 1)
    (result,) = run(one_layer("ShuffleChannel s 1 1 data out 0=2", (6, 1, 1)), {"data": data})
    assert result.ravel().tolist() == [0, 3, 1, 4, 2, 5]
    (result,) = run(one_layer("ShuffleChannel s 1 1 data out 0=2 1=1", (6, 1, 1)), {"data": data})
    assert result.ravel().tolist() == [0, 2, 4, 1, 3, 5]


def test_full_pooling_keeps_the_last_partial_window():
    data = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    (result,) = run(one_layer("Pooling p 1 1 data out 1=2 2=2", (1, 3, 3)), {"data": data})
    assert result[0, 0].tolist() == [[4, 5], [7, 8]]
    (result,) = run(one_layer("Pooling p 1 1 data out 1=2 2=2 5=1", (1, 3, 3)), {"data": data})
    assert result[0, 0].tolist() == [[4]]


def test_average_pooling_leaves_padding_out_of_the_mean():
    data = np.ones((1, 1, 3, 3), np.float32)
    (result,) = run(one_layer("Pooling p 1 1 data out 0=1 1=3 2=2 3=1 5=1", (1, 3, 3)), {"data": data})
    assert np.all(result == 1)


def test_crop_and_slice_cut_channels():
    data = np.arange(5, dtype=np.float32).reshape(1, 5, 1, 1)
    (result,) = run(
        one_layer("Crop c 1 1 data out -23309=1,1 -23310=1,3 -23311=1,0", (5, 1, 1)), {"data": data}
    )
    assert result.ravel().tolist() == [1, 2]
    (result,) = run(one_layer("Crop c 1 1 data out 2=3 3=1 4=1 5=2", (5, 1, 1)), {"data": data})
    assert result.ravel().tolist() == [3, 4]
    parts = run(one_layer("Slice s 1 2 data a b -23300=2,2,-233", (5, 1, 1)), {"data": data})
    assert [part.ravel().tolist() for part in parts] == [[0, 1], [2, 3, 4]]


def test_a_vector_is_spread_over_the_channels():
    text = "7767517\n3 3\nInput data 0 1 data\nMemoryData m 0 1 m 0=2\nBinaryOp b 2 1 data m out 0=0\n"
    (result,) = run(build_param(text, [(2, 1, 3)]), {"data": np.zeros((1, 2, 1, 3), np.float32)})
    assert np.array_equal(result, np.ones((1, 2, 1, 3), np.float32))


def test_reversed_operators_swap_their_operands():
    data = np.full((1, 1, 1, 1), 4.0, np.float32)
    (result,) = run(one_layer("BinaryOp b 1 1 data out 0=8 1=1 2=2.0", (1, 1, 1)), {"data": data})
    assert result.item() == 0.5


def test_attention_is_written_out():
    text = "7767517\n3 3\nInput data 0 1 data\nReshape r 1 1 data seq 0=8 1=6\nMultiHeadAttention a 1 1 seq out 0=8 1=2 2=64\n"
    model = build_param(text, [(8, 2, 3)])
    ops = [node.op_type for node in model.graph.node]
    assert {op: ops.count(op) for op in ("MatMul", "Softmax", "Transpose")} == {
        "MatMul": 6,
        "Softmax": 1,
        "Transpose": 4,
    }
    assert macs(model) == 4 * 6 * 8 * 8 + 2 * 6 * 6 * 8


def test_deconvolution_doubles_the_size():
    shapes = inferred(one_layer("DeconvolutionDepthWise d 1 1 data out 0=4 1=4 3=2 4=1 6=64 7=4", (4, 5, 5)))
    assert shapes["out"] == (1, 4, 10, 10)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an ncnn .param"),
        ("7767518\n1 1\n", "not an ncnn .param"),
        ("7767517\n1 1\nConvolution conv 1\n", "broken ncnn layer"),
        ("7767517\n1 1\nConvolution conv 2 1 a\n", "broken ncnn layer"),
        ("7767517\n1 1\nInput data 0 1 data\nWarp w 1 1 data out\n", "unknown ncnn layer type 'Warp'"),
        (
            "7767517\n1 1\nInput data 0 1 data\nConvolution c 1 1 data out 0=8 1=3 6=99\n",
            "99 weights do not fit 8x4x3x3",
        ),
        ("7767517\n1 1\nInput a 0 1 a\nInput b 0 1 b\n", "no shape is given for the input 'b'"),
    ],
)
def test_faulty_texts_name_the_fault(text, message):
    with pytest.raises(ValueError, match=message):
        build_param(text, [(4, 9, 9)])


def test_int8_variant_is_the_same_graph():
    assert graph_name("squeezenet_ssd_int8.param") == "squeezenet_ssd"
    assert graph_name("yolo-fastest-1.1.param") == "yolo-fastest-1.1"


def test_build_says_that_the_data_variable_is_unset(monkeypatch):
    monkeypatch.delenv("LEDG_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="LEDG_DATA is not set"):
        build("squeezenet")


@needs_data
def test_build_names_an_unknown_network():
    with pytest.raises(FileNotFoundError, match="no ncnn network 'lenet'"):
        build("lenet")


@needs_data
@pytest.mark.parametrize("name", PARAMS)
def test_every_network_resolves_and_agrees_with_its_stored_shapes(name):
    shapes = inferred(build(name))
    text = (Path(DATA) / "ncnn" / "param" / f"{name}.param").read_text(encoding="utf-8")
    for layer in parse_param(text):
        for blob, hint in zip(layer.outputs, layer.hints, strict=False):
            assert blob not in shapes or prod(shapes[blob][1:]) == prod(hint), layer.name


@needs_data
@pytest.mark.parametrize("name", ["vision_transformer", "squeezenet_ssd", "nanodet_m", "yolo-fastestv2"])
def test_batches_resolve(name):
    assert macs(build(name, batch=4)) == 4 * macs(build(name))
