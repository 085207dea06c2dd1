"""Samples to padded tensors: graphs of similar size together, each with many of its platforms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ledg_export.corpora.sample import Sample
from ledg_export.model import LedgConfig, LedgFormer
from ledg_rt.encoding import KEY_LEVELS, GraphEncoding, encode_platform, platform_keys, rebatch
from ledg_rt.platforms import resolve
from ledg_rt.platforms.device import Platform

SOURCE_POWER = 0.25
"""A source of n samples gets a share of the visits in proportion to n ** SOURCE_POWER."""

PAIRS = 24
"""Platforms crossed with a graph in one visit."""

DEPTHS = (0.3, 0.05, 0.1, 0.1, 0.1, 0.35)
"""Chances that training shows none of the names of a platform, one, ... all; see ``platform_keys``."""


def spoken_variants(platform: Platform) -> tuple[Platform, ...]:
    """The platform as users may write it: in full, without the product's name, without the version."""
    nameless = replace(platform, name=None)
    runtime = (platform.runtime or "").rstrip("0123456789.").rstrip("-") or None
    return platform, nameless, replace(platform, runtime=runtime), replace(nameless, runtime=runtime)


class Vocabulary:
    """Sentence vectors of a corpus, by index."""

    def __init__(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self.index = {sentence: at for at, sentence in enumerate(vectors)}
        self.vectors = torch.from_numpy(np.stack(list(vectors.values())).astype(np.float32))

    def extended(self, other: Vocabulary) -> Vocabulary:
        """With the sentences of ``other`` as well."""
        return Vocabulary({**self._rows(), **other._rows()})

    def _rows(self) -> dict[str, NDArray[np.float32]]:
        return {sentence: self.vectors[at].numpy() for sentence, at in self.index.items()}


@dataclass(frozen=True)
class Visit:
    """One graph at one batch size with its measurements (positions in the platform list, log ms)."""

    graph_id: str
    batch: int
    source: str
    platforms: NDArray[np.int64]
    log_ms: NDArray[np.float32]


class LatencyData(torch.utils.data.Dataset[Visit]):
    """The training view of samples: one item a (graph, batch, source)."""

    def __init__(self, samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> None:
        self.graphs = graphs
        self.platform_ids = sorted({sample.platform for sample in samples})
        position = {platform: at for at, platform in enumerate(self.platform_ids)}
        grouped: dict[tuple[str, int, str], list[tuple[int, float]]] = defaultdict(list)
        for sample in samples:
            key = (sample.graph_id, sample.batch, sample.source)
            grouped[key].append((position[sample.platform], np.log(sample.latency_ms)))
        self.visits = [
            Visit(*key, np.array([at for at, _ in pairs], dtype=np.int64), np.array([y for _, y in pairs], dtype=np.float32))
            for key, pairs in sorted(grouped.items())
        ]  # fmt: skip

    @classmethod
    def of(cls, visits: list[Visit], whole: LatencyData) -> LatencyData:
        """Some visits of ``whole``, with its platform list."""
        part = cls((), whole.graphs)
        part.platform_ids, part.visits = whole.platform_ids, visits
        return part

    def __len__(self) -> int:
        return len(self.visits)

    def __getitem__(self, index: int) -> Visit:
        return self.visits[index]

    def nodes(self, index: int) -> int:
        """Size of the graph of an item, for bucketing."""
        return len(self.graphs[self.visits[index].graph_id].text)

    def keys(self) -> list[str]:
        """Every name of the platforms of ``visits`` that a model can remember; see ``platform_keys``."""
        used = np.unique(np.concatenate([visit.platforms for visit in self.visits]))
        return sorted({key for at in used for key in platform_keys(resolve(self.platform_ids[at]))})

    def sentences(self) -> list[str]:
        """Every sentence that training can meet: of the graphs and of all variants of the platforms."""
        found = {sentence for visit in self.visits for sentence in self.graphs[visit.graph_id].sentences}
        for platform in self.platform_ids:
            for variant in spoken_variants(resolve(platform)):
                found.update(encode_platform(variant).sentences)
        return sorted(found)


class BucketSampler(torch.utils.data.Sampler[list[int]]):
    """Batches of graphs of similar size, at most ``budget`` padded nodes; sources mixed by weight."""

    def __init__(self, data: LatencyData, visits: int, budget: int, seed: int) -> None:
        self.data, self.visits, self.budget, self.seed, self.epoch = data, visits, budget, seed, 0
        samples: dict[str, int] = defaultdict(int)
        for visit in data.visits:
            samples[visit.source] += len(visit.platforms)
        share = {source: count**SOURCE_POWER for source, count in samples.items()}
        weight = np.array([np.sqrt(len(visit.platforms)) for visit in data.visits])
        sources = np.array([visit.source for visit in data.visits])
        for source in share:
            here = sources == source
            weight[here] *= share[source] / sum(share.values()) / weight[here].sum()
        self.weight = weight / weight.sum()
        self.sizes = np.array([data.nodes(index) for index in range(len(data))])

    def set_epoch(self, epoch: int) -> None:
        """Another draw for another epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._batches())

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        self.epoch += 1
        return iter(batches)

    def _batches(self) -> list[list[int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        drawn = rng.choice(len(self.weight), self.visits, p=self.weight)
        drawn = drawn[np.argsort(self.sizes[drawn] * rng.uniform(0.9, 1.1, len(drawn)), kind="stable")]
        batches: list[list[int]] = [[]]
        for index in map(int, drawn):
            largest = max(self.sizes[index], max((self.sizes[other] for other in batches[-1]), default=0))
            if batches[-1] and largest * (len(batches[-1]) + 1) > self.budget:
                batches.append([])
            batches[-1].append(index)
        rng.shuffle(batches)  # type: ignore[arg-type]
        return batches


class Collator:
    """Visits to the tensors of ``LedgFormer.forward``. ``training`` draws platforms and their wording."""

    def __init__(
        self, data: LatencyData, vocabulary: Vocabulary, config: LedgConfig, training: bool, seed: int = 0
    ) -> None:
        self.data, self.vocabulary, self.training = data, vocabulary, training
        self.rng = np.random.default_rng(seed)
        self.platforms = [
            [encode_platform(variant, config.template) for variant in spoken_variants(resolve(platform))]
            for platform in data.platform_ids
        ]
        known = {key: 1 + at for at, key in enumerate(config.known)}
        self.keys = np.zeros((len(self.platforms), KEY_LEVELS), dtype=np.int64)
        for at, (in_full, *_) in enumerate(self.platforms):
            for level, key in enumerate(in_full.keys):
                self.keys[at, level] = known.get(key, 0)

    def __call__(self, visits: Sequence[Visit]) -> dict[str, Any]:
        """The padded batch of some visits."""
        encodings = [self._encoding(visit) for visit in visits]
        pairs = [self._pairs(visit) for visit in visits]
        wanted: NDArray[np.int64] = np.unique(
            np.concatenate([visit.platforms[chosen] for visit, chosen in zip(visits, pairs, strict=True)])
        )
        here = {int(platform): at for at, platform in enumerate(wanted)}
        tensors = pack_graphs(encodings, self.vocabulary)
        depths = [self._depth() for _ in wanted]
        variants = [
            self.platforms[at][self._variant(depth)] for at, depth in zip(wanted, depths, strict=True)
        ]
        index = self.vocabulary.index
        tensors["platform_text"] = self.vocabulary.vectors[
            torch.tensor([[index[sentence] for sentence in variant.sentences] for variant in variants])
        ]
        tensors["platform_numeric"] = torch.from_numpy(np.stack([variant.numeric for variant in variants]))
        keys = self.keys[wanted] * (np.arange(KEY_LEVELS) < np.array(depths)[:, None])
        tensors["platform_keys"] = torch.from_numpy(keys)
        tensors["pair_graph"] = torch.tensor([at for at, chosen in enumerate(pairs) for _ in chosen])
        tensors["pair_platform"] = torch.tensor(
            [
                here[int(visit.platforms[row])]
                for visit, chosen in zip(visits, pairs, strict=True)
                for row in chosen
            ]
        )
        labels = np.concatenate([visit.log_ms[chosen] for visit, chosen in zip(visits, pairs, strict=True)])
        tensors["labels"] = torch.from_numpy(labels)
        return tensors

    def _encoding(self, visit: Visit) -> GraphEncoding:
        encoding = self.data.graphs[visit.graph_id]
        return encoding if visit.batch == encoding.batch else rebatch(encoding, visit.batch)

    def _pairs(self, visit: Visit) -> NDArray[np.int64]:
        count = len(visit.platforms)
        if not self.training or count <= PAIRS:
            return np.arange(count)
        return self.rng.choice(count, PAIRS, replace=False)

    def _depth(self) -> int:
        """How many of the names of a platform the model may remember in this batch."""
        return int(self.rng.choice(KEY_LEVELS + 1, p=DEPTHS)) if self.training else KEY_LEVELS

    def _variant(self, depth: int) -> int:
        """Wording; a stranger to the model is often one without a name too."""
        if not self.training:
            return 0
        return int(self.rng.choice(4, p=(0.3, 0.4, 0.1, 0.2) if depth == 0 else (0.55, 0.15, 0.15, 0.15)))


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


@torch.no_grad()
def predict(model: LedgFormer, vocabulary: Vocabulary, data: LatencyData) -> np.ndarray[Any, Any]:
    """Predictions for every pair of ``data`` in the order of its visits: float64 [pairs, 2].

    Columns: natural log of milliseconds, log of the spread (scale of a Laplace distribution).
    """
    model.eval()
    collate = Collator(data, vocabulary, model.config, training=False)
    rows = []
    for visit in data.visits:
        out = model(**collate([visit]))
        rows.append(torch.stack([out["log_ms"], out["log_spread"]], -1).double().numpy())
    return np.concatenate(rows)
