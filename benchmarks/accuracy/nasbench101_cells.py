"""NAS-Bench-101 (Ying et al., ICML 2019) as a ``CellSpace``, and EC-NAS-Bench, which measured its smaller cells anew.

``nasbench_only108.tfrecord`` (https://github.com/google-research/nasbench) holds a JSON list a run: hash of the cell,
epochs, adjacency as digits row by row, operations, and metrics as a protocol buffer in base64.
"""

from __future__ import annotations

import base64
import csv
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from benchmarks.accuracy.cell_space import (
    CONV1,
    CONV3,
    INPUT,
    MAXIMUM,
    OUTPUT,
    Cell,
    CellSpace,
    pruned,
    space_of,
)

EPOCHS = 108
DATASET = "cifar10"
_KINDS = {
    "input": INPUT, "output": OUTPUT, "conv1x1-bn-relu": CONV1, "conv3x3-bn-relu": CONV3, "maxpool3x3": MAXIMUM,
}  # fmt: skip


@dataclass
class _Runs:
    """A cell and the accuracies of its runs, in percent."""

    cell: Cell
    validation: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)


def load(path: Path, epochs: int = EPOCHS) -> CellSpace:
    """The official file at ``path``; labels are the validation accuracy of the first of the runs, truth the mean of test.

    One run is what a search would have paid for.

    Raises:
        ValueError: the file is cut off, or holds no run of ``epochs``.

    """
    metrics = _metrics()
    found: dict[str, _Runs] = {}
    for record in records(path):
        name, run_epochs, digits, operations, raw = json.loads(record)
        if run_epochs != epochs:
            continue
        runs = found.setdefault(name, _Runs(cell_of(_matrix(digits), operations.split(","))))
        final = metrics.FromString(base64.b64decode(raw)).evaluation_data[-1]
        runs.validation.append(100 * final.validation_accuracy)
        runs.test.append(100 * final.test_accuracy)
    return _space("nasbench101", found, f"{path} holds no run of {epochs} epochs")


def load_ec_nas(data: Path) -> CellSpace:
    """The 2,532 cells of at most five nodes below the data root, trained for four epochs."""
    found: dict[str, _Runs] = {}
    path = data / "ec_nas" / "ec_nas_nb101_subspace.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            cell = cell_of(json.loads(row["adj"]), json.loads(row["ops"]))
            runs = found.setdefault(row["hash"], _Runs(cell))
            runs.validation.append(100 * float(row["val_acc"]))
            runs.test.append(100 * float(row["test_acc"]))
    return _space("ec_nas", found, f"{path} is empty")


def _space(name: str, found: dict[str, _Runs], otherwise: str) -> CellSpace:
    if not found:
        raise ValueError(otherwise)
    runs = list(found.values())
    return space_of(
        name, [item.cell for item in runs], list(found), {DATASET: [item.validation[0] for item in runs]},
        {DATASET: [sum(item.test) / len(item.test) for item in runs]},
    )  # fmt: skip


def cell_of(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Cell:
    """The cell of an upper triangular ``matrix`` (a row's node feeds a column's) and its ``operations``."""
    edges = [(a, b) for a, row in enumerate(matrix) for b, there in enumerate(row) if there]
    return pruned([_KINDS[name] for name in operations], edges, range(len(operations)))


def records(path: Path) -> Iterator[bytes]:
    """The records of a TFRecord file: length (8 bytes), its checksum (4), data, checksum (4); checksums are not checked.

    Raises:
        ValueError: the file ends within a record.

    """
    with path.open("rb") as stream:
        while head := stream.read(12):
            size = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
            body = stream.read(size + 4)
            if len(head) < 12 or len(body) < size + 4:
                raise ValueError(f"{path} ends within a record")
            yield body[:size]


def _matrix(digits: str) -> list[list[int]]:
    size = round(len(digits) ** 0.5)
    return [[int(digit) for digit in digits[row * size : (row + 1) * size]] for row in range(size)]


def _metrics() -> type:
    """``ModelMetrics`` of ``nasbench/lib/model_metrics.proto``, as far as it is read here."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="model_metrics.proto", package="nasbench", syntax="proto2")
    data = file.message_type.add(name="EvaluationData")
    for number, name in ((4, "validation_accuracy"), (5, "test_accuracy")):
        data.field.add(name=name, number=number, type=kinds.TYPE_DOUBLE, label=kinds.LABEL_OPTIONAL)
    whole = file.message_type.add(name="ModelMetrics")
    whole.field.add(
        name="evaluation_data", number=1, type=kinds.TYPE_MESSAGE, type_name=".nasbench.EvaluationData",
        label=kinds.LABEL_REPEATED,
    )  # fmt: skip
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("nasbench.ModelMetrics"))
