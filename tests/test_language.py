import pytest

from ledg_rt.graph import Input, Node, TensorType
from ledg_rt.language import (
    hardware_sentence,
    paper_node_sentence,
    paper_platform_sentence,
    rich_node_sentence,
    software_sentence,
)
from ledg_rt.platforms import Platform


def conv(channels_in=32, channels_out=64, kernel=3, stride=1, group=1):
    data = Input(TensorType("float32", (1, channels_in, 56, 56)))
    weight = Input(TensorType("float32", (channels_out, channels_in // group, kernel, kernel)), constant=True)
    attributes = {"kernel_shape": (kernel, kernel), "strides": (stride, stride), "group": group}
    return Node(
        "Conv",
        (data, weight),
        (TensorType("float32", (1, channels_out, 56 // stride, 56 // stride)),),
        attributes,
    )


def test_paper_sentence_of_a_3x3_convolution():
    assert paper_node_sentence(conv()) == "ParamL Conv 3"


def test_paper_sentence_of_an_operator_without_parameters():
    relu = Node("Relu", (Input(TensorType("float32", (1, 8))),), (TensorType("float32", (1, 8)),))
    assert paper_node_sentence(relu) == "ParamF Relu"


def test_paper_sentence_of_the_t4():
    t4 = Platform(
        id="",
        text="",
        vendor="NVIDIA",
        kind="gpu",
        precision="fp32",
        peak_gops=8100,
        architecture="Turing",
        power_w=70,
    )
    assert paper_platform_sentence(t4) == "Nv GPU FP32 8.1 Turing 70W"


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (conv(stride=2), "Conv with learned weights kernel 3x3 stride 2x2"),
        (conv(32, 32, group=32), "Conv with learned weights kernel 3x3 depthwise"),
        (conv(32, 64, group=4), "Conv with learned weights kernel 3x3 grouped"),
    ],
)
def test_rich_sentence(node, sentence):
    assert rich_node_sentence(node) == sentence


def test_sentence_holds_no_tensor_size():
    assert rich_node_sentence(conv(32, 64)) == rich_node_sentence(conv(512, 1024))


def test_kernel_is_read_from_the_weight_where_the_attribute_is_missing():
    bare = conv(kernel=5)
    node = Node(bare.op, bare.inputs, bare.outputs, {})
    assert paper_node_sentence(node) == "ParamL Conv 5"


def test_platform_is_a_hardware_and_a_software_sentence():
    platform = Platform(
        id="", text="", name="NVIDIA T4", vendor="NVIDIA", kind="gpu", architecture="Turing", runtime="tensorrt-8.4.0",
        precision="fp16", tags=("maxq",), peak_gops=65_000,
    )  # fmt: skip
    assert hardware_sentence(platform) == "NVIDIA GPU Turing: NVIDIA T4"
    assert software_sentence(platform) == "tensorrt 8.4.0 fp16 maxq"
