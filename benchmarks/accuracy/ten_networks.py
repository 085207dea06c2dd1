"""Networks of NNLQP's ten families with their latencies, from our own table or NNLQP's folder, and how they are split.

``in_domain``: tests are of families that training knows; ``leave_one_out``: a family is the test. A recipe is chosen on rows
that are in no test of its fold: in-domain on a tenth that no seed tests, fitted to the tenths that neither; for a
family that is left out on the rest of its half of the families, fitted to the other half.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import nnlqp_folder
from benchmarks.measure.table import REFERENCE_FAMILY, read
from ledg_export import zoo
from ledg_rt.encoding import GraphEncoding, encode_graph, rebatch
from ledg_rt.graph import Graph
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

SEEDS = (0, 1, 2)
TENTHS = 10
FOLDER_PLATFORM = 1
"""Number of the one platform of NNLQP's unseen structures."""

Float = NDArray[np.float64]
Chosen = NDArray[np.int64]


@dataclass(frozen=True)
class Networks:
    """n networks on one platform: ``families`` [n], ``graphs``, ``log_ms`` [n]; no two are the same graph.

    ``published``: in the order of a published file, whose first nine tenths of a family train.
    """

    families: NDArray[np.str_]
    graphs: Sequence[GraphEncoding]
    log_ms: Float
    published: bool = False

    def __len__(self) -> int:
        return len(self.graphs)


@dataclass(frozen=True)
class Fold:
    """Rows: ``test`` is told by what learned from ``train``; its recipe, by fits to ``fit``, is the best on ``held``.

    ``family``: the one that is left out, "" in-domain.
    """

    family: str
    train: Chosen
    test: Chosen
    fit: Chosen
    held: Chosen


def measured(path: Path, template: str = "rich") -> Networks:
    """Our own table, its nodes in the words of a template of ``ledg_rt.language``."""
    rows = [row for row in read(path) if row.family != REFERENCE_FAMILY]
    graphs = [read_graph(zoo.build(row.graph_id).SerializeToString()) for row in rows]
    latencies = [row.latency_ms for row in rows]
    return _different([row.family for row in rows], graphs, latencies, [1] * len(rows), template=template)


def official(folder: Path) -> Networks:
    """NNLQP's ``unseen_structure`` as published.

    Raises:
        LedgError: there is no such folder.
    """
    rows = [row for row in nnlqp_folder.read(folder) if row.platform == FOLDER_PLATFORM]
    graphs = [read_graph(row.path) for row in rows]
    told = [row.latency_ms for row in rows], [row.batch for row in rows]
    return _different([row.family for row in rows], graphs, *told, published=True)


def _different(
    families: Sequence[str], graphs: Sequence[Graph], latencies: Sequence[float], batches: Sequence[int],
    published: bool = False, template: str = "rich",
) -> Networks:  # fmt: skip
    """Each graph once: the first row that has it."""
    first = {graph_sha256(graph): at for at, graph in reversed(list(enumerate(graphs)))}
    kept = sorted(first.values())
    encoded = [encode_graph(graphs[at], template) for at in kept]
    at_batch = [
        encoding if encoding.batch == batches[at] else rebatch(encoding, batches[at])
        for at, encoding in zip(kept, encoded, strict=True)
    ]
    return Networks(
        np.array(families)[kept], at_batch, np.log(np.array(latencies, dtype=np.float64)[kept]), published
    )  # fmt: skip


def in_domain(networks: Networks, seed: int) -> Fold:
    """A tenth of each family is the test: the last one of a published file, else another one for each seed."""
    tenth = _tenths(networks)
    tested, held = (TENTHS - 1, TENTHS - 2) if networks.published else (seed, TENTHS - 1)
    tests = {tested} if networks.published else set(SEEDS)
    fit = ~np.isin(tenth, [*tests, held])
    return Fold("", *map(np.flatnonzero, (tenth != tested, tenth == tested, fit, tenth == held)))


def _tenths(networks: Networks) -> Chosen:
    """Which tenth of its family each row is in: in file order where that is published, else drawn once."""
    tenth = np.zeros(len(networks), dtype=np.int64)
    rng = np.random.default_rng(0)
    for family in np.unique(networks.families):
        rows = np.flatnonzero(networks.families == family)
        if not networks.published:
            rows = rng.permutation(rows)
        tenth[rows] = np.arange(len(rows)) * TENTHS // len(rows)
    return tenth


def leave_one_out(networks: Networks) -> Iterator[Fold]:
    """A fold a family."""
    names = np.unique(networks.families)
    for at, family in enumerate(names):
        test = networks.families == family
        half = np.isin(networks.families, names[at % 2 :: 2])
        yield Fold(str(family), *map(np.flatnonzero, (~test, test, ~half, half & ~test)))
