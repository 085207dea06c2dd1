"""Methods of the ten-families protocols: each fits some rows of ``Networks`` with the recipe of a trial and tells others.

A trial's number is its recipe: trial t of a method is drawn by the generator seeded with t, for every fold. A method whose
recipe is fixed has one trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from sklearn.linear_model import LinearRegression
from torch import Tensor, nn

from benchmarks.accuracy import baselines, ten_former
from benchmarks.accuracy.baselines import TRIALS, Totals
from benchmarks.accuracy.ten_former import FlatGraphs, TenRecipe
from benchmarks.accuracy.ten_networks import Chosen, Float, Networks
from benchmarks.peers.brp_nas import BrpNas
from benchmarks.peers.flat_networks import FlatNarFormerV2, FlatNetworks, FlatNnFormer, edges_of, flat
from benchmarks.peers.nnlp import Nnlp
from benchmarks.peers.node_graphs import InParts, PaddedNetworks, padded
from benchmarks.peers.training import STEPS_FOR, Recipe, fit, outputs
from ledg_rt.encoding import QUANTITIES, RELATIONS
from ledg_rt.platforms import resolve

PLATFORM = "Intel Xeon server CPU, onnxruntime, fp32, 1 thread"
OURS = "LeDG-Former"
STEPS, BATCH = 100, 32
"""Steps for up to ``STEPS_FOR`` rows, in proportion for more, and networks of a step, for every network that is trained."""
WIDTHS = (32, 64)
PRICES = ((3, 30), (30, 300), (20, 200), (3e-4, 1e-2), (3e-3, 3e-2))
"""Between which LeDG-Former's prices begin: 30 to 300 GFLOPS, some GB/s to some tens, microseconds a node."""
SHORT = 0.4
"""Share of a fit's steps that a trial gets."""


class Inputs:
    """Networks as each kind of method reads them, made when the first asks."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    @cached_property
    def totals(self) -> Float:
        """Totals of each network [n, len(QUANTITIES)]."""
        return np.stack([graph.quantities.sum(0) for graph in self.networks.graphs])

    @cached_property
    def features(self) -> Totals:
        """What the boosting reads."""
        return Totals()

    @cached_property
    def padded(self) -> PaddedNetworks:
        """What the peers read."""
        return padded(self.networks.graphs)

    @cached_property
    def edges(self) -> list[Tensor]:
        """What attention between neighbours reads beside it."""
        return edges_of(self.padded)

    @cached_property
    def flat(self) -> FlatGraphs:
        """What LeDG-Former reads."""
        return FlatGraphs.of(self.networks.graphs)

    def rows(self, chosen: Chosen) -> baselines.Rows:
        """What the baselines read."""
        graphs = [self.networks.graphs[row] for row in chosen]
        return baselines.Rows(graphs, [resolve(PLATFORM)] * len(graphs), self.networks.log_ms[chosen])


@dataclass(frozen=True)
class Method:
    """``tell``: inputs, rows to fit, rows to tell, trial, seed, share of the steps -> log ms of the latter."""

    name: str
    trials: int
    tell: Callable[[Inputs, Chosen, Chosen, int, int, float], Float]


def linear(name: str, columns: Sequence[str]) -> Method:
    """A line through totals in ms, by relative squared error."""
    at = [QUANTITIES.index(column) for column in columns]

    def tell(inputs: Inputs, known: Chosen, asked: Chosen, trial: int, seed: int, share: float) -> Float:
        totals, ms = inputs.totals[:, at], np.exp(inputs.networks.log_ms[known])
        model = LinearRegression(positive=True).fit(totals[known], ms, sample_weight=ms**-2)
        return np.log(np.maximum(model.predict(totals[asked]), 1e-3))

    return Method(name, 1, tell)


def baseline(name: str, make: Callable[[Inputs], baselines.Fit]) -> Method:
    """One of ``baselines``."""

    def tell(inputs: Inputs, known: Chosen, asked: Chosen, trial: int, seed: int, share: float) -> Float:
        return make(inputs)(np.random.default_rng((0, trial)), inputs.rows(known))(inputs.rows(asked))

    return Method(name, TRIALS, tell)


def peer(name: str, network: Callable[..., nn.Module], layers: int, over_edges: bool = False) -> Method:
    """A published network in the common loop: squared error of standardised log latency."""

    def recipe(trial: int) -> Recipe:
        rng = np.random.default_rng((len(name), trial))
        return Recipe(
            width=int(rng.choice(WIDTHS)), layers=layers, dropout=float(rng.choice([0.0, 0.05, 0.1])),
            steps=STEPS, batch=BATCH, learning_rate=float(10 ** rng.uniform(-3, -2)),
            weight_decay=float(10 ** rng.uniform(-3, -0.5)), hinge=0.0,
        )  # fmt: skip

    def tell(inputs: Inputs, known: Chosen, asked: Chosen, trial: int, seed: int, share: float) -> Float:
        torch.manual_seed(seed)
        drawn = recipe(trial)
        drawn = replace(drawn, steps=round(drawn.steps * share))
        rows, log_ms = torch.from_numpy(known), inputs.networks.log_ms[known]
        scored = inputs.padded.standardised(rows)
        sizes = scored.features.shape[-1], scored.totals.shape[-1]
        model = network(*sizes, width=drawn.width, layers=drawn.layers, dropout=drawn.dropout)
        whole: FlatNetworks | PaddedNetworks = flat(scored, inputs.edges) if over_edges else scored
        model = model if over_edges else InParts(model)
        targets = torch.from_numpy((log_ms - log_ms.mean()) / log_ms.std()).float()
        fit(model, whole.some(rows), targets, drawn, torch.Generator().manual_seed(seed))
        found = outputs(model, whole, torch.from_numpy(asked)).double().numpy()
        return found * log_ms.std() + log_ms.mean()

    return Method(name, TRIALS, tell)


def ledg(name: str) -> Method:
    """LeDG-Former, with as many steps of as many graphs as the peers."""

    def recipe(trial: int) -> TenRecipe:
        rng = np.random.default_rng((len(name), trial))
        return TenRecipe(
            layers=int(rng.choice([1, 2])), relations=RELATIONS if rng.random() < 0.5 else ("sons", "fathers"),
            learning_rate=float(10 ** rng.uniform(-2.7, -1.7)), weight_decay=float(10 ** rng.uniform(-3, 0)),
            prices=tuple((10 ** rng.uniform(*np.log10(PRICES).T)).tolist()), price_rate=float(rng.choice([1, 5])),
        )  # fmt: skip

    def tell(inputs: Inputs, known: Chosen, asked: Chosen, trial: int, seed: int, share: float) -> Float:
        drawn = recipe(trial)
        steps = STEPS * max(len(known), STEPS_FOR) // STEPS_FOR
        drawn = replace(drawn, steps=round(steps * share), batch=BATCH)
        rows, log_ms = torch.from_numpy(known), torch.from_numpy(inputs.networks.log_ms[known]).float()
        model = ten_former.fit(drawn, inputs.flat, rows, log_ms, seed)
        return ten_former.predict(model, inputs.flat, torch.from_numpy(asked)).double().numpy()

    return Method(name, TRIALS, tell)


METHODS = (
    linear("FLOPs", ["flops"]),
    linear("FLOPs + memory access", ["flops", "float_bytes"]),
    baseline("roofline", lambda inputs: baselines.roofline),
    baseline("boosting on totals", lambda inputs: baselines.boosting(inputs.features)),
    peer("BRP-NAS GCN", BrpNas, 4),
    peer("NNLP", Nnlp, 2),
    peer("NAR-Former V2", FlatNarFormerV2, 2, over_edges=True),
    peer("NN-Former", FlatNnFormer, 2, over_edges=True),
    ledg(OURS),
)
