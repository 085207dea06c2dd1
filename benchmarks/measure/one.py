"""Time one network of the zoo with ONNX Runtime on one core, in a process that does nothing else.

    python -m benchmarks.measure.one resnet/18-224 [--seconds 1]

Prints ``Timing`` as JSON. The zoo's graphs have no weights: matrices and kernels are drawn from a normal distribution of
variance 2 / fan-in (He et al., ICCV 2015), which keeps activations of a sane size (denormal numbers are slow), biases
are 0, scales and variances of normalizations 1.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import ModelProto, StringStringEntryProto, TensorProto

from ledg_export.zoo import build

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


def measure(graph_id: str, seconds: float) -> Timing:
    """Time a network for about ``seconds``.

    Raises:
        ValueError: there is no such network.
    """
    model = build(graph_id)
    values = weights(model)
    names = list(values)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Beside the file, since a file ends at 2 GB.
    options.add_external_initializers(
        names, [onnxruntime.OrtValue.ortvalue_from_numpy(values[name]) for name in names]
    )
    session = onnxruntime.InferenceSession(
        outside(model, values).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    shape = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim]
    feed = {model.graph.input[0].name: np.random.default_rng(1).standard_normal(shape, dtype=np.float32)}
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


def weights(model: ModelProto) -> dict[str, Array]:
    """Values of the initializers that have none, by name; the same ones every time."""
    normals = np.random.default_rng(0).standard_normal(NORMALS, dtype=np.float32)
    scales = {
        name for node in model.graph.node if node.op_type.endswith("Normalization")
        for at, name in enumerate(node.input) if at in (1, 4)
    }  # fmt: skip
    return {
        tensor.name: _drawn(tensor, normals, float(tensor.name in scales))
        for tensor in model.graph.initializer if not tensor.raw_data
    }  # fmt: skip


def _drawn(tensor: TensorProto, normals: Array, constant: float) -> Array:
    dims = tuple(tensor.dims)
    if len(dims) < 2:
        return np.full(dims, constant, np.float32)
    return np.resize(normals * np.float32(np.sqrt(2 / prod(dims[1:]))), dims)


def outside(model: ModelProto, values: Mapping[str, Array]) -> ModelProto:
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
    arguments = parser.parse_args()
    print(json.dumps(asdict(measure(arguments.graph_id, arguments.seconds))))


if __name__ == "__main__":
    main()
