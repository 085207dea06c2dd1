"""Counts of a graph by strict shape inference of onnx, none of our own code."""

from dataclasses import dataclass
from math import prod

import pytest
from onnx import ModelProto, TensorProto, shape_inference

from ledg_export import zoo


@dataclass(frozen=True)
class Count:
    """``folded``: biases of convolutions whose output is larger than 1x1, one a channel."""

    macs: int
    parameters: int
    folded: int
    outputs: tuple[tuple[int, ...], ...]
    operators: tuple[str, ...]
    shapes: dict[str, tuple[int, ...]]
    model: ModelProto


def count_graph(graph_id: str, batch: int = 1) -> Count:
    model = zoo.build(graph_id, batch)
    known = shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    values = [*known.graph.value_info, *known.graph.input, *known.graph.output]
    shapes = {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim) for value in values
    }
    weights = {item.name: tuple(item.dims) for item in model.graph.initializer}
    macs = folded = 0
    for node in model.graph.node:
        if node.op_type == "Conv":
            macs += prod(shapes[node.output[0]]) * prod(weights[node.input[1]][1:])
            if len(node.input) > 2 and prod(shapes[node.output[0]][2:]) > 1:
                folded += weights[node.input[2]][0]
        elif node.op_type == "ConvTranspose":
            macs += prod(shapes[node.input[0]]) * prod(weights[node.input[1]][1:])
        elif node.op_type in ("Gemm", "MatMul"):
            macs += prod(shapes[node.output[0]]) * shapes[node.input[0]][-1]
    parameters = sum(
        prod(item.dims)
        for item in model.graph.initializer
        if item.data_type == TensorProto.FLOAT and not item.raw_data
    )
    outputs = tuple(shapes[output.name] for output in model.graph.output)
    operators = tuple(node.op_type for node in model.graph.node)
    return Count(macs, parameters, folded, outputs, operators, shapes, model)


@pytest.fixture(scope="session")
def count():
    return count_graph
