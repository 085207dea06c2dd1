"""What a model may cost to read: beyond it the answer is an error, not a hang. Real files stay far below."""

from __future__ import annotations

from ledg_rt.errors import ModelError

MAX_NODES = 200_000
"""Nodes of the file, and calls made while functions, branches and bodies are inlined."""

MAX_DEPTH = 30
"""Graphs inside graphs (protobuf's own parsers give up at about 33)."""

MAX_CALLS = 64
"""Functions, branches and bodies open at the same time."""

MAX_KEPT_BYTES = 64 << 20
"""Size of the model once its weights are left out."""

MAX_FIELDS = 3_000_000
"""Protobuf fields looked at one by one."""

MAX_RANK = 64
"""Dimensions of a tensor."""

MAX_WORKER_BYTES = 4 << 30
"""Private memory of a reading process."""


def limit_exceeded(message: str) -> ModelError:
    """The error of a model beyond one of the limits of this module."""
    return ModelError("limit_exceeded", message, "models of this size are not read; reduce the model")
