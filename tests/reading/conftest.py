from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture(scope="session")
def make():
    """Model from ``nodes``; ``inputs`` and ``constants`` by name (shape, or array for a constant)."""

    def build(nodes, inputs, outputs=("y",), constants=None, opset=17, dtype=TensorProto.FLOAT, **model):
        initializers = []
        for name, value in (constants or {}).items():
            if isinstance(value, np.ndarray):
                initializers.append(numpy_helper.from_array(value, name))
            else:  # a weight without data
                initializers.append(TensorProto(name=name, dims=value, data_type=dtype))
        graph = helper.make_graph(
            nodes, "g",
            [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs.items()],
            [helper.make_tensor_value_info(name, dtype, None) for name in outputs],
            initializers,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("local", 1)]  # fmt: skip
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, **model)

    return build


@pytest.fixture(scope="session")
def light():
    """The real networks that come with the onnx package, by name."""
    folder = Path(onnx.__file__).parent / "backend/test/data/light"
    return {path.stem.removeprefix("light_"): path for path in sorted(folder.glob("*.onnx"))}


@pytest.fixture(scope="session")
def heavy(tmp_path_factory):
    """A model of 100 MB: one large weight, one small constant that a shape depends on."""
    path = tmp_path_factory.mktemp("heavy") / "heavy.onnx"
    weight = TensorProto(
        name="w", dims=[5000, 5000], data_type=TensorProto.FLOAT, raw_data=bytes(100_000_000)
    )
    target = numpy_helper.from_array(np.array([1, 50, 100]), "target")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Reshape", ["h", "target"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5000])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [weight, target],
    )  # fmt: skip
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())  # fmt: skip
    return path
