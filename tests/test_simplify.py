import os
from pathlib import Path

import onnx
import pytest

from ledg_rt.costs import graph_cost
from ledg_rt.graph import Graph, Input, Node, TensorType
from ledg_rt.reading import read_graph
from ledg_rt.simplify import simplify

LIGHT = Path(os.path.dirname(onnx.__file__)) / "backend/test/data/light"
SHAPE = TensorType("float32", (1, 8, 4, 4))
BIAS = Input(TensorType("float32", (8,)), constant=True)


def constant(*shape):
    return Input(TensorType("float32", shape), constant=True)


def conv(*bias, op="Conv"):
    return Node(op, (Input(SHAPE), constant(8, 8, 3, 3), *bias), (SHAPE,), {"kernel_shape": (3, 3)})


def norm(parameter=BIAS, outputs=1):
    return Node("BatchNormalization", (Input(SHAPE), *[parameter] * 4), (SHAPE,) * outputs)


def unary(op):
    return Node(op, (Input(SHAPE),), (SHAPE,))


def binary(op, other=None):
    return Node(op, (Input(SHAPE), Input(SHAPE) if other is None else other), (SHAPE,))


def chain(*nodes):
    return Graph(nodes, tuple((at, at + 1) for at in range(len(nodes) - 1)), (SHAPE,), (SHAPE,), ("note",))


def ops(graph):
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_normalization_is_folded_and_leaves_a_bias(op):
    folded = simplify(chain(conv(op=op), norm(), unary("Relu")))
    assert ops(folded) == [op, "Relu"]
    assert folded.edges == ((0, 1),)
    assert folded.nodes[0].inputs == (Input(SHAPE), constant(8, 8, 3, 3), BIAS)
    assert folded.nodes[0].attributes == {"kernel_shape": (3, 3)}


def test_normalization_behind_gemm_is_folded():
    out = TensorType("float32", (2, 8))
    gemm = Node("Gemm", (Input(TensorType("float32", (2, 5))), constant(5, 8)), (out,))
    after = Node("BatchNormalization", (Input(out), *[BIAS] * 4), (out,))
    folded = simplify(Graph((gemm, after), ((0, 1),)))
    assert ops(folded) == ["Gemm"]
    assert folded.nodes[0].inputs[2] == BIAS
    assert folded.edges == ()


def test_bias_that_is_there_stays():
    host = conv(BIAS)
    assert simplify(chain(host, norm())).nodes == (host,)


def test_files_with_and_without_folded_normalization_become_one():
    assert simplify(chain(conv(), norm(), unary("Relu"))) == simplify(chain(conv(BIAS), unary("Relu")))


def test_bias_takes_the_type_of_the_weight():
    half = TensorType("float16", SHAPE.shape)
    scale = Input(TensorType("float16", (8,)), constant=True)
    host = Node("Conv", (Input(half), Input(TensorType("float16", (8, 8, 3, 3)), constant=True)), (half,))
    after = Node("BatchNormalization", (Input(half), *[scale] * 4), (half,))
    assert simplify(chain(host, after)).nodes[0].inputs[2] == scale


def test_normalization_is_not_folded_where_two_read_the_convolution():
    graph = Graph((conv(), norm(), binary("Add")), ((0, 1), (0, 2), (1, 2)), (SHAPE,), (SHAPE,))
    assert simplify(graph) == graph


def test_readers_are_counted_behind_identities():
    """Conv -> Identity -> (BatchNormalization, Add): two read the Conv."""
    nodes = (conv(), unary("Identity"), norm(), binary("Add"))
    folded = simplify(Graph(nodes, ((0, 1), (1, 2), (1, 3), (2, 3))))
    assert ops(folded) == ["Conv", "BatchNormalization", "Add"]
    assert folded.edges == ((0, 1), (0, 2), (1, 2))
    assert folded.nodes[0] == conv()


@pytest.mark.parametrize(
    "second",
    [
        norm(Input(BIAS.type)),  # parameters that another node computes
        norm(outputs=3),  # training: its statistics are outputs
        Node("BatchNormalization", norm().inputs, (SHAPE,), domain="com.example"),
        binary("Mul", constant(1, 8, 4, 4)),  # one value a pixel
        binary("Mul", constant(4, 4)),
        binary("Mul", constant(4)),  # one a column
        binary("Add", constant(1, 1, 4, 4)),
        binary("Mul"),  # no constant
        binary("Div", constant(8, 1, 1)),
        unary("Relu"),
    ],
    ids=lambda node: f"{node.op}-{'x'.join(str(dim) for dim in node.inputs[-1].type.shape)}",
)
def test_what_does_not_fold(second):
    graph = chain(conv(), second)
    assert simplify(graph) == graph


def test_normalization_does_not_fold_over_an_activation():
    graph = chain(conv(), unary("Relu"), norm())
    assert simplify(graph) == graph


@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 8, 1, 1), (1,), ()])
def test_per_channel_scale_and_shift_are_folded(shape):
    folded = simplify(
        chain(conv(), binary("Mul", constant(*shape)), binary("Add", constant(*shape)), unary("Relu"))
    )
    assert ops(folded) == ["Conv", "Relu"]
    assert folded.nodes[0].inputs[2] == BIAS
    assert folded.edges == ((0, 1),)


def test_constant_may_come_first():
    scale = Node("Mul", (constant(8, 1, 1), Input(SHAPE)), (SHAPE,))
    assert ops(simplify(chain(conv(), scale))) == ["Conv"]


def test_caffe_style_normalization_scale_and_shift_are_folded():
    nodes = (
        conv(),
        norm(),
        binary("Mul", constant(8, 1, 1)),
        binary("Add", constant(8, 1, 1)),
        unary("Relu"),
    )
    folded = simplify(chain(*nodes))
    assert folded.nodes == (conv(BIAS), unary("Relu"))
    assert folded.edges == ((0, 1),)


def test_what_is_behind_an_unfolded_node_stays():
    """The per-pixel Mul keeps the Add behind it from the Conv."""
    graph = chain(conv(), binary("Mul", constant(1, 8, 4, 4)), binary("Add", constant(8, 1, 1)))
    assert simplify(graph) == graph


def test_chain_of_identities_is_removed():
    graph = chain(
        unary("Identity"),
        unary("Relu"),
        unary("Identity"),
        unary("Dropout"),
        unary("Identity"),
        unary("Exp"),
        unary("Identity"),
    )
    simple = simplify(graph)
    assert ops(simple) == ["Relu", "Exp"]
    assert simple.edges == ((0, 1),)
    assert (simple.inputs, simple.outputs, simple.notes) == (graph.inputs, graph.outputs, graph.notes)


def test_identity_between_convolution_and_normalization_does_not_hinder():
    assert ops(simplify(chain(conv(), unary("Identity"), norm(), unary("Relu")))) == ["Conv", "Relu"]


def test_edges_and_order_are_kept():
    """Relu feeds a folded Conv, an Identity and Tanh, which meet; edges behind what went are rewired."""
    nodes = (
        unary("Relu"), conv(), unary("Identity"), norm(), unary("Tanh"),
        binary("Add"), binary("Sub"), unary("Exp"),
    )  # fmt: skip
    edges = ((0, 1), (0, 2), (0, 4), (1, 3), (2, 6), (3, 5), (4, 5), (5, 6), (6, 7))
    simple = simplify(Graph(nodes, edges, (SHAPE,), (SHAPE,)))
    assert ops(simple) == ["Relu", "Conv", "Tanh", "Add", "Sub", "Exp"]
    assert simple.edges == ((0, 1), (0, 2), (0, 4), (1, 3), (2, 3), (3, 4), (4, 5))


def test_identity_beside_a_direct_edge_leaves_one_edge():
    graph = Graph((unary("Relu"), unary("Identity"), binary("Add")), ((0, 1), (0, 2), (1, 2)))
    simple = simplify(graph)
    assert ops(simple) == ["Relu", "Add"]
    assert simple.edges == ((0, 1),)


def test_input_graph_is_left_alone():
    graph = chain(conv(), norm(), unary("Relu"))
    simplify(graph)
    assert graph == chain(conv(), norm(), unary("Relu"))


@pytest.mark.parametrize("count", [1, 3])
def test_graph_of_only_identities_is_returned_as_it_is(count):
    graph = chain(*[unary("Identity")] * count)
    assert simplify(graph) is graph


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "inception_v2", "shufflenet", "vgg19"])
def test_whole_networks(name):
    """Multiply-adds are not changed, twice is once, and edges stay sorted, unique and forward."""
    graph = read_graph(LIGHT / f"light_{name}.onnx")
    simple = simplify(graph)
    assert graph_cost(simple).macs == graph_cost(graph).macs
    assert simplify(simple) == simple
    assert len(simple.nodes) < len(graph.nodes)
    assert not {"Identity", "Dropout"} & set(ops(simple))
    assert simple.edges == tuple(sorted(set(simple.edges)))
    assert all(0 <= a < b < len(simple.nodes) for a, b in simple.edges)
    kept = iter(ops(graph))
    assert all(op in kept for op in ops(simple))  # a subsequence: the order is the file's


def test_resnet50_has_no_normalization_left():
    assert "BatchNormalization" not in ops(simplify(read_graph(LIGHT / "light_resnet50.onnx")))


def test_normalization_behind_a_convolution_with_computed_weights_stays():
    host = Node(
        "Conv", (Input(SHAPE), Input(TensorType("float32", (8, 8, 3, 3)))), (SHAPE,), {"kernel_shape": (3, 3)}
    )
    assert ops(simplify(chain(unary("Relu"), host, norm()))) == ["Relu", "Conv", "BatchNormalization"]


@pytest.mark.parametrize("op", ["Identity", "Dropout"])
def test_operator_of_another_domain_with_a_known_name_stays(op):
    foreign = Node(op, (Input(SHAPE),), (SHAPE,), domain="com.example")
    assert ops(simplify(chain(unary("Relu"), foreign))) == ["Relu", op]


def test_convolution_of_another_domain_takes_nothing_over():
    host = conv()
    foreign = Node(host.op, host.inputs, host.outputs, host.attributes, "com.example")
    assert ops(simplify(chain(foreign, norm()))) == ["Conv", "BatchNormalization"]


def cast(source, target, constant=False):
    return Node(
        "Cast", (Input(TensorType(source, (1, 8, 4, 4)), constant),), (TensorType(target, (1, 8, 4, 4)),)
    )


def test_cast_to_the_same_type_goes():
    simple = simplify(chain(unary("Relu"), cast("float32", "float32"), unary("Exp")))
    assert ops(simple) == ["Relu", "Exp"]
    assert simple.edges == ((0, 1),)


@pytest.mark.parametrize(
    "middle",
    [
        cast("float32", "float16"),
        cast("unknown", "unknown"),
        cast("int8", "int8", constant=True),  # a constant has its stored type, whatever it is read as
        Node("Cast", (), (SHAPE,)),
    ],
    ids=["other type", "type not known", "constant", "no input"],
)
def test_cast_that_may_change_something_stays(middle):
    assert ops(simplify(chain(unary("Relu"), middle))) == ["Relu", "Cast"]


def test_normalization_that_runs_more_often_than_its_convolution_stays():
    """The Conv before a loop, the normalisation in its body."""
    after = norm()
    looped = Node(after.op, after.inputs, after.outputs, repeats=10)
    assert ops(simplify(chain(conv(), looped))) == ["Conv", "BatchNormalization"]
