"""Time one network of the zoo with ONNX Runtime, in a process that does nothing else.

    python -m benchmarks.measure.one resnet/18-224 [--seconds 1] [--threads 1] [--precision int8]

Prints ``Timing`` as JSON. The zoo's graphs have no weights: matrices and kernels are drawn from a normal distribution of
variance 2 / fan-in (He et al., ICCV 2015), which keeps activations of a sane size (denormal numbers are slow), biases
are 0, scales and variances of normalizations 1. Inputs are normal, too; those of integers or truth values are ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, StringStringEntryProto, TensorProto, ValueInfoProto, helper

from benchmarks.measure.quantized import quantized
from ledg_export.zoo import build

PRECISIONS = ("fp32", "int8")
LEAST_RUNS = 5
WARM_UP = 0.15
"""Share of the time that goes to runs which do not count; at least one."""

NORMALS = 1_000_003
"""Random numbers that weights are made of, over and over: drawing all of them would take longer than to measure."""

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Timing:
    """Median latency in ms of ``runs`` warm runs; ``spread``: their interquartile range over the median."""

    median_ms: float
    runs: int
    spread: float


def measure(graph_id: str, seconds: float, threads: int = 1, precision: str = "fp32") -> Timing:
    """Time a network on ``threads`` threads for about ``seconds``; in ``int8`` as ``quantized`` makes it.

    Raises:
        ValueError: there is no such network.
    """
    model = lifted(build(graph_id))
    values = weights(model)
    rng = np.random.default_rng(1)
    feed = {value.name: _input(value, rng) for value in model.graph.input if value.name not in values}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Random scores saturate softmax where trained ones do not, and what underflows there is a hundred times slower.
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if precision == "int8":
        file = quantized(model, values, feed)
    else:
        # Beside the file, since a file ends at 2 GB.
        given = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in values.values()]
        options.add_external_initializers(list(values), given)
        file = outside(model, values).SerializeToString()
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    until = time.perf_counter() + WARM_UP * seconds
    session.run(None, feed)
    while time.perf_counter() < until:
        session.run(None, feed)
    taken: list[float] = []
    while len(taken) < LEAST_RUNS or sum(taken) < seconds:
        start = time.perf_counter()
        session.run(None, feed)
        taken.append(time.perf_counter() - start)
    low, median, high = np.percentile(taken, [25, 50, 75])
    return Timing(float(1e3 * median), len(taken), float((high - low) / median))


def _input(value: ValueInfoProto, rng: np.random.Generator) -> NDArray[Any]:
    tensor = value.type.tensor_type
    shape = [size.dim_value for size in tensor.shape.dim]
    if tensor.elem_type == TensorProto.FLOAT:
        return rng.standard_normal(shape, dtype=np.float32)
    return np.ones(shape, helper.tensor_dtype_to_np_dtype(tensor.elem_type))


def lifted(model: ModelProto) -> ModelProto:
    """``model`` with its constants that have lost their data among the initializers."""
    kept, empty = [], []
    for node in model.graph.node:
        found = [entry.t for entry in node.attribute if node.op_type == "Constant" and entry.name == "value"]
        (empty if found and _is_empty(found[0]) else kept).append(node)
    for node in empty:
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    return model


def _is_empty(tensor: TensorProto) -> bool:
    listed = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data)
    return prod(tensor.dims) > 0 and not tensor.raw_data and not any(listed)


def weights(model: ModelProto) -> dict[str, NDArray[Any]]:
    """Values of the initializers that have none, by name; the same ones every time. Integers (places in a table) are 0."""
    normals = np.random.default_rng(0).standard_normal(NORMALS, dtype=np.float32)
    scales = {
        name for node in model.graph.node if node.op_type.endswith("Normalization")
        for at, name in enumerate(node.input) if at in (1, 4)
    }  # fmt: skip
    return {
        tensor.name: _drawn(tensor, normals, float(tensor.name in scales))
        for tensor in model.graph.initializer if _is_empty(tensor)
    }  # fmt: skip


def _drawn(tensor: TensorProto, normals: Array, constant: float) -> NDArray[Any]:
    dims = tuple(tensor.dims)
    if tensor.data_type != TensorProto.FLOAT:
        return np.zeros(dims, helper.tensor_dtype_to_np_dtype(tensor.data_type))
    if len(dims) < 2:
        return np.full(dims, constant, np.float32)
    return np.resize(normals * np.float32(np.sqrt(2 / prod(dims[1:]))), dims)


def outside(model: ModelProto, values: Mapping[str, NDArray[Any]]) -> ModelProto:
    """A copy that says of ``values`` that they are kept elsewhere."""
    model = ModelProto.FromString(model.SerializeToString())
    for tensor in model.graph.initializer:
        if tensor.name in values:
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.append(StringStringEntryProto(key="location", value="given"))
    return model


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("graph_id")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    arguments = parser.parse_args()
    found = measure(arguments.graph_id, arguments.seconds, arguments.threads, arguments.precision)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
