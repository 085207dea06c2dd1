"""What training leaves of its platforms for those that it never met: see ``ledg_rt.kinship``.

With everything else fixed, the vectors of the known platforms are the sample of a Gaussian process. What decides their likeness is
chosen by leaving out in turn all platforms of a chip, and all of a stack, and telling them from the rest: in closed form, so it
takes no training. What counts is the latency of some networks with the vector that was told, against that with
the true one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from ledg_export.batches import Collator, LatencyData, Visit
from ledg_export.head import pairs_by_graph
from ledg_export.model import LedgFormer
from ledg_export.packing import EncodedGraphs, StoredGraphs, Vocabulary
from ledg_rt.encoding import PLATFORM_NUMBERS, PLATFORM_TRAITS
from ledg_rt.kinship import NAMES, TERMS, Described, Kin, Pairs, Scales, Units, likeness, pairs, starts, usual
from ledg_rt.platforms import resolve

NETWORKS = 40
"""Networks that latencies are compared on."""
LARGEST = 500
"""Nodes of one of them at most, where there are enough of these."""
DIRECTIONS = 4
"""Of what vectors do to these latencies: their level, and how they differ among networks."""
PLATFORMS_AT_ONCE = 400


@dataclass(frozen=True)
class Search:
    """How scales are looked for. ``stack``: weight of leaving out stacks beside chips; ``shape``: of the directions beside the level;
    ``held``: of squared distances from where the search begins.
    """

    steps: int = 60
    rate: float = 0.08
    stack: float = 0.5
    shape: float = 0.5
    held: float = 1e-3


def fit_kin(
    model: LedgFormer, vocabulary: Vocabulary, data: LatencyData, rng: Generator, search: Search | None = None, *,
    units: type[Units] = Units,
) -> Kin:  # fmt: skip
    """The platforms of ``data`` with the vectors that ``model`` has for them; ``units`` describe them for likeness."""
    model.eval()
    collate = Collator(data, vocabulary, model.config, training=False)
    used = data.used()
    tensors = collate.tensors_of(used)
    encoded = [collate.platforms[at][0] for at in used]
    with torch.no_grad():
        vectors = torch.stack([member.platform_encoder(*tensors) for member in model.members], 1)
    words = tensors[0][:, 0].double().numpy()
    measures = units.of(encoded, words)
    described = measures.describe(encoded, words)
    described = usual(described, described)
    some = _networks(data, rng)
    stored = StoredGraphs(model, EncodedGraphs(data.graphs, vocabulary), some, rng)
    effect = _effect(model, [stored.pack([visit], []) for visit in some], vectors, tensors[1])
    rows = np.bincount(
        np.concatenate([visit.platforms for visit in data.visits]), minlength=len(data.platform_ids)
    )[used]
    chips = [resolve(data.platform_ids[at]).chip or str(at) for at in used]
    stacks = [platform.keys[2] if len(platform.keys) > 2 else at for at, platform in enumerate(encoded)]
    scales = _search(described, effect, rows, chips, stacks, search or Search())
    # As words are kept.
    described = replace(described, words=described.words.astype(np.float32).astype(np.float64))
    own = likeness(scales, pairs(described, described)) + np.diag(_noise(scales, rows))
    flat = np.column_stack([vectors.flatten(1).double().numpy(), starts(tensors[1].numpy())])
    middle = flat.mean(0)
    # As they are kept, so that what training says and what the runtime reads are one.
    weights = np.linalg.solve(own, flat - middle).astype(np.float32).astype(np.float64)
    names = {platform.keys[-1]: at for at, platform in enumerate(encoded) if platform.keys}
    return Kin(names, vectors.numpy(), weights, middle, scales, measures, described)


def _networks(data: LatencyData, rng: Generator) -> list[Visit]:
    """``NETWORKS`` of different groups, small ones first."""
    drawn = {data.visits[at].group: data.visits[at] for at in rng.permutation(len(data))}
    return sorted(drawn.values(), key=lambda visit: data.graphs.size(visit.graph_id) > LARGEST)[:NETWORKS]


@torch.no_grad()
def _effect(
    model: LedgFormer, networks: Sequence[dict[str, Tensor]], vectors: Tensor, numeric: Tensor
) -> Tensor:
    """What the vectors of platforms do to the log latency of networks beside the mean vector, [P, DIRECTIONS] in units of one network."""
    common = vectors.mean(0, keepdim=True).expand_as(vectors)
    columns = [
        _log_ms(model, packed, vectors, numeric) - _log_ms(model, packed, common, numeric)
        for packed in networks
    ]
    effect = torch.stack(columns, 1)
    effect = effect - effect.mean(0)
    *_, directions = torch.linalg.svd(effect, full_matrices=False)
    return effect @ directions[:DIRECTIONS].T / len(networks) ** 0.5


def _log_ms(model: LedgFormer, packed: dict[str, Tensor], vectors: Tensor, numeric: Tensor) -> Tensor:
    """Of one graph on all platforms."""
    found = []
    for start in range(0, len(vectors), PLATFORMS_AT_ONCE):
        here = slice(start, start + PLATFORMS_AT_ONCE)
        pair_graph = torch.zeros(len(vectors[here]), dtype=torch.long)
        by_graph = pairs_by_graph(pair_graph, 1)
        each = [
            member.head(
                packed["states"], packed["work"], packed["present"], vectors[here, at], numeric[here], pair_graph, *by_graph
            )["log_ms"]
            for at, member in enumerate(model.members)
        ]  # fmt: skip
        found.append(torch.stack(each).mean(0))
    return torch.cat(found)


def _search(
    described: Described, effect: Tensor, rows: NDArray[np.int64], chips: Sequence[str], stacks: Sequence[Hashable],
    search: Search,
) -> Scales:  # fmt: skip
    """Scales that tell left-out platforms best."""
    tensors = Pairs(*(torch.from_numpy(part).float() for part in _parts(pairs(described, described))))
    start = _beginning()
    parameters = [torch.from_numpy(part).float().requires_grad_() for part in _parts(start)]
    first = [parameter.detach().clone() for parameter in parameters]
    by_chip, by_stack = _blocks(chips), _blocks(stacks)
    weight = torch.tensor([chips.count(chip) ** -0.5 for chip in chips])
    number = torch.from_numpy(rows).float().clamp(min=1)
    optimizer = torch.optim.Adam(parameters, search.rate)

    def missed(residual: Tensor) -> Tensor:
        shape = (residual[:, 1:] ** 2).sum(1).add(1e-4).sqrt()
        each = residual[:, 0].abs() + search.shape * shape
        return (each * weight).sum() / weight.sum()

    for _ in range(search.steps):
        scales = Scales(*parameters)
        noise = torch.exp(scales.noise)
        own = likeness(scales, tensors, torch) + torch.diag(noise[0] + noise[1] / number)
        inverse = torch.linalg.inv(own)
        told = inverse @ effect
        loss = missed(_left_out(inverse, told, by_chip)) + search.stack * missed(
            _left_out(inverse, told, by_stack)
        )
        for parameter, begun in zip(parameters, first, strict=True):
            loss = loss + search.held * ((parameter - begun) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Scales(*(parameter.detach().double().numpy() for parameter in parameters))


def _left_out(inverse: Tensor, told: Tensor, blocks: Sequence[Tensor]) -> Tensor:
    """True minus told values of each platform, told without those of its block [P, outputs]; ``told``: inverse @ values."""
    found = torch.zeros_like(told)
    for block in blocks:
        small = inverse[block[:, :, None], block[:, None, :]]
        found = found.index_copy(0, block.flatten(), torch.linalg.solve(small, told[block]).flatten(0, 1))
    return found


def _blocks(labels: Sequence[Hashable]) -> list[Tensor]:
    """Positions of equal labels, int64 [blocks, size]: an array for each size."""
    places: dict[Hashable, list[int]] = defaultdict(list)
    for at, label in enumerate(labels):
        places[label].append(at)
    by_size: dict[int, list[list[int]]] = defaultdict(list)
    for block in places.values():
        by_size[len(block)].append(block)
    return [torch.tensor(blocks) for _, blocks in sorted(by_size.items())]


def _beginning() -> Scales:
    """Where the search begins: one wide and one narrow term."""
    count, traits = len(PLATFORM_NUMBERS), len(PLATFORM_TRAITS)
    step = np.arange(TERMS, dtype=np.float64)[:, None]
    return Scales(
        differ=np.repeat([[0.5], [1.0], [1.5], [2.0], [0.5]], traits, axis=1), figures=np.full((TERMS, count), -2.0) + step,
        words=np.full(TERMS, -1.0), size=np.full(TERMS + NAMES + 1, -0.5),
        slope=np.full(count, -2.0), noise=np.array([-4.0, -2.0]),
    )  # fmt: skip


def _noise(scales: Scales, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    noise = np.exp(scales.noise)
    found: NDArray[np.float64] = noise[0] + noise[1] / np.maximum(rows, 1)
    return found


def _parts(table: Any) -> tuple[Any, ...]:
    return tuple(getattr(table, field.name) for field in fields(table))
