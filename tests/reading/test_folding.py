import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from ledg_rt.reading import folding
from ledg_rt.reading.protos import attributes_of

I = np.array  # noqa: E741

CASES = [
    ("Gather", [I([5, 6, 7]), I(-1)], {"axis": 0}),
    ("Gather", [I([[1, 2], [3, 4]]), I([1, 0])], {"axis": 1}),
    ("Slice", [I([1, 2, 3, 4]), I([1]), I([2**63 - 1]), I([0]), I([2])], {}),
    ("Slice", [I([1, 2, 3, 4]), I([-1]), I([-(2**63) + 1]), I([0]), I([-1])], {}),
    ("Slice", [I([[1, 2], [3, 4]]), I([0]), I([1]), I([-1])], {}),
    ("Unsqueeze", [I(3), I([0])], {}),
    ("Unsqueeze", [I([3]), I([0, 2])], {}),
    ("Squeeze", [I([[3]]), I([0])], {}),
    ("Squeeze", [I([[3]])], {}),
    ("Cast", [I([2.7, -2.7], np.float32)], {"to": TensorProto.INT64}),
    ("Reshape", [I([1, 2, 3, 4]), I([2, -1])], {}),
    ("Reshape", [I([[1, 2], [3, 4]]), I([0, -1])], {}),
    ("Expand", [I([1]), I([2, 3])], {}),
    ("Range", [I(1), I(8), I(3)], {}),
    ("Tile", [I([1, 2]), I([3])], {}),
    ("Split", [I([1, 2, 3]), I([1, 2])], {"axis": 0}),
    ("Concat", [I([1]), I([2, 3])], {"axis": 0}),
    ("Transpose", [I([[1, 2, 3]])], {}),
    ("Clip", [I([1, 5, 9]), I(2), I(6)], {}),
    ("Div", [I([7, -7, 7, -7]), I([2, 2, -2, -2])], {}),
    ("Div", [I([7.0], np.float32), I([2.0], np.float32)], {}),
    ("Mod", [I([-7, 7]), I([3, -3])], {}),
    ("Mod", [I([-7, 7]), I([3, -3])], {"fmod": 1}),
    ("Pow", [I([2, 3]), I([3, 2])], {}),
    ("Max", [I([1, 5]), I([4]), I([2, 9])], {}),
    ("Min", [I([1, 5]), I([4])], {}),
    ("Equal", [I([1, 2]), I([1, 3])], {}),
    ("Where", [I([True, False]), I([1, 2]), I([3, 4])], {}),
    ("Not", [I([True, False])], {}),
    ("ReduceProd", [I([2, 3, 4])], {"keepdims": 0}),
    ("ReduceSum", [I([[2, 3], [4, 5]]), I([1])], {"keepdims": 1}),
    ("ReduceMax", [I([2, 3, 4])], {"axes": [0]}),
    ("Round", [I([0.5, 1.5, 2.4], np.float32)], {}),
    ("Floor", [I([-1.5], np.float32)], {}),
]


@pytest.mark.parametrize(("op", "arrays", "attributes"), CASES)
def test_equal_to_the_reference(op, arrays, attributes):
    names = [f"i{at}" for at in range(len(arrays))]
    outputs = ["y", "z"] if op == "Split" else ["y"]
    node = helper.make_node(op, names, outputs, **attributes)
    expected = ReferenceEvaluator(node).run(None, dict(zip(names, arrays, strict=True)))
    found = folding.evaluate(op, attributes_of(node.attribute), arrays)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
        assert ours.shape == theirs.shape


@pytest.mark.parametrize(
    ("op", "arrays", "attributes"),
    [
        ("Expand", [I([1]), I([2**40, 2**40])], {}),
        ("Range", [I(0), I(2**62), I(1)], {}),
        ("Range", [I(0), I(5), I(0)], {}),
        ("Tile", [I([1, 2]), I([2**40])], {}),
        ("ConstantOfShape", [I([2**62])], {}),
        ("Gather", [I([1, 2]), I(9)], {}),
        ("Reshape", [I([1, 2, 3]), I([2, 2])], {}),
        ("Conv", [I([1])], {}),
    ],
)
def test_too_large_or_impossible_is_left_open(op, arrays, attributes):
    assert folding.evaluate(op, attributes, arrays) is None
