import dataclasses

import numpy as np
import pytest

from ledg_rt.encoding import (
    KEY_LEVELS,
    NEIGHBOURS,
    NODE_FEATURES,
    PLATFORM_FEATURES,
    PLATFORM_NUMBERS,
    PLATFORM_TRAITS,
    QUANTITIES,
    RELATIONS,
    encode_graph,
    encode_platform,
    platform_keys,
    rebatch,
)
from ledg_rt.graph import Graph, Input, Node, TensorType
from ledg_rt.platforms import Platform, resolve

SHAPE = TensorType("float32", (1, 8, 4, 4))


def unary(op, repeats=1):
    return Node(op, (Input(SHAPE),), (SHAPE,), repeats=repeats)


def binary(op):
    return Node(op, (Input(SHAPE), Input(SHAPE)), (SHAPE,))


def diamond():
    """Relu feeds Sigmoid and Tanh, which meet in Add, then Exp."""
    nodes = (unary("Relu"), unary("Sigmoid"), unary("Tanh"), binary("Add"), unary("Exp"))
    return Graph(nodes, ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4)), inputs=(SHAPE,), outputs=(SHAPE,))


def named_neighbours(graph, op, relation):
    encoding = encode_graph(graph)
    texts = [encoding.sentences[at] for at in encoding.text]
    row = encoding.neighbours[texts.index(op), RELATIONS.index(relation)]
    assert row[0] == texts.index(op)  # the node itself comes first
    return sorted(texts[at] for at in row[1:] if at >= 0)


@pytest.mark.parametrize(
    ("op", "relation", "expected"),
    [
        ("Relu", "sons", ["Sigmoid", "Tanh"]),
        ("Add", "sons", ["Exp"]),
        ("Add", "fathers", ["Sigmoid", "Tanh"]),
        ("Relu", "fathers", []),
        ("Add", "grandfathers", ["Relu"]),
        ("Exp", "grandfathers", ["Sigmoid", "Tanh"]),
        ("Sigmoid", "siblings", ["Tanh"]),
        ("Exp", "siblings", []),
    ],
)
def test_relation(op, relation, expected):
    assert named_neighbours(diamond(), op, relation) == expected


def test_node_order_changes_nothing():
    graph = diamond()
    order = (0, 2, 1, 3, 4)
    position = {old: new for new, old in enumerate(order)}
    edges = tuple(sorted((position[a], position[b]) for a, b in graph.edges))
    other = Graph(tuple(graph.nodes[at] for at in order), edges, graph.inputs, graph.outputs)
    one, two = encode_graph(graph), encode_graph(other)
    assert one.sentences == two.sentences
    for name in ("text", "quantities", "traits", "neighbours"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)


def test_edge_direction_matters():
    forward = diamond()
    last = len(forward.nodes) - 1
    backward = Graph(
        tuple(reversed(forward.nodes)),
        tuple(sorted((last - b, last - a) for a, b in forward.edges)),
        (SHAPE,),
        (SHAPE,),
    )
    assert not np.array_equal(encode_graph(forward).neighbours, encode_graph(backward).neighbours)


def test_neighbours_over_the_limit_are_cut_and_counted_and_the_dearest_stay():
    many = 30
    nodes = (unary("Relu"), *(unary("Exp", repeats=1 + at) for at in range(many)))
    graph = Graph(nodes, tuple((0, 1 + at) for at in range(many)), (SHAPE,), (SHAPE,))
    encoding = encode_graph(graph)
    assert encoding.neighbours.shape == (many + 1, len(RELATIONS), NEIGHBOURS)
    sons = encoding.neighbours[0, 0, 1:]
    flops = encoding.quantities[:, QUANTITIES.index("flops")]
    assert sorted(flops[sons]) == sorted(flops)[-(NEIGHBOURS - 1) :]
    assert encoding.cut >= many - (NEIGHBOURS - 1)


def test_rebatching_equals_encoding_at_that_batch():
    def conv(batch):
        data, out = TensorType("float32", (batch, 8, 4, 4)), TensorType("float32", (batch, 16, 4, 4))
        weight = Input(TensorType("float32", (16, 8, 3, 3)), constant=True)
        node = Node("Conv", (Input(data), weight), (out,), {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)})
        relu = Node("Relu", (Input(out),), (out,))
        return encode_graph(Graph((node, relu), ((0, 1),), (data,), (out,)))

    grown, real = rebatch(conv(1), 32), conv(32)
    np.testing.assert_allclose(grown.quantities, real.quantities)
    np.testing.assert_allclose(grown.numeric, real.numeric, rtol=1e-6)
    assert grown.batch == real.batch == 32


def test_features_have_the_declared_width_and_are_finite():
    encoding = encode_graph(diamond())
    assert encoding.numeric.shape == (5, NODE_FEATURES)
    assert np.isfinite(encoding.numeric).all()
    assert encode_platform(Platform(id="", text="")).numeric.shape == (PLATFORM_FEATURES,)


def test_unknown_figure_is_masked_not_guessed():
    count = len(PLATFORM_NUMBERS)
    at = PLATFORM_NUMBERS.index("power_w")
    without = encode_platform(Platform(id="", text="")).numeric
    one_watt = encode_platform(Platform(id="", text="", power_w=1.0)).numeric
    assert without[at] == one_watt[at] == 0
    assert (without[count + at], one_watt[count + at]) == (0, 1)


def test_keys_of_a_platform_go_from_the_chip_to_the_version():
    keys = platform_keys(resolve("raspberry-pi-4/tflite-2.4.1-ruy/fp32"))
    assert len(keys) == KEY_LEVELS
    other_version = platform_keys(resolve("raspberry-pi-4/tflite-2.5.0/fp32"))
    assert keys[:4] == other_version[:4]
    assert keys[4] != other_version[4]
    other_precision = platform_keys(resolve("raspberry-pi-4/tflite-2.4.1-ruy/int8"))
    assert keys[:2] == other_precision[:2]
    assert not set(keys[2:]) & set(other_precision)
    assert keys[3] != platform_keys(resolve("raspberry-pi-4/tflite-2.4.1-ruy/fp32/4t"))[3]


def test_units_of_a_chip_share_no_key():
    cpu, gpu = (set(platform_keys(resolve(f"station-m3{unit}/ncnn/fp32"))) for unit in ("", "-mali-g610"))
    assert not cpu & gpu


def test_described_hardware_has_no_keys():
    assert platform_keys(resolve("a board with 4 cores at 2 GHz, 10 GB/s, fp32")) == ()
    assert (
        platform_keys(resolve("Raspberry Pi 4, tflite, fp32"))[:3]
        == platform_keys(resolve("raspberry-pi-4/tflite-2.4.1-ruy/fp32"))[:3]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"id": "my board"},
        {"runtime": "my runtime 500 GHz/x"},
        {"tags": ("x.toml",)},
        {"threads": 10**7},
    ],
)
def test_the_catalogue_says_what_a_device_is_whatever_else_a_platform_says(change):
    platform = dataclasses.replace(resolve("nvidia-t4/tensorrt/fp16"), **change, bandwidth_gbs=1.0)
    encoding = encode_platform(platform)
    plain = encode_platform(resolve("nvidia-t4/tensorrt/fp16"))
    column = PLATFORM_NUMBERS.index("bandwidth_gbs")
    assert encoding.own[column] == plain.numeric[column] != encoding.numeric[column]


def test_a_stranger_is_what_its_description_says():
    encoding = encode_platform(resolve("board with 4 x Cortex-A72 at 1.8 GHz, ncnn, 4 threads"))
    assert np.array_equal(encoding.own, encoding.numeric)


@pytest.mark.parametrize(
    ("text", "pipeline", "decode"),
    [
        ("rk3399-cpu/ncnn/fp32/1t", "out of order", "3"),
        ("rk3399-cpu/ncnn/fp32/1t+little", "in order", "2"),
        ("board with 4 x Cortex-A55 at 1.8 GHz, ncnn", "in order", "2"),
        ("phone with Kryo 585 at 2.84 GHz", "out of order", "4"),
        ("apple-m4-cpu/ncnn/fp32", "out of order", "5"),
        ("Intel Xeon, 2 vCPU at 2.9 GHz, AVX-512", "out of order", ""),
        ("xeon-phi-3120a/ncnn/fp32", "in order", "2"),
        ("board with 4 cores at 1.8 GHz", "", ""),
        ("stm32f746/tflite/int8", "", ""),
        ("microcontroller with Cortex-M7 at 480 MHz", "", ""),
        ("nvidia-t4/tensorrt/fp16", "", ""),
    ],
)
def test_kin_of_a_processor_have_a_pipeline_like_that_of_the_cores_that_run(text, pipeline, decode):
    traits = dict(zip(PLATFORM_TRAITS, encode_platform(resolve(text)).traits, strict=True))
    assert (traits["pipeline"], traits["decode"]) == (pipeline, decode)


def test_the_model_sees_the_bandwidth_of_a_gpu_and_none_of_an_npu():
    column = PLATFORM_NUMBERS.index("bandwidth_gbs")
    for text, seen in (("rk3588-npu-core/rknn/int8", False), ("station-m3-mali-g610/ncnn-vulkan/fp16", True)):
        platform = resolve(text)
        assert platform.bandwidth_gbs
        encoding = encode_platform(platform)
        for numbers in (encoding.numeric, encoding.own):
            assert (numbers[column] != 0, numbers[len(PLATFORM_NUMBERS) + column] != 0) == (seen, seen)
