"""Samples to padded tensors: graphs of similar size together, each with many of its platforms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.graph_store import GraphStore
from ledg_export.model import LedgFormer
from ledg_export.order import better
from ledg_export.packing import EncodedGraphs, Graphs, Vocabulary
from ledg_rt.encoding import KEY_LEVELS, GraphEncoding, encode_platform, platform_keys
from ledg_rt.kinship import Kin
from ledg_rt.platforms import resolve
from ledg_rt.platforms.device import Platform
from ledg_rt.rates import NOTHING, Rates

SOURCE_POWER = 0.25
"""A source of n samples gets a share of the visits in proportion to n ** SOURCE_POWER."""

PAIRS = 24
"""Platforms crossed with a graph in one visit."""

MANY_CLASSES = 500
"""A family of more isomorphism classes than these is a search space and not split as one."""

ORDERED_PLATFORMS = 12
"""Platforms of a batch whose twins have to be in order; see ``order``."""
ORDERED_KNOWN = 0.6
"""Share of these platforms that the model may remember by all of their names; the others are strangers."""

PREDICTED_AT_ONCE = 4_000
"""Padded nodes that ``predict`` takes together."""

DEPTHS = (0.15, 0.05, 0.1, 0.1, 0.1, 0.5)
"""Chances that training shows none of the names of a platform, one, ... all; see ``platform_keys``."""


def spoken_variants(platform: Platform) -> tuple[Platform, ...]:
    """The platform as users may write it: in full, without the product's name, without the version."""
    nameless = replace(platform, name=None)
    runtime = (platform.runtime or "").rstrip("0123456789.").rstrip("-") or None
    return platform, nameless, replace(platform, runtime=runtime), replace(nameless, runtime=runtime)


@dataclass(frozen=True)
class Visit:
    """One graph at one batch size with its measurements (positions in the platform list, log ms) of any source.

    ``group``: what folds must not split, its family; its isomorphism class where a family has many.
    """

    graph_id: str
    batch: int
    group: str
    sources: NDArray[np.str_]
    platforms: NDArray[np.int64]
    log_ms: NDArray[np.float32]


def groups_of(samples: Sequence[Sample]) -> dict[str, str]:
    """The ``group`` of each graph: see ``Visit``."""
    classes: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        classes[sample.family].add(sample.isomorphism)
    return {
        sample.graph_id: sample.isomorphism if len(classes[sample.family]) > MANY_CLASSES else sample.family
        for sample in samples
    }


class LatencyData(torch.utils.data.Dataset[Visit]):
    """The training view of samples: one item a graph and batch size."""

    def __init__(self, samples: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> None:
        self.graphs = GraphStore.of(graphs)
        self.platform_ids = sorted({sample.platform for sample in samples})
        position = {platform: at for at, platform in enumerate(self.platform_ids)}
        grouped: dict[tuple[str, int], list[Sample]] = defaultdict(list)
        for sample in samples:
            grouped[sample.graph_id, sample.batch].append(sample)
        groups = groups_of(samples)
        self.visits = [
            Visit(
                *key, groups[key[0]], np.array([sample.source for sample in found]),
                np.array([position[sample.platform] for sample in found], dtype=np.int64),
                np.log(np.array([sample.latency_ms for sample in found])).astype(np.float32),
            )
            for key, found in sorted(grouped.items())
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
        return self.graphs.size(self.visits[index].graph_id)

    def keys(self) -> list[str]:
        """Every name of the platforms of ``visits`` that a model can remember; see ``platform_keys``."""
        return sorted({key for at in self.used() for key in platform_keys(resolve(self.platform_ids[at]))})

    def used(self) -> NDArray[np.int64]:
        """Positions of the platforms that any visit has."""
        found: NDArray[np.int64] = np.unique(np.concatenate([visit.platforms for visit in self.visits]))
        return found

    def sentences(self) -> list[str]:
        """Every sentence that training can meet: of the graphs and of all variants of the platforms."""
        found = self.graphs.sentences({visit.graph_id for visit in self.visits})
        for platform in self.platform_ids:
            for variant in spoken_variants(resolve(platform)):
                found.update(encode_platform(variant).sentences)
        return sorted(found)


class BucketSampler(torch.utils.data.Sampler[list[int]]):
    """Batches of graphs of similar size, at most ``budget`` padded nodes; sources mixed by weight."""

    def __init__(self, data: LatencyData, visits: int, budget: int, seed: int) -> None:
        self.data, self.visits, self.budget, self.seed, self.epoch = data, visits, budget, seed, 0
        owner = np.repeat(np.arange(len(data)), [len(visit.platforms) for visit in data.visits])
        sources, kind = np.unique(
            np.concatenate([visit.sources for visit in data.visits]), return_inverse=True
        )
        # Root of the number of rows of each (visit, source), so that a visit with many rows is no rarer than it should be.
        rows = np.zeros((len(data), len(sources)))
        np.add.at(rows, (owner, kind), 1)
        share = np.bincount(kind) ** SOURCE_POWER
        self.weight = (np.sqrt(rows) / np.sqrt(rows).sum(0)) @ (share / share.sum())
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


@dataclass(frozen=True)
class Spoken:
    """A platform as one batch shows it; ``keys`` are those of its names that the model may remember."""

    sentences: tuple[str, str]
    numeric: NDArray[np.float32]
    keys: NDArray[np.int64]


class Collator:
    """Visits to the tensors of ``LedgFormer.forward``. ``training`` draws platforms and their wording."""

    def __init__(
        self, data: LatencyData, vocabulary: Vocabulary, config: LedgConfig, training: bool, seed: int = 0,
        graphs: Graphs | None = None, rates: Rates = NOTHING, kin: Kin | None = None,
    ) -> None:  # fmt: skip
        self.data, self.vocabulary, self.training, self.rates = data, vocabulary, training, rates
        self.graphs = graphs or EncodedGraphs(data.graphs, vocabulary)
        self.ordered = config.order_weight > 0
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
        self.told = self._told(kin) if kin is not None else None

    def __call__(self, visits: Sequence[Visit]) -> dict[str, Any]:
        """The padded batch of some visits."""
        chosen = [self._pairs(visit) for visit in visits]
        drawn = [visit.platforms[rows] for visit, rows in zip(visits, chosen, strict=True)]
        wanted: NDArray[np.int64] = np.unique(np.concatenate(drawn))
        depths = np.array([self._depth() for _ in wanted])
        platforms = [self._spoken(at, depth) for at, depth in zip(wanted, depths, strict=True)]
        here = {int(platform): at for at, platform in enumerate(wanted)}
        pairs = [(at, here[int(platform)]) for at, found in enumerate(drawn) for platform in found]
        labels = [visit.log_ms[rows] for visit, rows in zip(visits, chosen, strict=True)]
        twins = self.graphs.twins(visits, self.rng) if self.training and self.ordered else []
        order = self._ordered(twins, len(visits), platforms, pairs, wanted) if twins else []
        tensors: dict[str, Any] = self.graphs.pack(visits, [twin for _, twin in twins])
        described = self._described(platforms)
        tensors["platform_text"], tensors["platform_numeric"], tensors["platform_keys"] = described
        tensors["plain_platforms"] = torch.arange(len(platforms)) >= len(wanted)
        tensors["pair_graph"], tensors["pair_platform"] = torch.tensor(pairs).T
        tensors["order"] = torch.tensor(order, dtype=torch.long).reshape(-1, 2).T
        tensors["labels"] = torch.from_numpy(np.concatenate(labels))
        if self.told is not None:
            tensors["vectors"], tensors["platform_numeric"] = (
                part[torch.from_numpy(wanted)] for part in self.told
            )
        if self.rates.names:
            tensors["rates"] = self._rates(visits, tensors["present"].shape[1])
        return tensors

    def _told(self, kin: Kin) -> tuple[Tensor, Tensor]:
        """Vectors [P, members, platform_width] and numbers [P, PLATFORM_FEATURES] of all platforms under all of their names."""
        encoded = [variants[0] for variants in self.platforms]
        rows = [self.vocabulary.index[platform.sentences[0]] for platform in encoded]
        words = self.vocabulary.vectors[rows].numpy()
        found = [kin.tell(platform, row) for platform, row in zip(encoded, words, strict=True)]
        return (
            torch.from_numpy(np.stack([told.vectors for told in found])), torch.from_numpy(np.stack([told.numeric for told in found])),
        )  # fmt: skip

    def _rates(self, visits: Sequence[Visit], nodes: int) -> Tensor:
        """Rates of the nodes of all pairs, [Q, nodes]; platforms under all of their names."""
        encoded = EncodedGraphs(self.data.graphs, self.vocabulary)
        found = []
        for visit in visits:
            platforms = [self.platforms[at][0] for at in visit.platforms]
            own = torch.from_numpy(self.rates.log_rates(encoded.encoding(visit), platforms))
            found.append(F.pad(own, (0, nodes - own.shape[1])))
        return torch.cat(found)

    def tensors_of(self, platforms: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Text, numeric, keys of ``PlatformEncoder.forward``: in full, with all of their names."""
        return self._described([self._spoken(int(at), KEY_LEVELS, 0) for at in platforms])

    def _described(self, platforms: Sequence[Spoken]) -> tuple[Tensor, Tensor, Tensor]:
        index = self.vocabulary.index
        rows = [[index[sentence] for sentence in platform.sentences] for platform in platforms]
        return (
            self.vocabulary.vectors[torch.tensor(rows)],
            torch.from_numpy(np.stack([platform.numeric for platform in platforms])),
            torch.from_numpy(np.stack([platform.keys for platform in platforms])),
        )

    def _ordered(
        self, twins: Sequence[tuple[int, Any]], visits: int, platforms: list[Spoken], pairs: list[tuple[int, int]],
        wanted: NDArray[np.int64],
    ) -> list[tuple[int, int]]:  # fmt: skip
        """Append pairs of twins of graphs and platforms, without labels: (fast, slow), positions in ``pairs``."""
        drawn = self.rng.choice(wanted, ORDERED_PLATFORMS)
        plain = [self._spoken(at, KEY_LEVELS if self.rng.random() < ORDERED_KNOWN else 0, 0) for at in drawn]
        raised = better(np.stack([platform.numeric for platform in plain]), self.rng)
        start = len(platforms)
        platforms += plain + [
            replace(platform, numeric=row) for platform, row in zip(plain, raised, strict=True)
        ]
        order = []
        for twin, (at, _) in enumerate(twins, visits):
            for platform in range(start, start + ORDERED_PLATFORMS):
                slow = len(pairs)
                pairs += [(at, platform), (at, platform + ORDERED_PLATFORMS), (twin, platform)]
                order += [(slow + 1, slow), (slow, slow + 2)]
        return order

    def _spoken(self, at: int, depth: int, variant: int | None = None) -> Spoken:
        """A platform in some wording, with the first ``depth`` of its names."""
        encoding = self.platforms[at][self._variant(depth) if variant is None else variant]
        return Spoken(encoding.sentences, encoding.numeric, self.keys[at] * (np.arange(KEY_LEVELS) < depth))

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


@torch.no_grad()
def predict(
    model: LedgFormer, vocabulary: Vocabulary, data: LatencyData, graphs: Graphs | None = None
) -> np.ndarray[Any, Any]:
    """Predictions for every pair of ``data`` in the order of its visits: float64 [pairs, 2].

    Columns: natural log of milliseconds, log of the spread (scale of a Laplace distribution).
    """
    model.eval()
    collate = Collator(
        data, vocabulary, model.config, training=False, graphs=graphs, rates=model.rates, kin=model.kin
    )
    rows, waiting, largest = [], [], 0
    for at, visit in enumerate(data.visits):
        waiting.append(visit)
        largest = max(largest, data.nodes(at))
        if largest * len(waiting) > PREDICTED_AT_ONCE or at + 1 == len(data):
            out = model(**collate(waiting))
            rows.append(torch.stack([out["log_ms"], out["log_spread"]], -1).double().numpy())
            waiting, largest = [], 0
    return np.concatenate(rows)
