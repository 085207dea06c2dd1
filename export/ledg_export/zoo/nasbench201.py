"""NAS-Bench-201 (Dong and Yang, arXiv 2001.00326): any of the 15,625 cells in the published skeleton.

Architecture: the benchmark's own string, ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, and the data set after an
``@``: ``@cifar10`` (also without), ``@cifar100`` or ``@ImageNet16-120``.

What computes nothing is not in the graph: ``none`` edges, everything that only they feed, and everything
that only feeds them. A cell whose output is zero is a product of its input with 0. With ``+eager`` after the
data set (``@cifar10+eager``) the graph is what the benchmark's own code runs operator by operator: a
``none`` edge is a product with 0, and nothing is left out. ``+summed``, ``+kept`` and ``+folded`` are what some
runtimes run of it (``nasbench201_runs``).
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b

from onnx import ModelProto, NodeProto

from ledg_export.zoo.builder import Net, Tensor
from ledg_export.zoo.nasbench201_runs import WAYS, ZERO, Cell, executed

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
WIDTHS = (16, 32, 64)
CELLS = 5
"""Cells of each width; the widths are joined by residual blocks of stride 2."""

DATASETS = {"cifar10": (32, 10), "cifar100": (32, 100), "ImageNet16-120": (16, 120)}
"""(resolution, classes)."""

_EDGE = re.compile(r"([a-z_0-9]+)~(\d)")


def parse(text: str) -> Cell:
    """The cell of an architecture string.

    Raises:
        ValueError: it is not one of the 15,625.

    """
    nodes = []
    for number, part in enumerate(text.split("+"), 1):
        edges = _EDGE.findall(part)
        operations = tuple(operation for operation, _ in edges)
        wanted = "|" + "".join(f"{operation}~{source}|" for source, operation in enumerate(operations))
        if len(edges) != number or part != wanted or not set(operations) <= set(OPERATIONS):
            raise ValueError(f"{part!r} is not node {number} of a NAS-Bench-201 cell")
        nodes.append(operations)
    if len(nodes) != 3:
        raise ValueError(f"a NAS-Bench-201 cell has 3 nodes, not {len(nodes)}")
    return tuple(nodes)


@cache
def network_key(text: str, way: str = "") -> bytes:
    """Equal for two cells where what is built of them (``way``: as after the ``+``) is one network, 16 bytes.

    Weisfeiler-Lehman labels of the operations of one cell, from above and from below, as ``graph_sha256`` has them.

    Raises:
        ValueError: ``text`` is not a cell.

    """
    made = {node.output[0]: node for node in _operations(text, way)}
    above: dict[str, bytes] = {}
    for name, node in made.items():
        own = node.op_type.encode() + bytes(_kernel(node))
        above[name] = _digest(own, [above.get(item, b"") for item in node.input])
    below: dict[str, list[bytes]] = {name: [] for name in made}
    labels = []
    for name, node in reversed(made.items()):
        label = _digest(above[name], below[name])
        labels.append(label)
        for item in node.input:
            below.get(item, []).append(label)
    return _digest(b"", labels)


def convolutions(text: str, way: str = "") -> tuple[int, int]:
    """How many 1x1 and 3x3 convolutions one cell runs.

    Raises:
        ValueError: ``text`` is not a cell.

    """
    sizes = [_kernel(node)[0] for node in _operations(text, way) if node.op_type == "Conv"]
    return sizes.count(1), sizes.count(3)


def _operations(text: str, way: str) -> list[NodeProto]:
    """The operations of one cell, in an order to run them."""
    net = Net(1)
    x = net.input(1, 1, 1)
    output = _node(net, executed(parse(text), way), {0: x}, 3) or net.scaled("Mul", x, 0.0)
    return list(net.model(output).graph.node)


def _kernel(node: NodeProto) -> list[int]:
    return next((list(entry.ints) for entry in node.attribute if entry.name == "kernel_shape"), [])


def _digest(own: bytes, others: list[bytes]) -> bytes:
    return blake2b(b"|".join((own, *sorted(others))), digest_size=16).digest()


def build(arch: str, batch: int) -> ModelProto:
    """The classifier.

    Raises:
        ValueError: ``arch`` is not of the form above.

    """
    text, _, setting = arch.partition("@")
    dataset, _, way = (setting or "cifar10").partition("+")
    if dataset not in DATASETS or way not in WAYS:
        raise ValueError(f"want @<{'|'.join(DATASETS)}>[+<{'|'.join(filter(None, WAYS))}>], not @{setting}")
    cell = executed(parse(text), way)
    resolution, classes = DATASETS[dataset]
    net = Net(batch)
    x = net.conv(net.input(3, resolution, resolution), WIDTHS[0], 3)
    for width in WIDTHS:
        if width != x.shape[1]:
            x = _reduction(net, x, width)
        for _ in range(CELLS):
            output = _node(net, cell, {0: x}, len(cell))
            x = output or net.scaled("Mul", x, 0.0)
    x = net.relu(net.batch_norm(x))
    return net.model(net.dense(net.flatten(net.mean(x)), classes))


def _node(net: Net, cell: Cell, done: dict[int, Tensor | None], number: int) -> Tensor | None:
    """The sum of a node's edges, built when something reads it; ``None`` where it is zero."""
    if number not in done:
        total: Tensor | None = None
        for source, operation in enumerate(cell[number - 1]):
            x = None if operation == "none" else _node(net, cell, done, source)
            if x is not None:
                edge = _edge(net, x, operation)
                total = edge if total is None else net.add(total, edge)
        done[number] = total
    return done[number]


def _edge(net: Net, x: Tensor, operation: str) -> Tensor:
    if operation == ZERO:
        return net.scaled("Mul", x, 0.0)
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return net.pool("AveragePool", x, 3, 1, pad=1)
    return net.conv(net.relu(x), x.shape[1], 1 if operation == "nor_conv_1x1" else 3)


def _reduction(net: Net, x: Tensor, width: int) -> Tensor:
    y = net.conv(net.relu(x), width, 3, 2)
    y = net.conv(net.relu(y), width, 3)
    shortcut = net.conv(net.pool("AveragePool", x, 2, 2), width, bias=False)
    return net.add(shortcut, y)
