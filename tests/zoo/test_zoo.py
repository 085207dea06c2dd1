from math import prod

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from ledg_export import zoo

CELL = "|nor_conv_1x1~0|+|avg_pool_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
FBNET = "k3_e1_g2 skip k5_e1_g2 skip k5_e1 " + " ".join(["k3_e6"] * 16) + " skip"
OFA = f"{' '.join(['5'] * 20)}/{' '.join(['4'] * 20)}/2 3 4 2 3/136"
ACCEL = "6 4 6 6 6 1 1/3 5 3 5 5 3 3/1 2 3 3 2 2 2/0 0 1 0 0 0 1"

IDS = {
    "accel_nasbench": f"accel_nasbench/{ACCEL}", "alexnet": "alexnet/224", "bert": "bert/base-16", "densenet": "densenet/121-224",
    "efficientnet_lite": "efficientnet_lite/0", "fbnet": f"fbnet/{FBNET}", "googlenet": "googlenet/224", "gpt": "gpt/gpt2-1-32-4-8", "hat": "hat/64-1-96-4-8",
    "mlperf_tiny": "mlperf_tiny/kws", "mnasnet": "mnasnet/0.5-224", "mobilenet_v1": "mobilenet_v1/0.25-128",
    "mobilenet_v2": "mobilenet_v2/0.35-96", "mobilenet_v3": "mobilenet_v3/small-128-0.75",
    "nasbench101": "nasbench101/01001-00111-00001-00001-00000/conv3x3 conv1x1 maxpool3x3",
    "nasbench201": f"nasbench201/{CELL}", "ofa_mbv3": f"ofa_mbv3/{OFA}", "operator": "operator/conv/8-16-3-14-2-1", "resnet": "resnet/50-224",
    "retinanet": "retinanet/256", "shufflenet_v2": "shufflenet_v2/0.5-224", "squeezenet": "squeezenet/1.1-224",
    "ssd_mobilenet_v1": "ssd_mobilenet_v1/300", "ssd_resnet34": "ssd_resnet34/600", "unet3d": "unet3d/32",
    "vgg": "vgg/11-224",
    "distilbert": "distilbert/base-16", "efficientnet": "efficientnet/b0", "electra": "electra/base-16",
    "inception_v3": "inception_v3/224", "mobilenet_v3_paddle": "mobilenet_v3_paddle/small-0.35-224",
    "nnlqp_families": "nnlqp_families/googlenet-7", "yolov3": "yolov3/tiny-416", "yolov5": "yolov5/n-seg-320",
    "yolo11": "yolo11/n-320", "yolov8": "yolov8/n-seg-320", "yolox": "yolox/tiny-416",
}  # fmt: skip


def weights_as_inputs(model):
    """The same model with each weight that has no data as a graph input, which every reader accepts."""
    changed = onnx.ModelProto.FromString(model.SerializeToString())
    kept = [item for item in changed.graph.initializer if item.raw_data]
    bare = [item for item in changed.graph.initializer if not item.raw_data]
    changed.graph.input.extend(
        helper.make_tensor_value_info(item.name, item.data_type, item.dims) for item in bare
    )
    del changed.graph.initializer[:]
    changed.graph.initializer.extend(kept)
    return changed


def run(model):
    """Outputs on random input and random weights."""
    random = np.random.default_rng(0)
    filled = onnx.ModelProto.FromString(model.SerializeToString())
    for item in filled.graph.initializer:
        if not item.raw_data:
            # Positive and averaging, so that nothing vanishes or overflows on the way.
            values = np.abs(random.standard_normal(tuple(item.dims), np.float32)) / prod(item.dims[1:])
            item.CopyFrom(numpy_helper.from_array(values, item.name))
    session = ort.InferenceSession(filled.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = tuple(dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim)
    return session.run(None, {"input": random.standard_normal(shape, np.float32)})


def test_every_family_but_those_that_read_raw_data_is_tried_here():
    assert {*IDS, "ncnn", "timm"} == set(zoo.families())


@pytest.mark.parametrize("graph_id", IDS.values(), ids=IDS)
def test_a_model_is_valid_and_loads_in_onnx_runtime(graph_id):
    model = weights_as_inputs(zoo.build(graph_id))
    onnx.checker.check_model(model, full_check=True)
    ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("graph_id", IDS.values(), ids=IDS)
def test_inferred_shapes_agree_with_the_declared_ones_and_the_batch(count, graph_id):
    one, three = count(graph_id), count(graph_id, 3)
    declared = tuple(
        tuple(dim.dim_value for dim in output.type.tensor_type.shape.dim)
        for output in three.model.graph.output
    )
    assert three.outputs == declared
    assert all(shape[0] == 3 for shape in declared)
    assert three.macs == 3 * one.macs
    assert three.parameters == one.parameters


RUN = [
    "accel_nasbench",
    "fbnet",
    "mlperf_tiny",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasbench101",
    "nasbench201",
    "ofa_mbv3",
    "shufflenet_v2",
    "squeezenet",
]


@pytest.mark.parametrize("family", RUN)
def test_a_model_runs_once_it_has_weights(family):
    model = zoo.build(IDS[family], batch=2)
    (output,) = run(model)
    assert output.shape == tuple(dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim)
    assert np.isfinite(output).all()
    assert len(np.unique(output)) > 1


@pytest.mark.parametrize("graph_id", IDS.values(), ids=IDS)
def test_weights_have_no_data_and_small_constants_do(graph_id):
    initializers = zoo.build(graph_id).graph.initializer
    bare = [item for item in initializers if not item.raw_data]
    assert all(item.data_type == TensorProto.FLOAT and item.dims for item in bare)
    assert all(len(item.raw_data) < 8192 for item in initializers)
    assert zoo.build(graph_id).ByteSize() < 60_000


def test_tensorflow_padding_puts_the_odd_pixel_at_the_end():
    stem = zoo.build("mobilenet_v1/1.0-224").graph.node[0]
    assert [list(item.ints) for item in stem.attribute if item.name == "pads"] == [[0, 0, 1, 1]]


def test_tensorflow_padding_of_an_odd_size_is_even(count):
    found = count("ssd_mobilenet_v1/300")
    pads = [
        tuple(item.ints) for node in found.model.graph.node for item in node.attribute if item.name == "pads"
    ]
    assert (0, 0, 1, 1) in pads  # 300 to 150
    assert (1, 1, 1, 1) in pads  # 75 to 38
    assert found.shapes[found.model.graph.node[-1].output[0]] == (1, 1917, 91)


def test_torch_padding_is_the_same_on_both_sides():
    stem = zoo.build("resnet/50-224").graph.node[0]
    assert [list(item.ints) for item in stem.attribute if item.name == "pads"] == [[3, 3, 3, 3]]


def test_retinanet_heads_share_their_weights_between_maps():
    model = zoo.build("retinanet/256")
    kernels = [node.input[1] for node in model.graph.node if node.op_type == "Conv"]
    assert sorted(kernels.count(name) for name in set(kernels))[-10:] == [5] * 10


def test_nasbench201_leaves_out_what_computes_nothing(count):
    # Node 1 is read by nothing but a none edge.
    dead = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    same = "|none~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    assert count(f"nasbench201/{dead}").operators == count(f"nasbench201/{same}").operators
    assert "Mul" not in count(f"nasbench201/{dead}").operators


def test_nasbench201_of_zero_cells_is_a_product_with_0_and_runs():
    zero = zoo.build("nasbench201/|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")
    assert [node.op_type for node in zero.graph.node].count("Mul") == 15
    assert np.isfinite(run(zero)[0]).all()


def test_nasbench201_eager_runs_every_edge(count):
    cell = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    lazy, eager = count(f"nasbench201/{cell}"), count(f"nasbench201/{cell}@cifar10+eager")
    assert eager.operators.count("Mul") == 15 * 2
    assert eager.operators.count("Conv") - lazy.operators.count("Conv") == 15


@pytest.mark.parametrize(
    ("dataset", "size", "classes"), [("cifar10", 32, 10), ("cifar100", 32, 100), ("ImageNet16-120", 16, 120)]
)
def test_nasbench201_follows_the_data_set(count, dataset, size, classes):
    found = count(f"nasbench201/{CELL}@{dataset}")
    assert found.shapes["input"] == (1, 3, size, size)
    assert found.outputs == ((1, classes),)


@pytest.mark.parametrize(
    "graph_id",
    [
        "mobilenet_v1/1.0", "mobilenet_v2/wide-224", "mobilenet_v3/medium-224-1.0", "mobilenet_v3/large-mini-224-1.0",
        "efficientnet_lite/5", "resnet/51-224", "vgg/12-224", "vgg/16-160", "alexnet/160", "densenet/120-224",
        "mlperf_tiny/asr", "resnet/50-0", "squeezenet/1.1-16", "shufflenet_v2/3.0-224", "squeezenet/2.0-224", "bert/tiny-128", "bert/base-513", "unet3d/100", "retinanet/x", "retinanet/resnet101-800",
        "nasbench201/|nor_conv_3x3~0|", "nasbench201/" + CELL.replace("~2", "~1"),
        "nasbench201/" + CELL.replace("avg", "max"), f"nasbench201/{CELL}@mnist", f"nasbench201/{CELL}@cifar10+fast",
        "fbnet/skip skip", "accel_nasbench/6 4/3 5/1 2/0 0", "operator/bmm/4-4", "gpt/llama-1-32-4-8", "gpt/opt-1-30-4-8",
        "operator/cosh/8",
        "fbnet/" + " ".join(["k4_e1"] * 22), f"fbnet/{FBNET}@svhn", "ofa_mbv3/3 3/3 3/2/224", f"ofa_mbv3/{OFA}/wide", f"ofa_mbv3/{OFA}/1.0/1",
        "ofa_mbv3/" + OFA.replace("2 3 4 2 3", "2 3 5 2 3"),
        "efficientnet/b8", "mobilenet_v3_paddle/medium-1.0-224", "bert/base-128-qa", "distilbert/large-16", "electra/base-600", "inception_v3/60", "yolo11/q-640", "yolov3/small-416", "yolov5/s_gelu-640", "yolov5/q-640", "yolov8/s-box-640", "yolov8/s-640-seg", "yolox/nano-416",
    ],
)  # fmt: skip
def test_an_architecture_that_does_not_exist_is_an_error_that_names_it(graph_id):
    with pytest.raises(ValueError, match="cannot build") as caught:
        zoo.build(graph_id)
    assert graph_id in str(caught.value)


@pytest.mark.parametrize("graph_id", ["lenet/5", "", "mobilenet_v1-1.0-224"])
def test_an_unknown_family_is_an_error_that_lists_the_families(graph_id):
    with pytest.raises(ValueError, match="alexnet, bert, densenet") as caught:
        zoo.build(graph_id)
    assert all(family in str(caught.value) for family in zoo.families())


def test_a_batch_below_one_is_an_error():
    with pytest.raises(ValueError, match="batch must be positive"):
        zoo.build("resnet/18-224", 0)


def test_family_of_is_the_part_before_the_architecture():
    assert zoo.family_of(f"ofa_mbv3/{OFA}") == "ofa_mbv3"
