"""Encoded graphs on disk and in memory: parts of some hundred graphs in which each distinct node is stored once.

The cells of a search space repeat a few hundred nodes some million times, so a node is an index into the distinct
rows of its part, and neighbour tables keep only what they hold. Encodings are put together when they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import FORMAT, NEIGHBOURS, QUANTITIES, RELATIONS, GraphEncoding


@dataclass(frozen=True, slots=True)
class Part:
    """G graphs with N nodes in all, K of them distinct.

    ``sentences``: the distinct ones, sorted. ``text``: int32 [K], ``quantities``: float64 [K, len(QUANTITIES)] and
    ``traits``: float32 [K, len(TRAITS)] as in ``GraphEncoding``. ``kinds``: int32 [N], row of each node. ``ends``: int64
    [G], end of each graph in ``kinds``. ``counts``: uint8 [N, len(RELATIONS)], neighbours beside the node itself;
    ``neighbours``: unsigned, those neighbours in order. ``cut``, ``batch``: int64 [G]. ``digests``: uint8 [G, 16].
    """

    ids: NDArray[np.str_]
    sentences: NDArray[np.str_]
    text: NDArray[np.int32]
    quantities: NDArray[np.float64]
    traits: NDArray[np.float32]
    kinds: NDArray[np.int32]
    ends: NDArray[np.int64]
    counts: NDArray[np.uint8]
    neighbours: NDArray[np.unsignedinteger[Any]]
    cut: NDArray[np.int64]
    batch: NDArray[np.int64]
    digests: NDArray[np.uint8]

    @classmethod
    def of(cls, graphs: Mapping[str, GraphEncoding]) -> Part:
        """Pack encodings; the sentences of all graphs share one list."""
        encodings = list(graphs.values())
        sentences = sorted({sentence for encoding in encodings for sentence in encoding.sentences})
        at = {sentence: index for index, sentence in enumerate(sentences)}
        texts = [
            np.array([at[sentence] for sentence in encoding.sentences], dtype=np.int32)[encoding.text]
            for encoding in encodings
        ]
        nodes = np.column_stack(
            [
                np.concatenate(texts),
                np.concatenate([encoding.quantities for encoding in encodings]),
                np.concatenate([encoding.traits for encoding in encodings]),
            ]
        )
        rows, kinds = np.unique(nodes, axis=0, return_inverse=True)
        others = np.concatenate([encoding.neighbours for encoding in encodings])[:, :, 1:]
        kept = others[others >= 0]
        return cls(
            ids=np.array(list(graphs)), sentences=np.array(sentences), text=rows[:, 0].astype(np.int32),
            quantities=rows[:, 1 : 1 + len(QUANTITIES)], traits=rows[:, 1 + len(QUANTITIES) :].astype(np.float32),
            kinds=kinds.reshape(-1).astype(np.int32), ends=np.cumsum([len(encoding.text) for encoding in encodings]),
            counts=(others >= 0).sum(-1).astype(np.uint8),
            neighbours=kept.astype(np.min_scalar_type(int(kept.max(initial=0)))),
            cut=np.array([encoding.cut for encoding in encodings]),
            batch=np.array([encoding.batch for encoding in encodings]),
            digests=np.array([_digest(encoding) for encoding in encodings], dtype=np.uint8),
        )  # fmt: skip

    @classmethod
    def read(cls, path: Path) -> Part | None:
        """The part in a file; None where it is of another encoding format, so that it is built again."""
        with np.load(path, allow_pickle=False) as file:
            if int(file["format"]) != FORMAT:
                return None
            return cls(**{name: file[name] for name in cls.__slots__})

    def write(self, path: Path) -> None:
        """Write the file, all of it or nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as stream:
            arrays: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
            np.savez_compressed(stream, format=np.array(FORMAT), **arrays)
        temporary.replace(path)


def _digest(encoding: GraphEncoding) -> list[int]:
    """16 bytes that are equal for graphs with equal encodings."""
    state = blake2b(digest_size=16)
    state.update("\n".join(encoding.sentences[index] for index in encoding.text).encode())
    for array in (encoding.quantities, encoding.traits, encoding.neighbours):
        state.update(array.tobytes())
    return list(state.digest())


class GraphStore(Mapping[str, GraphEncoding]):
    """Graph id -> encoding, put together on each access."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._place: dict[str, tuple[Part, int]] = {}
        self._offset: dict[int, NDArray[np.int64]] = {}
        for part in parts:
            self._place.update((str(name), (part, at)) for at, name in enumerate(part.ids))
            nodes = np.concatenate([[0], np.cumsum(part.counts.sum(-1, dtype=np.int64))])
            self._offset[id(part)] = nodes[np.concatenate([[0], part.ends])]

    @classmethod
    def of(cls, graphs: Mapping[str, GraphEncoding]) -> GraphStore:
        """A store of ``graphs``, which may be one already."""
        return graphs if isinstance(graphs, GraphStore) else cls([Part.of(graphs)] if graphs else [])

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __contains__(self, graph_id: object) -> bool:
        return graph_id in self._place

    def __getitem__(self, graph_id: str) -> GraphEncoding:
        part, at = self._place[graph_id]
        nodes = self._nodes(part, at)
        kinds, counts = part.kinds[nodes], part.counts[nodes]
        used, text = np.unique(part.text[kinds], return_inverse=True)
        offset = self._offset[id(part)]
        table = np.full((len(kinds), len(RELATIONS), NEIGHBOURS), -1, dtype=np.int32)
        table[:, :, 0] = np.arange(len(kinds))[:, None]
        held = np.arange(NEIGHBOURS - 1) < counts[:, :, None]
        table[:, :, 1:][held] = part.neighbours[offset[at] : offset[at + 1]]
        return GraphEncoding(
            sentences=tuple(map(str, part.sentences[used])), text=text.astype(np.int32),
            quantities=part.quantities[kinds], traits=part.traits[kinds], neighbours=table,
            cut=int(part.cut[at]), batch=int(part.batch[at]),
        )  # fmt: skip

    def size(self, graph_id: str) -> int:
        """Nodes of a graph."""
        nodes = self._nodes(*self._place[graph_id])
        return nodes.stop - nodes.start

    def digest(self, graph_id: str) -> bytes:
        """16 bytes that are equal for graphs with equal encodings."""
        part, at = self._place[graph_id]
        return part.digests[at].tobytes()

    def sentences(self, graph_ids: Iterable[str]) -> set[str]:
        """Every sentence of some graphs."""
        found: set[str] = set()
        rows: dict[int, tuple[Part, list[NDArray[np.int32]]]] = {}
        for graph_id in graph_ids:
            part, at = self._place[graph_id]
            rows.setdefault(id(part), (part, []))[1].append(part.kinds[self._nodes(part, at)])
        for part, kinds in rows.values():
            found.update(map(str, part.sentences[np.unique(part.text[np.unique(np.concatenate(kinds))])]))
        return found

    def part(self, graph_ids: Iterable[str]) -> Part:
        """Some graphs as one part."""
        return Part.of({graph_id: self[graph_id] for graph_id in graph_ids})

    @staticmethod
    def _nodes(part: Part, at: int) -> slice:
        return slice(int(part.ends[at - 1]) if at else 0, int(part.ends[at]))
