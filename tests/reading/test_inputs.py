import numpy as np
import pytest
from onnx import helper

from ledg_rt.errors import ModelError
from ledg_rt.reading import read_graph


def relu(make, shape, **more):
    return make([helper.make_node("Relu", ["x"], ["y"])], {"x": shape}, **more).SerializeToString()


def shape(data, **options):
    return read_graph(data, **options).nodes[0].outputs[0].shape


@pytest.mark.parametrize("leading", ["N", "batch_size", "unk__1", None, 0, -1])
def test_dynamic_leading_dimension_is_the_batch(make, leading):
    data = relu(make, [leading, 3])
    assert shape(data) == (1, 3)
    assert shape(data, batch=8) == (8, 3)


def test_fixed_one_follows_the_batch_and_another_size_stays(make):
    assert shape(relu(make, [1, 3]), batch=8) == (8, 3)
    graph = read_graph(relu(make, [4, 3]), batch=8)
    assert (graph.nodes[0].outputs[0].shape, graph.notes) == ((4, 3), ("batch_fixed",))
    assert read_graph(relu(make, [8, 3]), batch=8).notes == ()


def test_scalar_and_single_value_inputs_keep_their_size(make):
    assert shape(relu(make, []), batch=8) == ()
    assert shape(relu(make, [1]), batch=8) == (1,)


@pytest.mark.parametrize(
    ("dims", "flag", "said"),
    [
        (["N", 3, "height", 224], "--shape x=1x3x224x224", "'height'"),
        ([1, "seq"], "--shape x=1x128", "'seq'"),
        ([1, -1], "--shape x=1x128", "dimension 1"),
        (["sequence_length", 4], "--shape x=1x4", "'sequence_length'"),
        (None, "--shape x=1x3x224x224", "no shape"),
    ],
)
def test_open_dimension_is_an_error_that_says_how_to_close_it(make, dims, flag, said):
    with pytest.raises(ModelError) as caught:
        read_graph(relu(make, dims))
    assert (caught.value.code, caught.value.hint) == ("symbolic_dim", flag)
    assert said in caught.value.message
    assert "'x'" in caught.value.message


def test_given_shape_wins_over_file_and_batch(make):
    assert shape(relu(make, [1, 3, "h", "w"]), shapes={"x": [2, 3, 10, 12]}, batch=8) == (2, 3, 10, 12)
    assert shape(relu(make, [1, 3]), shapes={"x": [5, 7]}) == (5, 7)
    assert shape(relu(make, None), shapes={"x": [5, 7]}) == (5, 7)


def test_a_symbol_has_one_value_in_all_inputs(make):
    node = helper.make_node("Add", ["a", "b"], ["y"])
    data = make([node], {"a": ["batch", "seq"], "b": ["batch", "seq"]}).SerializeToString()
    assert shape(data, shapes={"a": [2, 128]}) == (2, 128)
    assert read_graph(data, shapes={"a": [2, 128]}).inputs[1].shape == (2, 128)


def test_batch_symbol_that_does_not_lead(make):
    assert shape(relu(make, [7, "batch"]), batch=4) == (7, 4)


@pytest.mark.parametrize("given", [[1, 3, 4], [-1, 3], [1, 2**63]])
def test_given_shape_that_does_not_fit(make, given):
    with pytest.raises(ModelError) as caught:
        read_graph(relu(make, [1, 3]), shapes={"x": given})
    assert caught.value.code == "symbolic_dim"


def test_shape_for_no_input_is_noted(make):
    assert read_graph(relu(make, [1, 3]), shapes={"image": [1, 3]}).notes == ("shape_ignored",)


def test_initializer_among_the_inputs_is_not_an_input(make):
    model = make(
        [helper.make_node("Add", ["x", "w"], ["y"])], {"x": [1, 3], "w": ["any", 3]}, constants={"w": [4, 3]}
    )
    graph = read_graph(model.SerializeToString())
    assert [tensor.shape for tensor in graph.inputs] == [(1, 3)]
    assert [slot.constant for slot in graph.nodes[0].inputs] == [False, True]


@pytest.mark.parametrize("target", [[1, -1], [1, 12], [-1, 12], [0, 12]])
def test_reshape_written_for_batch_one_follows_the_batch(make, target):
    node = helper.make_node("Reshape", ["x", "t"], ["y"])
    data = make([node], {"x": [1, 3, 4]}, constants={"t": np.array(target)}).SerializeToString()
    assert shape(data, batch=8) == (8, 12)


def test_claimed_shapes_are_void_when_a_fixed_size_is_replaced(make):
    node = helper.make_node("Mystery", ["x"], ["y"], domain="com.unknown")
    model = make([node], {"x": [1, 3]})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, [1, 9]))
    assert shape(model.SerializeToString()) == (1, 9)
    assert shape(model.SerializeToString(), batch=8) is None


def test_symbols_resolve_claims_of_unknown_operators(make):
    node = helper.make_node("Mystery", ["x"], ["y"], domain="com.unknown")
    model = make([node], {"x": ["n", 3]})
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", 1, ["n", 9]))
    assert shape(model.SerializeToString(), batch=8) == (8, 9)


def test_sequence_input_is_of_unknown_type(make):
    model = make([helper.make_node("SequenceAt", ["s", "i"], ["y"])], {}, constants={"i": np.array(0)})
    model.graph.input.append(helper.make_tensor_sequence_value_info("s", 1, None))
    graph = read_graph(model.SerializeToString())
    assert (graph.inputs[0].dtype, graph.inputs[0].shape) == ("unknown", None)
    assert graph.notes == ("unresolved_shape",)
