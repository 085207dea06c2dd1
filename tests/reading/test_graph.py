import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ledg_rt.graph import TensorType
from ledg_rt.reading import read_graph


def read(model, **options):
    return read_graph(model.SerializeToString(), **options)


def ops(graph):
    return [node.op for node in graph.nodes]


def test_golden_edges_of_a_branched_graph(make):
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["stem"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["stem"], ["left"]),
        helper.make_node("Sigmoid", ["stem"], ["gate"]),
        helper.make_node("Mul", ["stem", "gate"], ["right"]),
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("Add", ["sum", "sum"], ["y"]),
    ]
    graph = read(make(nodes, {"x": [1, 3, 8, 8]}, constants={"w": [4, 3, 3, 3]}))
    assert graph.edges == ((0, 1), (0, 2), (0, 3), (1, 4), (2, 3), (3, 4), (4, 5))
    assert graph.nodes[0].attributes == {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)}
    assert graph.nodes[0].inputs[1].type == TensorType("float32", (4, 3, 3, 3))
    assert graph.outputs == (TensorType("float32", (1, 4, 8, 8)),)


def test_unsorted_file_comes_out_in_topological_order(make):
    nodes = [helper.make_node("Relu", ["h"], ["y"]), helper.make_node("Sigmoid", ["x"], ["h"])]
    graph = read(make(nodes, {"x": [2]}))
    assert (ops(graph), graph.edges) == (["Sigmoid", "Relu"], ((0, 1),))


def test_unsorted_file_whose_branch_reads_a_later_node(make):
    branch = helper.make_graph([helper.make_node("Relu", ["h"], ["b"])], "b", [], [helper.make_tensor_value_info("b", 1, None)])  # fmt: skip
    nodes = [
        helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch),
        helper.make_node("Sigmoid", ["x"], ["h"]),
    ]
    graph = read(make(nodes, {"x": [2]}, constants={"c": np.array(True)}))
    assert (ops(graph), graph.edges) == (["Sigmoid", "Relu"], ((0, 1),))


def test_dead_nodes_go(make):
    nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Exp", ["x"], ["unused"])]
    assert ops(read(make(nodes, {"x": [2]}))) == ["Relu"]


def test_omitted_optional_input_keeps_its_position(make):
    node = helper.make_node("Clip", ["x", "", "max"], ["y"])
    graph = read(make([node], {"x": [2]}, constants={"max": np.array(6, np.float32)}))
    assert [slot is None for slot in graph.nodes[0].inputs] == [False, True, False]


def test_all_constant_nodes_fold(make):
    nodes = [
        helper.make_node("Transpose", ["w"], ["wt"], perm=[1, 0]),
        helper.make_node("Constant", [], ["bias"], value_floats=[0.0] * 5),
        helper.make_node("MatMul", ["x", "wt"], ["h"]),
        helper.make_node("Add", ["h", "bias"], ["y"]),
    ]
    graph = read(make(nodes, {"x": [1, 3]}, constants={"w": [5, 3]}))
    assert ops(graph) == ["MatMul", "Add"]
    assert graph.nodes[0].inputs[1].type == TensorType("float32", (3, 5))
    assert graph.nodes[0].inputs[1].constant
    assert graph.nodes[1].inputs[1].type == TensorType("float32", (5,))


def test_unknown_operator_on_constants_is_kept(make):
    nodes = [
        helper.make_node("Mystery", ["w"], ["v"], domain="com.unknown"),
        helper.make_node("Add", ["x", "v"], ["y"]),
    ]
    graph = read(make(nodes, {"x": [3]}, constants={"w": [3]}))
    assert ops(graph) == ["Mystery", "Add"]


def test_random_numbers_do_not_fold(make):
    nodes = [
        helper.make_node("RandomNormal", [], ["r"], shape=[3]),
        helper.make_node("Add", ["x", "r"], ["y"]),
    ]
    assert ops(read(make(nodes, {"x": [3]}))) == ["RandomNormal", "Add"]


def test_dequantized_weight_keeps_int8_through_views(make):
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"]),
        helper.make_node("Transpose", ["wf"], ["wt"], perm=[1, 0]),
        helper.make_node("MatMul", ["xf", "wt"], ["y"]),
    ]
    model = make(nodes, {"x": [1, 3]}, constants={"s": np.array(0.1, np.float32), "z": np.array(0, np.int8)})
    model.graph.initializer.append(TensorProto(name="w", dims=[5, 3], data_type=TensorProto.INT8))
    graph = read(model)
    assert ops(graph) == ["QuantizeLinear", "DequantizeLinear", "MatMul"]
    assert graph.nodes[2].inputs[1].type == TensorType("int8", (3, 5))
    assert graph.nodes[2].inputs[0].type == TensorType("float32", (1, 3))


def test_fake_quantized_weight_is_int8(make):
    nodes = [
        helper.make_node("QuantizeLinear", ["w", "s", "z"], ["wq"]),
        helper.make_node("DequantizeLinear", ["wq", "s", "z"], ["wf"]),
        helper.make_node("MatMul", ["x", "wf"], ["y"]),
    ]
    constants = {"w": [3, 5], "s": np.array(0.1, np.float32), "z": np.array(0, np.int8)}
    assert read(make(nodes, {"x": [1, 3]}, constants=constants)).nodes[0].inputs[1].type == TensorType(
        "int8", (3, 5)
    )


@pytest.mark.parametrize(
    ("data_type", "dtype"),
    [(10, "float16"), (16, "bfloat16"), (17, "float8"), (20, "float8"), (21, "uint4"), (22, "int4"), (3, "int8"), (9, "bool")],
)  # fmt: skip
def test_element_types(make, data_type, dtype):
    node = helper.make_node("Identity", ["x"], ["h"])
    model = make(
        [node, helper.make_node("Mystery", ["h"], ["y"], domain="com.unknown")],
        {"x": [2, 3]},
        dtype=data_type,
    )
    assert read(model).inputs == (TensorType(dtype, (2, 3)),)


def test_shape_chain_resolves_and_leaves_the_graph(make):
    i64 = helper.make_node
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        i64("Shape", ["h"], ["s"]),
        i64("Gather", ["s", "zero"], ["n"], axis=0),
        i64("Gather", ["s", "one"], ["c"], axis=0),
        i64("Div", ["c", "heads"], ["d"]),
        i64("Unsqueeze", ["n", "axes"], ["n1"]),
        i64("Unsqueeze", ["d", "axes"], ["d1"]),
        i64("Cast", ["heads"], ["hc"], to=TensorProto.INT64),
        i64("Unsqueeze", ["hc", "axes"], ["h1"]),
        i64("Concat", ["n1", "h1", "d1"], ["target"], axis=0),
        helper.make_node("Reshape", ["h", "target"], ["y"]),
    ]
    constants = {"zero": np.array(0), "one": np.array(1), "heads": np.array(4), "axes": np.array([0])}
    graph = read(make(nodes, {"x": ["batch", 20]}, constants=constants), batch=2)
    assert ops(graph) == ["Relu", "Reshape"]
    assert graph.edges == ((0, 1),)
    assert graph.nodes[1].outputs[0].shape == (2, 4, 5)
    assert graph.nodes[1].inputs[1].constant
    assert graph.notes == ()


def test_data_dependent_shape_is_noted(make):
    nodes = [helper.make_node("NonZero", ["x"], ["i"]), helper.make_node("Cast", ["i"], ["y"], to=1)]
    graph = read(make(nodes, {"x": [2, 3]}))
    assert graph.nodes[1].outputs[0].shape == (2, None)
    assert graph.notes == ("unresolved_shape",)


def branches(*chains):
    graphs = []
    for chain in chains:
        names = ["x", *(f"{chain[0]}{at}" for at in range(len(chain)))]
        nodes = [helper.make_node(op, [names[at]], [names[at + 1]]) for at, op in enumerate(chain)]
        graphs.append(helper.make_graph(nodes, "b", [], [helper.make_tensor_value_info(names[-1], 1, None)]))
    return graphs


def test_if_takes_the_dearer_branch_and_says_so(make):
    then, other = branches(["Relu"], ["Exp", "Log"])
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["h"], then_branch=then, else_branch=other),
        helper.make_node("Abs", ["h"], ["y"]),
    ]
    graph = read(make(nodes, {"x": []}))
    assert (ops(graph), graph.edges) == (["Exp", "Log", "Abs"], ((0, 1), (1, 2)))
    assert graph.notes == ("branch_chosen",)


def test_if_with_a_known_condition_takes_its_branch(make):
    then, other = branches(["Relu"], ["Exp", "Log"])
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Equal", ["s", "one"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    graph = read(make(nodes, {"x": [1]}, constants={"one": np.array([1])}))
    assert (ops(graph), graph.notes) == (["Relu"], ())


def test_nested_if(make):
    inner = helper.make_node("If", ["c"], ["z"], then_branch=branches(["Relu", "Relu", "Relu"])[0], else_branch=branches(["Exp"])[0])  # fmt: skip
    outer = helper.make_graph([inner], "b", [], [helper.make_tensor_value_info("z", 1, None)])
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["y"], then_branch=outer, else_branch=branches(["Log", "Log"])[0]),
    ]
    assert ops(read(make(nodes, {"x": []}))) == ["Relu", "Relu", "Relu"]


def loop(make, trips, shape=(2, 3)):
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Relu", ["state"], ["next"]),
            helper.make_node("Add", ["next", "outside"], ["row"]),
        ],
        "body",
        [helper.make_tensor_value_info("i", 7, []), helper.make_tensor_value_info("going", 9, []), helper.make_tensor_value_info("state", 1, None)],
        [helper.make_tensor_value_info("still", 9, []), helper.make_tensor_value_info("next", 1, None), helper.make_tensor_value_info("row", 1, None)],
    )  # fmt: skip
    nodes = [
        helper.make_node("Exp", ["x"], ["outside"]),
        helper.make_node("Loop", ["trips", "", "outside"], ["last", "rows"], body=body),
        helper.make_node("Add", ["last", "rows"], ["y"]),
    ]
    return make(nodes, {"x": list(shape)}, constants=trips)


def test_loop_body_repeats_and_stacks(make):
    graph = read(loop(make, {"trips": np.array(7)}))
    assert [(node.op, node.repeats) for node in graph.nodes] == [
        ("Exp", 1),
        ("Relu", 7),
        ("Add", 7),
        ("Add", 1),
    ]
    assert graph.edges == ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3))
    assert graph.nodes[3].inputs[1].type.shape == (7, 2, 3)
    assert graph.notes == ()


@pytest.mark.parametrize("trips", [{}, {"trips": np.array(2**63 - 1)}])
def test_loop_with_an_unknown_trip_count_is_noted(make, trips):
    graph = read(loop(make, trips))
    assert {node.repeats for node in graph.nodes} == {1}
    assert graph.notes == ("unresolved_shape",)


def test_loop_that_never_runs(make):
    graph = read(loop(make, {"trips": np.array(0)}))
    assert ops(graph) == ["Exp", "Add"]
    assert graph.edges == ((0, 1),)


def test_scan_runs_once_a_slice(make):
    body = helper.make_graph(
        [helper.make_node("Add", ["state", "row"], ["next"]), helper.make_node("Relu", ["next"], ["out"])],
        "body",
        [helper.make_tensor_value_info("state", 1, None), helper.make_tensor_value_info("row", 1, None)],
        [helper.make_tensor_value_info("next", 1, None), helper.make_tensor_value_info("out", 1, None)],
    )
    node = helper.make_node("Scan", ["init", "x"], ["last", "y"], num_scan_inputs=1, body=body)
    graph = read(make([node], {"x": [5, 4]}, constants={"init": [4]}))
    assert [(n.op, n.repeats, n.outputs[0].shape) for n in graph.nodes] == [
        ("Add", 5, (4,)),
        ("Relu", 5, (4,)),
    ]
    assert graph.nodes[0].inputs[0].constant is False
    assert graph.outputs[0].shape == (5, 4)


def test_functions_are_inlined_with_their_attributes(make):
    softmax = helper.make_node("Softmax", ["a"], ["h"])
    softmax.attribute.append(
        onnx.AttributeProto(name="axis", type=onnx.AttributeProto.INT, ref_attr_name="dim")
    )
    body = [softmax, helper.make_node("Relu", ["h"], ["b"])]
    function = helper.make_function("local", "f", ["a"], ["b"], body, [helper.make_opsetid("", 17)], ["dim"])
    nodes = [helper.make_node("f", ["x"], ["h"], domain="local", dim=1), helper.make_node("f", ["h"], ["y"], domain="local", dim=0)]  # fmt: skip
    graph = read(make(nodes, {"x": [2, 3]}, functions=[function]))
    assert ops(graph) == ["Softmax", "Relu", "Softmax", "Relu"]
    assert [node.attributes.get("axis") for node in graph.nodes[::2]] == [1, 0]
    assert graph.edges == ((0, 1), (1, 2), (2, 3))


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "expected"),
    [
        ("Gelu", [(2, 3)], {}, (2, 3)),
        ("SkipLayerNormalization", [(1, 4, 8), (1, 4, 8), (8,)], {}, (1, 4, 8)),
        ("MatMulNBits", [(1, 4, 8), (16, 1, 4), (16,)], {"N": 16, "K": 8}, (1, 4, 16)),
        ("FusedMatMul", [(2, 4, 8), (2, 5, 8)], {"transB": 1}, (2, 4, 5)),
        ("Attention", [(1, 4, 8), (8, 24), (24,)], {"num_heads": 2}, (1, 4, 8)),
        ("FusedConv", [(1, 3, 9, 9), (4, 3, 3, 3)], {"strides": [2, 2], "activation": "Relu"}, (1, 4, 4, 4)),
        ("QLinearAdd", [(2, 3), (), (), (1, 3), (), ()], {}, (2, 3)),
        ("QLinearGlobalAveragePool", [(1, 3, 7, 7), (), ()], {}, (1, 3, 1, 1)),
    ],
)
def test_contributed_operators(make, op, inputs, attributes, expected):
    names = [f"i{at}" for at in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], domain="com.microsoft", **attributes)
    graph = read(make([node], {"i0": inputs[0]}, constants=dict(zip(names[1:], inputs[1:], strict=True))))
    assert graph.nodes[0].outputs[0].shape == expected
    assert graph.nodes[0].domain == "com.microsoft"
    assert graph.notes == ()


EXPECTED = {
    "bvlc_alexnet": (24, 23), "densenet121": (668, 725), "inception_v1": (143, 169), "inception_v2": (371, 398),
    "resnet50": (176, 191), "shufflenet": (203, 218), "squeezenet": (66, 73), "vgg19": (46, 45),
    "zfnet512": (22, 21),
}  # fmt: skip


@pytest.mark.parametrize("name", EXPECTED)
def test_real_networks_resolve_completely(light, name):
    graph = read_graph(light[name])
    assert (len(graph.nodes), len(graph.edges)) == EXPECTED[name]
    assert graph.notes == ()
    assert all(out.resolved for node in graph.nodes for out in node.outputs)
    assert graph.outputs[0].elements == 1000


@pytest.mark.parametrize("name", ["resnet50", "shufflenet"])
def test_shapes_equal_those_of_whole_model_inference(light, name):
    model = onnx.load(light[name])
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    expected = sorted(
        tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)
        for info in (*inferred.graph.value_info, *inferred.graph.output)
    )
    graph = read_graph(light[name])
    found = sorted(out.shape for node in graph.nodes for out in node.outputs)
    folded = [shape for shape in expected if shape not in found]
    assert set(found) <= set(expected)
    assert len(found) + len(folded) <= len(expected)


def test_batch_scales_a_real_network(light):
    one, eight = read_graph(light["resnet50"]), read_graph(light["resnet50"], batch=8)
    assert eight.outputs[0].shape == (8, 1000)
    assert sum(n.outputs[0].elements for n in eight.nodes) == 8 * sum(
        n.outputs[0].elements for n in one.nodes
    )


def test_a_node_is_called_by_its_name_or_else_its_first_output(make):
    nodes = [
        helper.make_node("Relu", ["x"], ["h"], name="/act"),
        helper.make_node("Exp", ["h"], ["e"]),
        helper.make_node("Tanh", ["e"], ["y"], name="n" * 1_000_000),
    ]
    names = [node.name for node in read(make(nodes, {"x": [2]})).nodes]
    assert names == ["/act", "e", "n" * 200]
