"""NNLQP's data set as it is published: a folder with labels and ONNX files, and its two protocols.

Source: Liu et al., NNLQP, ICPP 2022 (ModelTC/NNLQP, release v1.0-data). Below the folder ``unseen_structure`` or
``multi_platform`` there is ``gt.txt``, a line a measurement, ``GraphID OnnxPath BatchSize Latency_ms ModelType PlatformId
[train|test]``, and the files at ``OnnxPath``, from which weights were removed.

``in_domain``: of each family the first nine tenths in file order train, the rest is the test. ``leave_one_out``: one family is
the test, all others train.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ledg_rt.encoding import GraphEncoding, encode_graph, rebatch
from ledg_rt.errors import LedgError
from ledg_rt.reading import read_graph

TRAIN_SHARE = (9, 10)

PLATFORMS: Mapping[int, str] = {
    1: "nvidia-gtx-1660/tensorrt-7.1/fp32", 2: "xeon-gold-6246 openppl fp32 1 thread", 9: "hi3559a nnie int8",
    10: "nvidia-t4/tensorrt-7.1/fp32", 12: "nvidia-t4/tensorrt-7.1/int8", 13: "nvidia-p4/tensorrt-7.1/fp32",
    14: "nvidia-p4/tensorrt-7.1/int8", 16: "hi3519a nnie int8", 18: "atlas 300 acl fp16", 23: "mlu270 neuware int8",
}  # fmt: skip
"""Number of a platform -> id, or words where the catalogue has no such device."""


@dataclass(frozen=True)
class Labelled:
    """A line: ``path`` of an ONNX file, latency in ms of one run of the whole ``batch`` on a platform of ``PLATFORMS``."""

    graph: str
    path: Path
    batch: int
    latency_ms: float
    family: str
    platform: int


def read(folder: Path) -> tuple[Labelled, ...]:
    """The lines of ``folder/gt.txt`` in order, without reading a model.

    Raises:
        LedgError: there is no such file, or a line is not of the form above.
    """
    labels = folder / "gt.txt"
    try:
        lines = labels.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LedgError(
            "no_data", f"{labels}: {error.strerror}", "name the folder that holds gt.txt"
        ) from None
    return tuple(_labelled(folder, labels, at, line) for at, line in enumerate(lines, 1) if line.strip())


def _labelled(folder: Path, labels: Path, at: int, line: str) -> Labelled:
    try:
        graph, path, batch, latency, _, platform, *_ = line.split()
        found = Labelled(graph, folder / path, int(batch), float(latency), _family(path), int(platform))
    except ValueError:
        raise LedgError("no_data", f"{labels}, line {at}: not a label", "see the published gt.txt") from None
    if not found.latency_ms > 0 or found.batch < 1:
        raise LedgError("no_data", f"{labels}, line {at}: no latency of a batch", "see the published gt.txt")
    return found


def _family(path: str) -> str:
    """The folder of the file: ``onnx/nnmeter_alexnet/...`` is ``alexnet``."""
    return PurePosixPath(path).parent.name.removeprefix("nnmeter_")


def in_domain(rows: Sequence[Labelled]) -> tuple[tuple[Labelled, ...], tuple[Labelled, ...]]:
    """Training and test rows."""
    train: list[Labelled] = []
    test: list[Labelled] = []
    for members in _families(rows).values():
        cut = len(members) * TRAIN_SHARE[0] // TRAIN_SHARE[1]
        train += members[:cut]
        test += members[cut:]
    return tuple(train), tuple(test)


def leave_one_out(
    rows: Sequence[Labelled],
) -> Iterator[tuple[str, tuple[Labelled, ...], tuple[Labelled, ...]]]:
    """Name of a family, training and test rows, a family at a time."""
    for family, members in _families(rows).items():
        yield family, tuple(row for row in rows if row.family != family), tuple(members)


def _families(rows: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    """Rows by family, sorted by name, in file order."""
    found: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        found[row.family].append(row)
    return dict(sorted(found.items()))


def encode(row: Labelled) -> GraphEncoding:
    """The graph of a row at its batch.

    Raises:
        ModelError: the file cannot be read.
    """
    encoding = encode_graph(read_graph(row.path))
    return encoding if encoding.batch == row.batch else rebatch(encoding, row.batch)
