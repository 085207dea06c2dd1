"""NAS-Bench-201 (Dong and Yang, arXiv 2001.00326) as a ``CellSpace``: an operation on each of six edges is a node."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy.cell_space import (
    AVERAGE,
    CONV1,
    CONV3,
    INPUT,
    OUTPUT,
    SKIP,
    Cell,
    CellSpace,
    pruned,
    space_of,
)
from ledg_export.corpora.nasbench201 import FAMILY, FOLDER, Cells
from ledg_export.zoo.nasbench201 import parse

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
_KINDS = {"skip_connect": SKIP, "nor_conv_1x1": CONV1, "nor_conv_3x3": CONV3, "avg_pool_3x3": AVERAGE}
_LABELS = {"cifar10": "c10_valid_200ep_naslib", "cifar100": "c100_test_200ep", "ImageNet16-120": "in16_test_200ep"}  # fmt: skip
_TRUTH = {"cifar10": "c10_test_200ep", "cifar100": "c100_test_200ep", "ImageNet16-120": "in16_test_200ep"}


def load(data: Path) -> CellSpace:
    """The 15,625 cells below the data root.

    Labels are the validation accuracy after 200 epochs for CIFAR-10. The table has no such column for the other
    two: there they are the test accuracy, and cells with a known label are not ranked.
    """
    with (data / FOLDER / "nb201_accuracy.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    same = Cells.of(data).representatives

    def column(names: dict[str, str]) -> dict[str, Sequence[float]]:
        return {dataset: [float(row[name]) for row in rows] for dataset, name in names.items()}

    return space_of(
        FAMILY, [cell_of(row["arch_str"]) for row in rows], [same[row["arch_idx"]] for row in rows], column(_LABELS),
        column(_TRUTH), once=frozenset(DATASETS[1:]),
    )  # fmt: skip


def cell_of(text: str) -> Cell:
    """The cell of an architecture string: an operation reads those that end in the node where it begins.

    Raises:
        ValueError: ``text`` is not a cell.

    """
    slots = [
        (source, target, operation)
        for target, operations in enumerate(parse(text), 1)
        for source, operation in enumerate(operations)
    ]
    used = [(place, *slot) for place, slot in enumerate(slots) if slot[2] != "none"]
    last = len(used) + 1
    edges = [(0, at) for at, (_, source, _, _) in enumerate(used, 1) if source == 0]
    edges += [(at, last) for at, (_, _, target, _) in enumerate(used, 1) if target == 3]
    edges += [
        (a, b)
        for a, (_, _, target, _) in enumerate(used, 1)
        for b, (_, source, _, _) in enumerate(used, 1)
        if source == target
    ]
    kinds = [INPUT, *(_KINDS[operation] for *_, operation in used), OUTPUT]
    return pruned(kinds, edges, [-1, *(place for place, *_ in used), -1])
