"""LeDG-Former on whole networks for one platform: the encoder as shipped, a cost for each node, and their sum.

Hardware has no part in it, so its vector is a constant and the head's physics are five prices: of arithmetic, of weights, of
activations, of a node and of a run. A node costs what its amounts of the first four cost, times a factor that its state
gives. There is no correction of the whole: it would know the families it was trained on, and a sum of costs does not
ask what family a node is of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

import ledg_rt
from benchmarks.peers.training import batches
from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import GraphEncoder
from ledg_export.packing import Vocabulary
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import QUANTITIES, RELATIONS, TRAITS, GraphEncoding

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Sentences to vectors [len(sentences), text_width]."""

LARGEST_GRADIENT = 1.0
BETA = 0.02
LANES = 16
"""Floats of a vector of AVX-512, in which ONNX Runtime blocks channels (NCHWc)."""


@dataclass(frozen=True)
class FlatGraph:
    """N nodes: ``text`` int64 [N], sentence of the vocabulary; ``numeric`` [N, NODE_FEATURES]; ``work`` [N, 4], logs of
    GFLOPs, of GB of weights and of all others, and 0; ``edges`` int64 [3, E] as ``DynamicGraphAttention.edges`` takes them.
    """

    text: Tensor
    numeric: Tensor
    work: Tensor
    edges: Tensor


@dataclass(frozen=True)
class FlatGraphs:
    """Graphs, and the vectors of their sentences."""

    graphs: Sequence[FlatGraph]
    vocabulary: Vocabulary

    @classmethod
    def of(cls, encodings: Sequence[GraphEncoding], embed: Embed | None = None) -> FlatGraphs:
        """Encoded graphs, their sentences by ``embed``, else by the shipped embedder."""
        embed = embed or Embedder(Path(ledg_rt.__file__).parent / "bundle").embed
        sentences = sorted({sentence for encoding in encodings for sentence in encoding.sentences})
        vocabulary = Vocabulary(dict(zip(sentences, embed(sentences), strict=True)))
        return cls([_flat(encoding, vocabulary) for encoding in encodings], vocabulary)

    def together(self, rows: Sequence[int]) -> tuple[FlatGraph, Tensor]:
        """Some graphs as one, and the place among ``rows`` of the graph of each node."""
        found = [self.graphs[row] for row in rows]
        sizes = torch.tensor([len(graph.text) for graph in found])
        starts = sizes.cumsum(0) - sizes
        shift = torch.tensor([1, 1, 0])[:, None]
        edges = [graph.edges + shift * start for graph, start in zip(found, starts, strict=True)]
        joined = FlatGraph(
            torch.cat([graph.text for graph in found]), torch.cat([graph.numeric for graph in found]),
            torch.cat([graph.work for graph in found]), torch.cat(edges, 1),
        )  # fmt: skip
        return joined, torch.repeat_interleave(torch.arange(len(found)), sizes)


def _flat(encoding: GraphEncoding, vocabulary: Vocabulary) -> FlatGraph:
    node, relation, slot = np.nonzero(encoding.neighbours >= 0)
    edges = np.stack([node, encoding.neighbours[node, relation, slot], relation]).astype(np.int64)
    sentences = np.array([vocabulary.index[sentence] for sentence in encoding.sentences])
    gflops, floats, fixed = encoding.work.T
    weights = 1e-9 * encoding.quantities[:, QUANTITIES.index("weight_bytes")]
    amounts = [gflops * _padding(encoding), weights, floats - weights + fixed]
    work = np.log(np.stack([*(np.maximum(amount, 1e-9) for amount in amounts), np.ones_like(gflops)], 1))
    return FlatGraph(
        torch.from_numpy(sentences[encoding.text]), torch.from_numpy(encoding.numeric),
        torch.from_numpy(work).float(), torch.from_numpy(edges),
    )  # fmt: skip


def _padding(encoding: GraphEncoding) -> NDArray[np.float64]:
    """How many times its FLOPs a node runs where channels fill whole vectors, [N]."""
    inner, outer = (
        np.round(np.expm1(encoding.traits[:, TRAITS.index(name)])) for name in ("channels_in", "channels_out")
    )
    depthwise = encoding.traits[:, TRAITS.index("depthwise")] > 0
    return _whole(outer) * np.where(depthwise, 1.0, _whole(inner))


def _whole(channels: NDArray[np.float32]) -> NDArray[np.float64]:
    """Channels in whole vectors over channels; 1 for an image's few, which are not blocked."""
    blocked = np.ceil(channels / LANES) * LANES / np.maximum(channels, 1)
    return np.where(channels >= LANES / 2, blocked, 1.0)


class TenFormer(nn.Module):
    """Graphs to log milliseconds."""

    words: Tensor

    def __init__(self, config: LedgConfig, words: Tensor, prices: Sequence[float]) -> None:
        """``words``: [S, text_width], the vocabulary; ``prices``: see ``TenRecipe``, before training."""
        super().__init__()
        self.register_buffer("words", words)
        self.encoder = GraphEncoder(config)
        self.factor = nn.Sequential(
            nn.Linear(config.width, config.correction_width), nn.GELU(), nn.Linear(config.correction_width, 1)
        )
        self.prices = nn.Parameter(torch.tensor(prices).log())
        nn.init.zeros_(self.factor[-1].weight)

    def states(self, graphs: FlatGraph, owner: Tensor, count: int) -> Tensor:
        """States of the nodes [N, width]."""
        words = F.embedding(graphs.text, self.encoder.text(self.words))
        found: Tensor = self.encoder(words, graphs.numeric, edges=graphs.edges)
        return found

    def forward(self, graphs: FlatGraph, owner: Tensor, count: int) -> Tensor:
        """Log ms [count] of the graphs; ``owner`` int64 [N]: the graph of each node."""
        base = (graphs.work + self.prices[:4]).logsumexp(-1)
        cost = (base + self.factor(self.states(graphs, owner, count)).squeeze(-1)).exp()
        return torch.log(torch.zeros(count).index_add(0, owner, cost) + self.prices[4].exp())


@dataclass(frozen=True)
class TenRecipe:
    """All that decides a fit but its rows and its seed; ``steps`` of ``batch`` graphs.

    ``prices``: ms a GFLOP, ms a GB of weights, ms a GB of activations, ms a node and ms a run to begin with;
    ``price_rate``: how many times as fast as the rest they learn.
    """

    width: int = 32
    layers: int = 1
    heads: int = 4
    relations: tuple[str, ...] = RELATIONS
    prices: tuple[float, ...] = (10.0, 100.0, 50.0, 1e-3, 1e-2)
    price_rate: float = 5.0
    steps: int = 300
    batch: int = 32
    learning_rate: float = 5e-3
    weight_decay: float = 0.02


def fit(recipe: TenRecipe, graphs: FlatGraphs, rows: Tensor, log_ms: Tensor, seed: int) -> TenFormer:
    """Train a new model on ``rows`` of ``graphs`` with ``log_ms`` [len(rows)]."""
    torch.manual_seed(seed)
    model = TenFormer(config_of(recipe), graphs.vocabulary.vectors, recipe.prices)
    return trained(model, recipe, graphs, rows, log_ms, seed)


def config_of(recipe: TenRecipe) -> LedgConfig:
    """Sizes of the encoder."""
    return LedgConfig(
        width=recipe.width, layers=recipe.layers, heads=recipe.heads, relations=list(recipe.relations)
    )


def trained(
    model: TenFormer, recipe: TenRecipe, graphs: FlatGraphs, rows: Tensor, log_ms: Tensor, seed: int
) -> TenFormer:
    """``model`` after training on ``rows`` of ``graphs`` with ``log_ms`` [len(rows)] under a one-cycle rate."""
    numeric = torch.cat([graphs.graphs[row].numeric for row in rows.tolist()])
    model.encoder.mean.copy_(numeric.mean(0))
    model.encoder.std.copy_(numeric.std(0).clamp(min=0.1))
    learned = [value for name, value in model.named_parameters() if name != "prices"]
    rates = [recipe.learning_rate, recipe.price_rate * recipe.learning_rate]
    optimizer = torch.optim.AdamW(
        [
            {"params": learned, "weight_decay": recipe.weight_decay},
            {"params": [model.prices], "weight_decay": 0.0},
        ]
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, recipe.steps, pct_start=0.1)
    generator = torch.Generator().manual_seed(seed)
    for drawn in batches(len(rows), recipe.batch, recipe.steps, generator):
        found = model(*graphs.together(rows[drawn].tolist()), len(drawn))
        loss = F.smooth_l1_loss(found, log_ms[drawn], beta=BETA)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def predict(model: TenFormer, graphs: FlatGraphs, rows: Tensor) -> Tensor:
    """Log ms of ``rows``."""
    parts = [part.tolist() for part in rows.split(64)]
    return torch.cat([model(*graphs.together(part), len(part)) for part in parts])
