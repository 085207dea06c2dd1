"""The graphs of a batch as tensors: encoded anew in each step, or their states stored once.

Encoding takes nearly all of a training step, and the encoder never sees a platform. With the states of all graphs
in memory, the head and the platform encoder meet each measurement several times as often in the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ledg_export.order import heavier
from ledg_rt.encoding import GraphEncoding, rebatch

if TYPE_CHECKING:
    from ledg_export.batches import Visit
    from ledg_export.graph_store import GraphStore
    from ledg_export.model import LedgFormer

ORDERED_GRAPHS = 2
"""Graphs of a batch that get a heavier twin where they are encoded anew; see ``order``."""
STORED_TWINS = 8
"""One in so many stored graphs has a twin beside it."""
NODES_AT_ONCE = 4_000
"""Nodes that are encoded together before they are stored."""


class Vocabulary:
    """Sentence vectors of a corpus, by index."""

    def __init__(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self.index = {sentence: at for at, sentence in enumerate(vectors)}
        self.vectors = torch.from_numpy(np.stack(list(vectors.values())).astype(np.float32))


class Graphs(Protocol):
    """What a ``Collator`` asks of the graphs of its visits."""

    def pack(self, visits: Sequence[Visit], twins: Sequence[Any]) -> dict[str, Tensor]:
        """Arguments of ``LedgFormer.forward`` that describe the graphs of ``visits``, then ``twins``."""

    def twins(self, visits: Sequence[Visit], rng: Generator) -> list[tuple[int, Any]]:
        """Positions of some visits and a heavier twin of each, as ``pack`` takes it."""


class EncodedGraphs:
    """Graphs for the encoder."""

    def __init__(self, graphs: GraphStore, vocabulary: Vocabulary) -> None:
        self.graphs, self.vocabulary = graphs, vocabulary

    def pack(self, visits: Sequence[Visit], twins: Sequence[GraphEncoding]) -> dict[str, Tensor]:
        """Graphs in a row: what ``LedgFormer.states`` takes; padded to the largest: work, present."""
        return pack_graphs([*map(self.encoding, visits), *twins], self.vocabulary)

    def twins(self, visits: Sequence[Visit], rng: Generator) -> list[tuple[int, GraphEncoding]]:
        """Twins of ``ORDERED_GRAPHS`` of the visits, drawn anew."""
        drawn = rng.choice(len(visits), ORDERED_GRAPHS)
        return [(int(at), heavier(self.encoding(visits[at]), rng)) for at in drawn]

    def encoding(self, visit: Visit) -> GraphEncoding:
        """The graph of a visit at its batch size."""
        encoding = self.graphs[visit.graph_id]
        return encoding if visit.batch == encoding.batch else rebatch(encoding, visit.batch)


@dataclass(frozen=True, slots=True)
class Stored:
    """A graph at one batch size: ``states`` float16 [N, width], ``work`` float32 [N, 3] as ``Head`` takes them."""

    states: Tensor
    work: Tensor


class StoredGraphs:
    """Graphs whose states are known; two bytes a node and unit of width."""

    def __init__(
        self, model: LedgFormer, encoded: EncodedGraphs, visits: Sequence[Visit], rng: Generator
    ) -> None:
        """Encode the graphs of ``visits``, and a heavier twin of one in ``STORED_TWINS``."""
        self._graphs: dict[tuple[str, int], Stored] = {}
        self._twins: dict[tuple[str, int], Stored] = {}

        waiting: list[tuple[dict[tuple[str, int], Stored], tuple[str, int], GraphEncoding]] = []
        nodes = 0
        for visit in visits:
            key, encoding = (visit.graph_id, visit.batch), encoded.encoding(visit)
            waiting.append((self._graphs, key, encoding))
            if rng.random() * STORED_TWINS < 1:
                waiting.append((self._twins, key, heavier(encoding, rng)))
            nodes += len(encoding.text)
            if nodes > NODES_AT_ONCE:
                _store(model, encoded.vocabulary, waiting)
                waiting, nodes = [], 0
        if waiting:
            _store(model, encoded.vocabulary, waiting)

    def pack(self, visits: Sequence[Visit], twins: Sequence[Stored]) -> dict[str, Tensor]:
        """Padded to the largest: states, work, present."""
        return pack_states([*(self._graphs[visit.graph_id, visit.batch] for visit in visits), *twins])

    def twins(self, visits: Sequence[Visit], rng: Generator) -> list[tuple[int, Stored]]:
        """All twins that there are; ``rng`` is not needed."""
        found = ((at, self._twins.get((visit.graph_id, visit.batch))) for at, visit in enumerate(visits))
        return [(at, twin) for at, twin in found if twin is not None]


def _store(
    model: LedgFormer, vocabulary: Vocabulary, wanted: Sequence[tuple[dict[tuple[str, int], Stored], tuple[str, int], GraphEncoding]]
) -> None:  # fmt: skip
    """Encode graphs together and put each into its table."""
    found = encode_all(model, vocabulary, [encoding for *_, encoding in wanted])
    for (table, key, _), stored in zip(wanted, found, strict=True):
        table[key] = stored


@torch.no_grad()
def encode_all(model: LedgFormer, vocabulary: Vocabulary, graphs: Sequence[GraphEncoding]) -> list[Stored]:
    """Graphs encoded together."""
    tensors = pack_graphs(graphs, vocabulary)
    states = model.states(
        **{name: tensors[name] for name in ("sentence_vectors", "text", "numeric", "edges")}
    )
    parts = states.half().split([len(encoding.text) for encoding in graphs])
    return [
        Stored(part.clone(), torch.from_numpy(encoding.work))
        for part, encoding in zip(parts, graphs, strict=True)
    ]


def pack_states(graphs: Sequence[Stored]) -> dict[str, Tensor]:
    """Padded to the largest: states, work, present of ``LedgFormer.forward``."""
    work = pad_sequence([graph.work for graph in graphs], batch_first=True)
    sizes = torch.tensor([len(graph.work) for graph in graphs])
    return {
        "states": pad_sequence([graph.states for graph in graphs], batch_first=True).float(),
        "work": work, "present": (torch.arange(work.shape[1]) < sizes[:, None]).float(),
    }  # fmt: skip


def pack_graphs(encodings: Sequence[GraphEncoding], vocabulary: Vocabulary) -> dict[str, Any]:
    """Graphs in a row: text, numeric, edges of ``LedgFormer.forward``; padded to the largest: work, present."""
    count, nodes = len(encodings), max(len(encoding.text) for encoding in encodings)
    work = np.zeros((count, nodes, 3), dtype=np.float32)
    present = np.zeros((count, nodes), dtype=np.float32)
    text, edges, start = [], [], 0
    for at, encoding in enumerate(encodings):
        size = len(encoding.text)
        rows = np.array([vocabulary.index[sentence] for sentence in encoding.sentences])
        text.append(rows[encoding.text])
        work[at, :size], present[at, :size] = encoding.work, 1
        node, relation, slot = np.nonzero(encoding.neighbours >= 0)
        edges.append(np.stack([node + start, encoding.neighbours[node, relation, slot] + start, relation]))
        start += size
    return {
        "sentence_vectors": vocabulary.vectors, "text": torch.from_numpy(np.concatenate(text)),
        "numeric": torch.from_numpy(np.concatenate([encoding.numeric for encoding in encodings])),
        "edges": torch.from_numpy(np.concatenate(edges, axis=1)),
        "work": torch.from_numpy(work), "present": torch.from_numpy(present),
    }  # fmt: skip
