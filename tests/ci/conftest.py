from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto, helper


@pytest.fixture
def network() -> Callable[[int], bytes]:
    """A model of three convolutions, the middle one as wide as said."""

    def make(width: int) -> bytes:
        nodes, weights, name = [], [], "x"
        for at, (before, after) in enumerate([(3, 64), (64, width), (width, 64)], 1):
            weights.append(
                TensorProto(name=f"w{at}", data_type=TensorProto.FLOAT, dims=[after, before, 3, 3])
            )
            out = "y" if at == 3 else f"h{at}"
            nodes.append(
                helper.make_node("Conv", [name, f"w{at}"], [out], name=f"/body/conv{at}", pads=[1, 1, 1, 1])
            )
            name = out
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 56, 56])]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64, 56, 56])]
        graph = helper.make_graph(nodes, "g", inputs, outputs, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        data: bytes = model.SerializeToString()
        return data

    return make


@pytest.fixture
def git() -> Callable[..., str]:
    """Runs git as somebody, whatever the machine is set up as; what it wrote."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "commit.gpgsign=false")

    def run(*arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    return run
