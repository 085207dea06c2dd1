"""LeDG-Former on the cell of a NAS-Bench-201 network, for one platform.

The network repeats one cell 15 times and has little else, so it is worked on in its quotient: equal nodes of the cells
are one node. The six operations of a cell are the nodes. An operation has as sons those that read the sum it ends in,
those of the next cell among them; siblings share the value that they read or the sum that they end in. The rest is
LeDG-Former's: sentences of the operations through the frozen text embedder, attention under each relation mixed per
node, costs that add up, and a correction of the whole.

Of a node, its place in the cell is known too: TensorRT fuses a convolution with the addition behind it, so that the
order in which a sum is taken moves the latency by some percent, and a graph without order does not tell it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ledg_export import zoo
from ledg_export.accuracy_model import dense_attention
from ledg_export.config import LedgConfig
from ledg_export.graph_encoder import Layer
from ledg_export.zoo.nasbench201 import OPERATIONS, parse
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import QUANTITIES, RELATIONS, encode_graph
from ledg_rt.reading import read_graph

SENTENCES = {
    "none": "Mul", "skip_connect": "Identity", "nor_conv_1x1": "Conv with learned weights kernel 1x1",
    "nor_conv_3x3": "Conv with learned weights kernel 3x3", "avg_pool_3x3": "AveragePool kernel 3x3",
}  # fmt: skip
"""Operation of an edge -> sentence of its node, as ``rich_node_sentence`` has it."""

ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""The edges of a cell in the order of its string: (value read, sum that it ends in)."""

Float = NDArray[np.float64]


def operations(names: Sequence[str]) -> NDArray[np.int64]:
    """Positions in ``OPERATIONS`` of the six operations of each cell, int64 [n, 6].

    Raises:
        ValueError: a name is no cell.
    """
    cells = [parse(name) for name in names]
    return np.array([[OPERATIONS.index(op) for node in cell for op in node] for cell in cells])


def alive(cells: NDArray[np.int64]) -> NDArray[np.int64]:
    """``cells`` [n, 6] with ``none`` in place of what never reaches the output, or is fed by nothing."""
    found = cells.copy()
    fed = np.zeros((len(cells), 4), dtype=bool)
    read = np.zeros((len(cells), 4), dtype=bool)
    fed[:, 0] = read[:, 3] = True
    for edge, (source, target) in enumerate(ENDS):
        fed[:, target] |= (cells[:, edge] > 0) & fed[:, source]
    for edge, (source, target) in reversed(list(enumerate(ENDS))):
        read[:, source] |= (cells[:, edge] > 0) & read[:, target]
    for edge, (source, target) in enumerate(ENDS):
        found[~(fed[:, source] & read[:, target]), edge] = 0
    return found


def masks() -> Tensor:
    """Who attends to whom under each of ``RELATIONS``, bool [R, 6, 6], every operation to itself."""
    own = torch.eye(len(ENDS), dtype=torch.bool)
    # The sum that a cell ends in, 3, is what the next one reads as 0.
    sons = torch.tensor([[a[1] % 3 == b[0] for b in ENDS] for a in ENDS])
    siblings = torch.tensor([[a[0] == b[0] or a[1] == b[1] for b in ENDS] for a in ENDS])
    found = {"sons": sons, "fathers": sons.T, "grandfathers": (sons.T.int() @ sons.T.int()) > 0, "siblings": siblings}  # fmt: skip
    return torch.stack([found[name] | own for name in RELATIONS])


def quantities() -> Float:
    """Logarithms of what each of ``OPERATIONS`` adds to a whole network, [5, len(QUANTITIES)], in standard scores."""

    def totals(operation: str) -> Float:
        cell = f"|none~0|+|none~0|none~1|+|{operation}~0|none~1|none~2|"
        graph = read_graph(zoo.build(f"nasbench201/{cell}@cifar10+eager").SerializeToString())
        return encode_graph(graph).quantities.sum(0)

    added = np.stack([totals(operation) for operation in OPERATIONS]) - totals("skip_connect")
    logs = np.log1p(np.maximum(added, 0))
    return (logs - logs.mean(0)) / np.maximum(logs.std(0), 1e-6)


class CellFormer(nn.Module):
    """Operations of cells to log milliseconds."""

    text: Tensor
    numeric: Tensor
    masks: Tensor

    def __init__(self, config: LedgConfig, text: Tensor, numeric: Tensor) -> None:
        """``text``: [5, text_width], ``numeric``: [5, len(QUANTITIES)], of each of ``OPERATIONS``."""
        super().__init__()
        self.register_buffer("text", text)
        self.register_buffer("numeric", numeric)
        self.register_buffer("masks", masks().transpose(0, 1).float())
        width = config.width
        self.words = nn.Linear(config.text_width, width)
        self.numbers = nn.Linear(len(QUANTITIES), width)
        self.place = nn.Embedding(len(ENDS), width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.cost = nn.Linear(width, 1)
        self.overhead = nn.Parameter(torch.tensor(-1.5))
        self.whole = nn.Sequential(
            nn.Linear(len(ENDS) * width, 2 * width), nn.GELU(), nn.Linear(2 * width, 1)
        )
        nn.init.zeros_(self.whole[-1].weight)

    def states(self, cells: Tensor) -> Tensor:
        """``cells`` int64 [B, 6] -> [B, 6, width]."""
        x = (self.words(self.text) + self.numbers(self.numeric))[cells] + self.place.weight
        under = self.masks.expand(len(cells), -1, -1, -1)
        for layer in self.layers:
            assert isinstance(layer, Layer)
            x = x + dense_attention(layer.attention, layer.before_attention(x), under)
            x = x + layer.feed(layer.before_feed(x))
        return self.norm(x)

    def forward(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Log ms [B], and what the correction of the whole saw [B, 6 * width]."""
        states = self.states(cells)
        costs = torch.cat([self.cost(states).squeeze(-1) - 3, self.overhead.expand(len(cells), 1)], -1)
        pooled = states.flatten(1)
        return costs.logsumexp(-1) + self.whole(pooled).squeeze(-1), pooled


@dataclass(frozen=True)
class CellRecipe:
    """All that decides a fit but its rows and its seed."""

    width: int = 32
    layers: int = 2
    heads: int = 4
    epochs: int = 150
    batch: int = 150
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    beta: float = 0.01


def fit(
    recipe: CellRecipe, cells: NDArray[np.int64], log_ms: Float, embedder: Embedder, seed: int
) -> CellFormer:
    """Train on ``cells`` [n, 6] with latencies [n]; the rate falls along half a cosine."""
    torch.manual_seed(seed)
    config = LedgConfig(width=recipe.width, layers=recipe.layers, heads=recipe.heads)
    text = torch.from_numpy(np.asarray(embedder.embed([SENTENCES[name] for name in OPERATIONS])))
    model = CellFormer(config, text, torch.from_numpy(quantities()).float())
    inputs, labels = torch.from_numpy(cells), torch.from_numpy(log_ms).float()
    optimizer = torch.optim.AdamW(model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * math.ceil(len(cells) / recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, steps, pct_start=0.1)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(cells)).split(recipe.batch):
            loss = F.smooth_l1_loss(model(inputs[rows])[0], labels[rows], beta=recipe.beta)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()
