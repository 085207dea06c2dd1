"""NAS-Bench-101 (Ying et al., ICML 2019): any cell in the published skeleton for CIFAR-10.

Architecture: ``<rows of the adjacency matrix>/<operations>``, e.g. ``0101-0010-0001-0000/conv3x3 maxpool3x3``: a row of
digits for each node (1: feeds the column's), input first and output last, then an operation of ``conv1x1``, ``conv3x3``
and ``maxpool3x3`` for each node between. Nodes that do not lie between input and output are not in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from onnx import ModelProto

from ledg_export.zoo.builder import Net, Tensor

OPERATIONS = ("conv1x1", "conv3x3", "maxpool3x3")
STEM = 128
"""Channels of the first convolution and stack; each further stack has twice as many."""

STACKS, CELLS = 3, 3
RESOLUTION, CLASSES = 32, 10

Matrix = Sequence[Sequence[int]]


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above, or no path leads from input to output.

    """
    matrix, operations = pruned(*parse(arch))
    net = Net(batch)
    x = net.relu(net.conv(net.input(3, RESOLUTION, RESOLUTION), STEM, 3))
    for stack in range(STACKS):
        if stack:
            x = net.pool("MaxPool", x, 2, 2)
        for _ in range(CELLS):
            x = _cell(net, x, matrix, operations, STEM << stack)
    return net.model(net.dense(net.flatten(net.mean(x)), CLASSES))


def parse(arch: str) -> tuple[Matrix, tuple[str, ...]]:
    """Adjacency matrix and operations of an architecture string.

    Raises:
        ValueError: not square, not above the diagonal, an unknown operation, or not one for each inner node.

    """
    rows, _, names = arch.partition("/")
    matrix = [[int(digit) for digit in row] for row in rows.split("-")]
    operations = tuple(names.split())
    size = len(matrix)
    if size < 2 or any(len(row) != size for row in matrix) or len(operations) != size - 2:
        raise ValueError("want a square matrix and an operation for each node but the first and the last")
    if any(
        value not in (0, 1) or (value and at <= of)
        for of, row in enumerate(matrix)
        for at, value in enumerate(row)
    ):
        raise ValueError("edges lead from a node to a later one")
    if unknown := set(operations) - set(OPERATIONS):
        raise ValueError(f"want operations of {', '.join(OPERATIONS)}, not {', '.join(sorted(unknown))}")
    return matrix, operations


def pruned(matrix: Matrix, operations: Sequence[str]) -> tuple[Matrix, tuple[str, ...]]:
    """The same cell without nodes that do not lie on a path from input to output.

    Raises:
        ValueError: there is no such path.

    """
    last = len(matrix) - 1
    ahead, back = {0}, {last}
    for node in range(1, last + 1):
        if any(matrix[source][node] for source in ahead):
            ahead.add(node)
    for node in range(last - 1, -1, -1):
        if any(matrix[node][reader] for reader in back):
            back.add(node)
    kept = sorted(ahead & back)
    if last not in kept:
        raise ValueError("no path leads from input to output")
    return [[matrix[a][b] for b in kept] for a in kept], tuple(operations[node - 1] for node in kept[1:-1])


def widths(matrix: Matrix, channels: int) -> list[int]:
    """Channels of each inner node of a pruned cell with ``channels`` at its output.

    The nodes that feed the output share its channels, the first ones one more where they do not divide; any other node
    has as many as the widest of its readers.
    """
    last = len(matrix) - 1
    feeding = [node for node in range(1, last) if matrix[node][last]]
    found = [0] * last
    for at, node in enumerate(feeding):
        found[node] = channels // len(feeding) + (at < channels % len(feeding))
    for node in range(last - 1, 0, -1):
        if not found[node]:
            found[node] = max(found[reader] for reader in range(node + 1, last) if matrix[node][reader])
    return found


def _cell(net: Net, x: Tensor, matrix: Matrix, operations: Sequence[str], channels: int) -> Tensor:
    """One cell: inner nodes sum what they read, the output joins it; the input is projected wherever it is read."""
    last = len(matrix) - 1
    width = widths(matrix, channels)
    done: dict[int, Tensor] = {}
    for node in range(1, last):
        read = [_cut(net, done[source], width[node]) for source in range(1, node) if matrix[source][node]]
        if matrix[0][node]:
            read.append(_convolution(net, x, width[node], 1))
        total = reduce(net.add, read)
        done[node] = (
            net.pool("MaxPool", total, 3, 1, pad=1)
            if operations[node - 1] == "maxpool3x3"
            else _convolution(net, total, width[node], int(operations[node - 1][-1]))
        )
    parts = [done[node] for node in range(1, last) if matrix[node][last]]
    if not parts:
        return _convolution(net, x, channels, 1)
    output = net.concat(parts) if len(parts) > 1 else parts[0]
    return net.add(output, _convolution(net, x, channels, 1)) if matrix[0][last] else output


def _convolution(net: Net, x: Tensor, channels: int, kernel: int) -> Tensor:
    return net.relu(net.conv(x, channels, kernel))


def _cut(net: Net, x: Tensor, channels: int) -> Tensor:
    """The first ``channels`` of ``x``, which has at most one more."""
    if x.shape[1] == channels:
        return x
    bounds = [net.constant((0,)), net.constant((channels,)), net.constant((1,))]
    return net.op("Slice", [x, *bounds], (x.shape[0], channels, *x.shape[2:]))
