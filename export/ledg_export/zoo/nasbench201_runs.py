"""Which edges of a NAS-Bench-201 cell a runtime runs: ``none`` edges and what depends on them alone.

A converter knows some zeros and not others. Each way below is that of columns whose identical graphs agree within the
noise of the source under it and not under the others (``benchmarks.accuracy.nasbench201_identity``). A ``none`` edge
that is run is a product with 0 here, or a ``skip_connect`` where the 0 went into the weights of the convolution before
it, which runs all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Cell = tuple[tuple[str, ...], ...]
"""``cell[i][j]``: the operation on the edge from node ``j`` to node ``i + 1``."""

ZERO = "zero"
"""An edge that is a product with 0; beside the operations of the benchmark."""

_NONE = "none"
_SKIP = "skip_connect"
_CONVOLUTIONS = ("nor_conv_1x1", "nor_conv_3x3")


def executed(cell: Cell, way: str) -> Cell:
    """The cell with ``ZERO`` or ``skip_connect`` in place of each ``none`` edge that is run.

    ``way``: one of ``WAYS``. Edges that stay ``none`` are not run, nor is what nothing reads then.
    """
    return WAYS[way](cell)


def _lean(cell: Cell) -> Cell:
    return cell


def _eager(cell: Cell) -> Cell:
    return tuple(tuple(ZERO if op == _NONE else op for op in node) for node in cell)


def _summed(cell: Cell) -> Cell:
    """A ``none`` that begins a sum is run (TensorRT on a Jetson TX2); nothing is where the output is zero."""
    if not _reaches(cell):
        return cell
    return tuple((ZERO if node[0] == _NONE else node[0], *node[1:]) for node in cell)


def _kept(cell: Cell) -> Cell:
    """Only a convolution times 0 that is all there is to the second node is run (TFLite on Adreno, OpenVINO).

    Behind a skip or a pool no such node was measured; it is taken for nothing.
    """
    ((first,), (input_2, first_2), third) = cell
    if first in _CONVOLUTIONS and input_2 == first_2 == _NONE:
        return (first,), (_NONE, ZERO), third
    return cell


def _folded(cell: Cell) -> Cell:
    """A 0 goes into the weights of the convolution before it (TFLite on a Pixel 3's CPU).

    So where the convolution alone makes the node, and where it is the first node, where no operation reads it.
    Convolutions and pooling of zeros are run; zeros are not added.
    """
    ((first,), (input_2, first_2), (input_3, first_3, second_3)) = cell
    zero = first == _NONE
    if zero and first_2 == _SKIP:
        first_2 = _NONE
    if zero and first_3 == _SKIP:
        first_3 = _NONE
    terms = [op for op in (input_2, first_2) if op != _NONE]
    unread = first in _CONVOLUTIONS and first_2 == first_3 == _NONE
    same = first in _CONVOLUTIONS and (input_2, first_2) == (_NONE, _SKIP)
    alive = second_3 != _NONE
    if not alive and len(terms) == 1 and terms[0] in _CONVOLUTIONS and not unread:
        second_3 = _SKIP
    if unread and (alive or not terms):
        first_2, first_3 = _SKIP, _SKIP
        terms = terms or [_SKIP]
    elif same and not alive and first_3 == _NONE:
        first_3 = _SKIP
    if not terms:
        input_2, second_3 = ZERO, _NONE if second_3 == _SKIP else second_3
    return (ZERO if zero else first,), (input_2, first_2), (input_3, first_3, second_3)


def _reaches(cell: Cell) -> bool:
    """Whether a path without ``none`` leads from the input to the output."""
    reached = [True]
    for node in cell:
        reached.append(any(op != _NONE and reached[source] for source, op in enumerate(node)))
    return reached[-1]


WAYS: Mapping[str, Callable[[Cell], Cell]] = {
    "": _lean, "eager": _eager, "summed": _summed, "kept": _kept, "folded": _folded,
}  # fmt: skip
"""Name of a way -> what it makes of a cell; the first is what computes something, and nothing else."""
