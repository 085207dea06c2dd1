"""The published peers on the cells of NNLQP's NAS-Bench-201 family: the same six operations as ours, in one loop.

A node is an operation: its kind, its quantities and its place in the cell; it is read by the operations that read the sum
it ends in, those of the next cell among them. Published networks read all nodes of the file and are wider; here all
methods read the cell, which is all that differs between the files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.accuracy.cell_former import ENDS, masks, quantities
from benchmarks.peers.brp_nas import BrpNas
from benchmarks.peers.graphs import Graphs
from benchmarks.peers.nar_former_v2 import NarFormerV2
from benchmarks.peers.nn_former import NnFormer
from benchmarks.peers.nnlp import Nnlp
from benchmarks.peers.training import Recipe, fit, outputs
from ledg_export.zoo.nasbench201 import OPERATIONS
from ledg_rt.encoding import RELATIONS

Float = NDArray[np.float64]
Cells = NDArray[np.int64]

PEERS: dict[str, tuple[Callable[..., nn.Module], tuple[int, ...]]] = {
    "NNLP": (Nnlp, (2,)), "BRP-NAS GCN": (BrpNas, (4,)), "NAR-Former V2": (NarFormerV2, (2,)),
    "NN-Former": (NnFormer, (2,)),
}  # fmt: skip
"""Name -> network and the numbers of layers that are tried."""
TRIALS = 20


def graphs_of(cells: Cells) -> Graphs:
    """``cells`` int64 [n, 6] as the peers read them."""
    place = np.broadcast_to(np.eye(len(ENDS)), (len(cells), len(ENDS), len(ENDS)))
    kinds = np.eye(len(OPERATIONS))[cells]
    features = torch.from_numpy(np.concatenate([kinds, quantities()[cells], place], -1)).float()
    sons = masks()[RELATIONS.index("sons")] & ~torch.eye(len(ENDS), dtype=torch.bool)
    return Graphs(
        features, sons.float().expand(len(cells), -1, -1), torch.ones(*cells.shape, 1),
        torch.from_numpy(kinds.sum(1)).float() / 4,
    )  # fmt: skip


def draw(rng: np.random.Generator, layers: tuple[int, ...]) -> Recipe:
    """A random recipe; squared error of standardised log latency alone."""
    return Recipe(
        width=int(rng.choice([32, 64, 128])), layers=int(rng.choice(layers)), dropout=float(rng.choice([0.0, 0.05, 0.1])),
        steps=int(rng.choice([150, 300])), learning_rate=float(10 ** rng.uniform(-3, -2)),
        weight_decay=float(10 ** rng.uniform(-3, -0.5)), hinge=0.0,
    )  # fmt: skip


def fitted(name: str, recipe: Recipe, cells: Cells, log_ms: Float, wanted: Cells, seed: int) -> Float:
    """Log ms of ``wanted`` by a peer that was trained on ``cells`` [n, 6] with ``log_ms`` [n]."""
    torch.manual_seed(seed)
    known, asked = graphs_of(cells), graphs_of(wanted)
    sizes = (known.features.shape[-1], known.totals.shape[-1])
    model = PEERS[name][0](*sizes, width=recipe.width, layers=recipe.layers, dropout=recipe.dropout)
    mean, deviation = log_ms.mean(), log_ms.std()
    targets = torch.from_numpy((log_ms - mean) / deviation).float()
    fit(model, known, targets, recipe, torch.Generator().manual_seed(seed))
    return outputs(model, asked, torch.arange(len(wanted))).double().numpy() * deviation + mean


def chosen(name: str, cells: Cells, log_ms: Float, held: Cells, held_log_ms: Float, cache: Path) -> Recipe:
    """The best of ``TRIALS`` random recipes by mean error on the held rows; trials are kept in ``cache``."""
    recipes = [
        draw(np.random.default_rng((len(name), at)), PEERS[name][1]) for at in range(TRIALS)
    ]  # the same number, another peer: other recipes
    errors = []
    for at, recipe in enumerate(recipes):
        path = cache / f"{name.replace(' ', '_')}-{at}.json"
        if not path.exists():
            found = fitted(name, recipe, cells, log_ms, held, 0)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(float(np.abs(np.expm1(found - held_log_ms)).mean())))
        errors.append(json.loads(path.read_text()))
    return recipes[int(np.argmin(errors))]
