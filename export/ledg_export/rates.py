"""Rates after everything else: what the measurements of a name say beyond the model.

With the model fixed, a rate multiplies the cost of nodes, and each node has a known share of the predicted latency. So
what measured latencies say beyond it is a sum with few unknowns, the logarithm of a factor for each trait and name. All
names are fitted together, those of a runtime and those of the platforms that have it, on all rows at once; a
penalty on squares keeps each where the model left it unless its measurements insist. Rates that begin at another size than
the next ones can make a wider network seem faster, so that twins of networks without labels have a price here too (see ``order``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from torch import Tensor

from ledg_export.batches import Collator, LatencyData, Visit
from ledg_export.model import LedgFormer
from ledg_export.order import heavier
from ledg_export.packing import EncodedGraphs, StoredGraphs, Vocabulary, encode_all, pack_states
from ledg_export.refine import batches, drawn
from ledg_rt.encoding import GraphEncoding, rate_names
from ledg_rt.platforms import resolve
from ledg_rt.rates import LARGEST, NODE_TRAITS, Rates, node_traits

ROWS = 1_500
"""Rows of one platform that rates are fitted to."""
LEAST_SHARE = 1e-4
"""Nodes of a kind that have a smaller share of a latency together do not count in it."""
LEAST_RATE = 2e-3
"""Smaller rates are not kept."""
LEAST_PART = 0.05
"""Of a latency, what any rates leave of it in fitting."""
TWINS = 300
"""Networks at most that have a heavier twin, of each source in turn."""
TWIN_PLATFORMS = 150
"""Platforms that twins meet, drawn for each."""


Float = NDArray[np.float64]


@dataclass(frozen=True)
class Penalties:
    """Weights of squared rates beside the sum of absolute errors in log latency, by level of ``rate_names``.

    A name that was measured on g networks has 1 + ``few`` / g times the weight: few networks cannot tell traits apart, and
    the next family mixes them otherwise. ``order``: of what a heavier twin is short of being slower by ``margin``.
    """

    runtime: float = 1.0
    platform: float = 3.0
    few: float = 15.0
    repeats: float = 0.5
    order: float = 3.0
    margin: float = 0.01
    steps: int = 200
    beta: float = 0.03


@dataclass(frozen=True)
class Shares:
    """R rows, each the sum of the shares that U pairs of a platform and a kind of node have in it.

    A kind is the nodes that have the same traits. ``error``: [R], measured minus predicted; ``graph``: int64 [R]. ``row``, ``pair``: int64 [M];
    ``share``: [M], the derivative of the log latency of a row by the rate of a pair. ``traits``: int64 [U, NODE_TRAITS]
    and ``part``: [U, NODE_TRAITS], those of each pair's kind, ``platform``: int64 [U]; in ``trait_names`` and ``platforms``.
    ``twins``: int64 [2, K], rows of a network and of its heavier twin on the same platform: nothing was measured, their ``error`` is minus the
    predicted log latency and their ``graph`` -1.
    """

    trait_names: tuple[str, ...]
    platforms: tuple[str, ...]
    error: NDArray[np.float32]
    graph: NDArray[np.int64]
    row: NDArray[np.int64]
    pair: NDArray[np.int64]
    share: NDArray[np.float32]
    traits: NDArray[np.int64]
    part: NDArray[np.float32]
    platform: NDArray[np.int64]
    twins: NDArray[np.int64]


def fit_rates(
    model: LedgFormer, vocabulary: Vocabulary, data: LatencyData, graphs: StoredGraphs, rng: Generator
) -> Rates:
    """The rates of every name of the platforms of ``data``, for ``model`` as it is without any."""
    return fit(shares_of(model, vocabulary, data, graphs, rng), Penalties())


def fit(shares: Shares, penalties: Penalties) -> Rates:
    """Learn rates from rows: runtime by runtime, each with its platforms. No chance is involved."""
    names = [rate_names(resolve(platform)) for platform in shares.platforms]
    rates: dict[str, dict[str, float]] = defaultdict(dict)
    for runtime in sorted({found[0] for found in names}):
        part = _part(shares, np.array([found[0] == runtime for found in names]))
        if len(part.error):
            problem = _Problem(part, names, penalties)
            found = minimize(
                problem.loss, np.zeros(len(problem.unknowns)), jac=True, method="L-BFGS-B", bounds=[(-LARGEST, LARGEST)] * len(problem.unknowns),
                options={"maxiter": penalties.steps, "maxfun": 2 * penalties.steps},
            )  # fmt: skip
            for (name, trait), rate in zip(problem.unknowns, found.x, strict=True):
                if abs(rate) > LEAST_RATE:
                    rates[name][shares.trait_names[trait]] = float(rate)
    return Rates.of(rates)


def _part(shares: Shares, wanted: NDArray[np.bool_]) -> Shares:
    """The rows of some platforms; ``wanted``: one for each of ``shares.platforms``."""
    pairs = wanted[shares.platform]
    entries = pairs[shares.pair]
    rows, row = np.unique(shares.row[entries], return_inverse=True)
    here = np.isin(shares.twins, rows).all(0)
    return replace(
        shares, error=shares.error[rows], graph=shares.graph[rows], row=row, pair=(np.cumsum(pairs) - 1)[shares.pair[entries]],
        share=shares.share[entries], traits=shares.traits[pairs], part=shares.part[pairs], platform=shares.platform[pairs],
        twins=np.searchsorted(rows, shares.twins[:, here]),
    )  # fmt: skip


class _Problem:
    """What rates leave unexplained, as a function of all that any row has a part in."""

    def __init__(self, shares: Shares, names: Sequence[tuple[str, ...]], penalties: Penalties) -> None:
        self.error, self.penalties, self.twins = shares.error.astype(np.float64), penalties, shares.twins
        _, own, count = np.unique(shares.graph, return_inverse=True, return_counts=True)
        self.weight = count[own].astype(np.float64) ** -penalties.repeats * (shares.graph >= 0)
        width, pairs = len(shares.trait_names), len(shares.platform)
        self.unknowns: list[tuple[str, int]] = []
        parts, held = [], []
        ends = np.arange(0, pairs * NODE_TRAITS + 1, NODE_TRAITS)
        for level, penalty in enumerate((penalties.runtime, penalties.platform)):
            of_level = sorted({found[level] for found in names})
            position = {name: at for at, name in enumerate(of_level)}
            owner = np.array([position[found[level]] for found in names])[shares.platform]
            place = owner[:, None] * width + shares.traits
            used, column = np.unique(place, return_inverse=True)
            self.unknowns += [(of_level[at // width], int(at % width)) for at in used.tolist()]
            parts.append(
                sparse.csr_array((shares.part.ravel(), column.ravel(), ends), shape=(pairs, len(used)))
            )
            networks = _networks(shares, owner, len(of_level))[used // width]
            held.append(penalty * (1 + penalties.few / networks))
        self.rates_of, self.held = sparse.hstack(parts, format="csr"), np.concatenate(held)
        self.shares = sparse.csr_array(
            (shares.share, (shares.row, shares.pair)), shape=(len(self.error), pairs), dtype=np.float64
        )
        self.rates_back, self.shares_back = self.rates_of.T.tocsr(), self.shares.T.tocsr()

    def loss(self, rates: Float) -> tuple[float, Float]:
        """Smoothed absolute errors, twins in the wrong order and penalties, and their gradient."""
        factor = np.exp(self.rates_of @ rates)
        part = np.maximum(1 + self.shares @ (factor - 1), LEAST_PART)
        left = np.log(part) - self.error
        size, beta = np.abs(left), self.penalties.beta
        near = size < beta
        loss = self.weight @ np.where(near, left**2 / (2 * beta), size - beta / 2)
        slope = self.weight * np.where(near, left / beta, np.sign(left))
        light, heavy = left[self.twins]
        short = np.maximum(self.penalties.margin - (heavy - light), 0)
        loss += self.penalties.order * short.sum()
        pull = self.penalties.order * (short > 0)
        np.add.at(slope, self.twins[0], pull)
        np.add.at(slope, self.twins[1], -pull)
        slope *= (part > LEAST_PART) / part
        gradient = self.rates_back @ ((self.shares_back @ slope) * factor)
        return float(loss + (self.held * rates**2).sum()), gradient + 2 * self.held * rates


def _networks(shares: Shares, owner: NDArray[np.int64], names: int) -> NDArray[np.int64]:
    """How many networks each of some names was measured on, one at least; ``owner``: the name of each pair."""
    graphs = int(shares.graph.max()) + 1
    measured = shares.graph[shares.row] >= 0
    seen = np.unique(owner[shares.pair[measured]] * graphs + shares.graph[shares.row[measured]])
    found: NDArray[np.int64] = np.maximum(np.bincount(seen // graphs, minlength=names), 1)
    return found


def shares_of(
    model: LedgFormer, vocabulary: Vocabulary, data: LatencyData, graphs: StoredGraphs, rng: Generator
) -> Shares:
    """What kinds of nodes have of the latencies of a draw of ``data``, and of twins."""
    model.eval()
    collate = Collator(data, vocabulary, model.config, training=False, graphs=graphs)
    encoded = EncodedGraphs(data.graphs, vocabulary)
    found = _Entries()
    graphs_seen: dict[str, int] = {}
    for batch in batches(data, drawn(data, rng, ROWS)):
        slopes, error = _slopes(model, collate(batch))
        first = 0
        for visit in batch:
            rows = slice(first, first + len(visit.platforms))
            graph = graphs_seen.setdefault(visit.graph_id, len(graphs_seen))
            found.add(encoded.encoding(visit), visit.platforms, slopes[rows], error[rows], graph)
            first = rows.stop
    twins = []
    for visit in _one_of_each_source(data, rng):
        plain = encoded.encoding(visit)
        both = plain, heavier(plain, rng)
        platforms = rng.permutation(data.used())[:TWIN_PLATFORMS]
        slopes, error = _slopes(model, _everywhere(model, vocabulary, both, collate.tensors_of(platforms)))
        halves = np.split(np.arange(len(error)), 2)
        added = [
            found.add(encoding, platforms, slopes[half], error[half], -1)
            for encoding, half in zip(both, halves, strict=True)
        ]
        twins.append(np.stack(added))
    return found.shares(data.platform_ids, np.concatenate(twins, axis=1))


def _one_of_each_source(data: LatencyData, rng: Generator) -> list[Visit]:
    """Visits of each source in turn, ``TWINS`` at most: those of two sources are drawn twice."""
    by_source: dict[str, list[int]] = defaultdict(list)
    for at in rng.permutation(len(data)):
        for source in set(data.visits[at].sources.tolist()):
            by_source[source].append(int(at))
    turns = zip_longest(*(by_source[source] for source in sorted(by_source)))
    places = [at for turn in islice(turns, TWINS) for at in turn if at is not None]
    return [data.visits[at] for at in dict.fromkeys(places[:TWINS])]


def _everywhere(
    model: LedgFormer, vocabulary: Vocabulary, graphs: Sequence[GraphEncoding], platforms: tuple[Tensor, Tensor, Tensor]
) -> dict[str, Tensor]:  # fmt: skip
    """Arguments of ``LedgFormer.forward``: each of ``graphs`` on each of ``platforms``, labelled 0."""
    text, numeric, keys = platforms
    count = len(text)
    return pack_states(encode_all(model, vocabulary, graphs)) | {
        "platform_text": text, "platform_numeric": numeric, "platform_keys": keys,
        "pair_graph": torch.arange(len(graphs)).repeat_interleave(count), "pair_platform": torch.arange(count).repeat(len(graphs)),
        "labels": torch.zeros(count * len(graphs)),
    }  # fmt: skip


class _Entries:
    """``Shares`` in the making."""

    def __init__(self) -> None:
        self._traits: dict[str, int] = {}
        self._kinds: dict[bytes, int] = {}
        self._found: dict[str, list[NDArray[Any]]] = defaultdict(list)
        self._rows = 0

    def add(
        self, encoding: GraphEncoding, platforms: NDArray[np.int64], slopes: NDArray[np.float32], error: NDArray[np.float32],
        graph: int,
    ) -> NDArray[np.int64]:  # fmt: skip
        """A graph on some platforms; returns its rows."""
        found, count = self._found, len(platforms)
        own, kind_of = self._of_kinds(encoding)
        by_kind = np.zeros((count, len(own)), dtype=np.float32)
        np.add.at(by_kind.T, kind_of, slopes[:, : len(kind_of)].T)
        row, column = np.nonzero(np.abs(by_kind) > LEAST_SHARE)
        found["error"].append(error)
        found["share"].append(by_kind[row, column])
        found["row"].append(self._rows + row)
        found["kind"].append(own[column])
        found["platform"].append(platforms[row])
        found["graph"].append(np.full(count, graph))
        self._rows += count
        return np.arange(self._rows - count, self._rows)

    def shares(self, platforms: Sequence[str], twins: NDArray[np.int64]) -> Shares:
        """All that was added; ``twins``: rows of it."""
        whole = {name: np.concatenate(arrays) for name, arrays in self._found.items()}
        pairs, pair = np.unique(np.stack([whole["platform"], whole["kind"]]), axis=1, return_inverse=True)
        traits_of, part_of = (whole[name].reshape(-1, NODE_TRAITS)[pairs[1]] for name in ("traits", "part"))
        return Shares(
            tuple(self._traits), tuple(platforms), whole["error"], whole["graph"], whole["row"], pair.ravel(), whole["share"],
            traits_of, part_of, pairs[0], twins,
        )  # fmt: skip

    def _of_kinds(self, encoding: GraphEncoding) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Numbers of the kinds of a graph, int64 [K], and of each node which of them it is, int64 [N]; new ones are added."""
        nodes = node_traits(encoding)
        number = np.array([self._traits.setdefault(name, len(self._traits)) for name in nodes.names])[
            nodes.traits
        ]
        table = np.column_stack([number, nodes.shares.view(np.int32)])
        distinct, kind_of = np.unique(table, axis=0, return_inverse=True)
        own = []
        for row in distinct:
            key = row.tobytes()
            if key not in self._kinds:
                self._kinds[key] = len(self._kinds)
                self._found["traits"].append(row[:NODE_TRAITS])
                self._found["part"].append(row[NODE_TRAITS:].astype(np.int32).view(np.float32))
            own.append(self._kinds[key])
        return np.array(own), kind_of.ravel()


def _slopes(
    model: LedgFormer, batch: Mapping[str, Tensor]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Derivatives of log latency by the logarithm of the rate of each node [Q, N], and measured minus predicted [Q]."""
    rates = torch.zeros(len(batch["pair_graph"]), batch["states"].shape[1], requires_grad=True)
    inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
    log_ms = model(**inputs, rates=rates)["log_ms"]
    (slopes,) = torch.autograd.grad(log_ms.sum(), rates)
    return slopes.numpy(), (batch["labels"] - log_ms.detach()).numpy()
