"""From an .onnx file to a ``Graph``, without ever loading a weight.

``read_graph`` reads in this process. A user's files go through ``reader.Reader``, which reads in child
processes: a hostile file can crash the C++ of shape inference, and then it costs that file alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ledg_rt.graph import Graph


def read_graph(
    source: str | os.PathLike[str] | bytes,
    shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
) -> Graph:
    """Read one model in this process (imports onnx on the first call).

    Args:
        source: path of an .onnx file, or its bytes.
        shapes: dimensions by name of a graph input; they win over the file's and over ``batch``.
        batch: leading dimension of every input whose own is dynamic or 1; dynamic ones are 1 without it.

    Raises:
        ModelError: the file cannot be read or predicted; see its code and hint.

    """
    from ledg_rt.reading.model import read_model

    return read_model(source, shapes, batch)
