"""The predictors of accuracy that are compared: LeDG-Former, four published peers, and a network-free ensemble.

Each is a recipe drawn by the number of a trial, and a function from known cells to the scores of others. All of them
learn the same targets: accuracies are averaged over cells that compute the same and turned into normal scores of
their ranks, since accuracies crowd near the top while failed networks lie far away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from torch import nn

import ledg_rt
from benchmarks.accuracy.cell_proxies import cell_proxies
from benchmarks.accuracy.cell_space import CellSpace, class_means, kind_encodings, structure
from benchmarks.accuracy.relevance import PLAIN, RelevanceRecipe, fitted
from benchmarks.peers.brp_nas import BrpNas
from benchmarks.peers.graphs import Graphs
from benchmarks.peers.nar_former_v2 import NarFormerV2
from benchmarks.peers.nn_former import NnFormer
from benchmarks.peers.nnlp import Nnlp
from benchmarks.peers.path_ensemble import PathRecipe, path_ensemble
from benchmarks.peers.training import Recipe, batches, drawn, fit, outputs
from ledg_export.accuracy_model import AccuracyModel, Cells, relation_masks
from ledg_export.config import LedgConfig
from ledg_rt.embedding import Embedder

Scores = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Method:
    """``draw``: a recipe from a generator; ``final``: what is run of the best;
    ``tuned_as``: the method whose best recipe it is, this one where empty. ``scores``: of all cells of ``wanted`` from the classes ``known`` with
    ``targets``; ``wanted`` are classes, too. Its last argument is how many labels each target is the mean of, which
    ours alone reads.
    """

    name: str
    draw: Callable[[np.random.Generator], Any]
    scores: Callable[[CellSpace, Rows, Scores, Rows, Any, int, Scores], Scores]
    final: Callable[[Any], Any] = lambda recipe: recipe
    tuned_as: str = ""


def normal_scores(accuracies: Scores) -> Scores:
    """Quantiles of a normal distribution at the ranks of ``accuracies`` [n], ties sharing one."""
    return np.asarray(norm.ppf((rankdata(accuracies) - 0.5) / len(accuracies)))


class Members:
    """Which cells each class has."""

    def __init__(self, space: CellSpace) -> None:
        order = np.argsort(space.classes, kind="stable")
        starts = np.cumsum(np.bincount(space.classes))[:-1]
        self.of = [torch.from_numpy(part) for part in np.split(order, starts)]

    def mean(self, values: Callable[[torch.Tensor], torch.Tensor], wanted: Rows) -> NDArray[np.float64]:
        """Means over the members of each class of what ``values`` gives for cells: [len(wanted), ...]."""
        chosen = [self.of[item] for item in wanted]
        owner = np.repeat(np.arange(len(wanted)), [len(item) for item in chosen])
        return class_means(values(torch.cat(chosen)).double().numpy(), owner)


members = cache(Members)


# --- LeDG-Former


PROCESS, PROXIES = 0.8, 0.5
"""Chosen on CIFAR-100, from 156 and 781 cells."""


@dataclass(frozen=True)
class LedgRecipe:
    """``training``: of each of ``nets`` encoders. ``process``: weight of the Gaussian processes in the rank average;
    ``reach`` and ``proxies``: how much their distances count the pretrained states and ``cell_proxies`` at first, beside
    the structure, neither of which is read where it is 0; ``relevance``: how the processes are learned.
    """

    training: Recipe
    nets: int = 1
    process: float = PROCESS
    reach: float = 2.0
    proxies: float = PROXIES
    relevance: RelevanceRecipe = field(default_factory=RelevanceRecipe)


PRETRAINING = Recipe(
    width=48, layers=3, dropout=0.0, steps=1000, batch=128, learning_rate=4e-3, weight_decay=0.01
)  # fmt: skip
NETS = 2
"""Encoders of a final run; a recipe is judged with one of them."""
CACHE = Path(".cache/nasbench201_accuracy")


@cache
def cells_of(space: CellSpace) -> Cells:
    """The cells of a space with our relations."""
    return Cells(torch.from_numpy(space.kinds), relation_masks(torch.from_numpy(space.adjacency)))


@cache
def kind_vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """Sentence vectors [V, 384] of ``KINDS``, by the shipped embedder, and their numbers [V, NODE_FEATURES]."""
    encodings = kind_encodings()
    text = Embedder(Path(ledg_rt.__file__).parent / "bundle").embed([item.sentences[0] for item in encodings])
    return torch.from_numpy(text), torch.from_numpy(np.concatenate([item.numeric for item in encodings]))


def new_model(space: CellSpace, recipe: Recipe, seed: int) -> AccuracyModel:
    """An untrained model for the cells of ``space``."""
    torch.manual_seed(seed)
    config = LedgConfig(width=recipe.width, layers=recipe.layers, heads=4, hidden_dropout=recipe.dropout)
    return AccuracyModel(config, *kind_vectors(), targets=structure(space).shape[1])


@cache
def pretrained(space: CellSpace, seed: int) -> Mapping[str, torch.Tensor]:
    """Weights after learning the structure of every cell of the space, which needs no accuracy; kept in ``CACHE``."""
    path = CACHE / f"{space.name}-pretrained-{seed}.pt"
    if path.exists():
        return torch.load(path)
    targets = torch.from_numpy(structure(space)).float()
    model = new_model(space, PRETRAINING, seed)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), PRETRAINING.learning_rate, weight_decay=PRETRAINING.weight_decay)  # fmt: skip
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PRETRAINING.learning_rate, total_steps=PRETRAINING.steps
    )
    cells, of = cells_of(space), members(space).of
    for rows in batches(len(of), PRETRAINING.batch, PRETRAINING.steps, generator):
        taken = drawn([of[row] for row in rows.tolist()], generator)
        loss = (model.structure(model.states(cells[taken])) - targets[taken]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    print(f"pretrained {path.name}: {loss.item():.3f} of the structure's variance is left", flush=True)
    return model.state_dict()


@cache
def pretrained_states(space: CellSpace, seed: int) -> NDArray[np.float64]:
    """States of all classes by the pretrained encoder [classes, width], each of mean 0, all of variance 1 in sum."""
    model = new_model(space, PRETRAINING, seed)
    model.load_state_dict(pretrained(space, seed))
    model.eval()
    every = np.arange(int(space.classes.max()) + 1)
    states = members(space).mean(lambda rows: outputs(_States(model), cells_of(space), rows), every)
    return (states - states.mean(0)) / np.sqrt(states.var(0).sum())


class _States(nn.Module):
    def __init__(self, model: AccuracyModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, cells: Cells) -> torch.Tensor:
        return self.model.states(cells)


def encoder_scores(space: CellSpace, known: Rows, targets: Scores, wanted: Rows, recipe: Recipe, net: int, seed: int) -> Scores:  # fmt: skip
    """Of the pretrained encoder ``net`` that was trained further on ``known``."""
    model = new_model(space, recipe, net)
    model.load_state_dict(pretrained(space, net))
    cells, of = cells_of(space), members(space).of
    fit(
        model, cells, torch.from_numpy(targets).float(), recipe, torch.Generator().manual_seed(seed),
        [of[item] for item in known],
    )  # fmt: skip
    return members(space).mean(lambda rows: outputs(model, cells, rows), wanted)


@cache
def proxies(space: CellSpace) -> NDArray[np.float64]:
    """``cell_proxies`` of all classes [classes, 5], kept in ``CACHE``."""
    path = CACHE / f"{space.name}-proxies.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, cell_proxies(space))
    return np.asarray(np.load(path))


def process_points(space: CellSpace, recipe: LedgRecipe) -> list[Scores]:
    """What each process reads of all classes: the structure alone, with the states, with the proxies, with both."""
    found = [class_means(structure(space), space.classes)]
    if recipe.reach > 0:
        states = [
            recipe.reach * pretrained_states(space, net) / np.sqrt(recipe.nets) for net in range(recipe.nets)
        ]
        found += [np.column_stack([points, *states]) for points in found]
    if recipe.proxies > 0:
        found += [np.column_stack([points, recipe.proxies * proxies(space)]) for points in found]
    return found


def process_scores(
    space: CellSpace, known: Rows, targets: Scores, wanted: Rows, recipe: LedgRecipe, counts: Scores
) -> Scores:
    """Mean of the ranks by a Gaussian process over each of ``process_points``; see ``relevance``."""
    ranks = [
        rankdata(fitted(points[known], targets, counts, recipe.relevance).predict(points[wanted]))
        for points in process_points(space, recipe)
    ]
    return np.asarray(np.mean(ranks, axis=0))


def ledg_scores(space: CellSpace, known: Rows, targets: Scores, wanted: Rows, recipe: LedgRecipe, seed: int, counts: Scores) -> Scores:  # fmt: skip
    """Weighted mean of the ranks by the encoders, as many times trained as pretrained, and by the processes."""
    found = np.zeros(len(wanted))
    if recipe.process > 0:
        found += recipe.process * rankdata(process_scores(space, known, targets, wanted, recipe, counts))
    if recipe.process < 1:
        nets = [
            encoder_scores(space, known, targets, wanted, recipe.training, net, seed)
            for net in range(recipe.nets)
        ]
        found += (1 - recipe.process) * rankdata(np.mean(nets, axis=0))
    return found


def draw_ledg(rng: np.random.Generator) -> LedgRecipe:
    """The sizes are those of pretraining; rates are lower than from random weights."""
    training = replace(
        _draw_training(rng), width=PRETRAINING.width, layers=PRETRAINING.layers, dropout=float(rng.choice([0.0, 0.05, 0.1])),
        steps=int(rng.choice([100, 200])), learning_rate=float(10 ** rng.uniform(-3.7, -2.5)),
    )  # fmt: skip
    return LedgRecipe(
        training, reach=float(rng.choice([1.0, 2.0, 5.0])), relevance=RelevanceRecipe(spread=float(rng.choice([0.5, 1.0])))
    )  # fmt: skip


# --- Peers


def _draw_training(rng: np.random.Generator) -> Recipe:
    return Recipe(
        width=int(rng.choice([32, 64])), layers=int(rng.integers(2, 5)), dropout=float(rng.choice([0.0, 0.05, 0.1, 0.2])),
        steps=int(rng.choice([150, 300, 450])), batch=int(rng.choice([64, 128])),
        learning_rate=float(10 ** rng.uniform(-3.2, -2)), weight_decay=float(10 ** rng.uniform(-3, -0.5)),
        hinge=float(rng.choice([0.0, 0.5, 1.0, 3.0])), margin=float(rng.choice([0.05, 0.1, 0.3])),
    )  # fmt: skip


@cache
def graphs_of(space: CellSpace) -> Graphs:
    """One-hot kinds and the numbers of each node; counts of nodes of each kind as totals."""
    encodings = kind_encodings()
    numbers = np.concatenate([item.numeric for item in encodings])
    numbers = (numbers - numbers.mean(0)) / (numbers.std(0) + 1e-6)
    table = np.vstack([np.column_stack([np.eye(len(encodings)), numbers]), np.zeros(len(encodings) + numbers.shape[1])])  # fmt: skip
    counts = np.stack([(space.kinds == kind).sum(1) for kind in range(len(encodings))], axis=1)
    return Graphs(
        torch.from_numpy(table[space.kinds]).float(), torch.from_numpy(space.adjacency).float(),
        torch.from_numpy(space.kinds >= 0).float().unsqueeze(-1), torch.from_numpy(counts).float() / 4,
    )  # fmt: skip


def peer(name: str, network: Callable[..., nn.Module], layers: tuple[int, ...], views: tuple[float, ...] = (0.0,), most: int = 450) -> Method:  # fmt: skip
    """A published network in the loop that ours has, from random weights; a class is all of its encodings.

    ``most``: steps that the budget allows.
    """

    def draw(rng: np.random.Generator) -> Recipe:
        found = _draw_training(rng)
        return replace(
            found, layers=int(rng.choice(layers)), views=float(rng.choice(views)), steps=min(found.steps, most)
        )  # fmt: skip

    def scores(space: CellSpace, known: Rows, targets: Scores, wanted: Rows, recipe: Recipe, seed: int, counts: Scores) -> Scores:  # fmt: skip
        graphs = graphs_of(space)
        torch.manual_seed(seed)
        sizes = (graphs.features.shape[-1], graphs.totals.shape[-1])
        model = network(*sizes, width=recipe.width, layers=recipe.layers, dropout=recipe.dropout)
        of = members(space).of
        fit(
            model, graphs, torch.from_numpy(targets).float(), recipe, torch.Generator().manual_seed(seed),
            [of[item] for item in known],
        )  # fmt: skip
        return members(space).mean(lambda rows: outputs(model, graphs, rows), wanted)

    return Method(name, draw, scores)


def ensemble_scores(space: CellSpace, known: Rows, targets: Scores, wanted: Rows, recipe: PathRecipe, seed: int, counts: Scores) -> Scores:  # fmt: skip
    """See ``path_ensemble``; it reads ``CellSpace.features``."""
    points = class_means(space.features, space.classes)
    return path_ensemble(points[known], targets, points[wanted], recipe, seed)


def draw_paths(rng: np.random.Generator) -> PathRecipe:
    """One of 3 x 3 x 3 x 4 settings."""
    return PathRecipe(
        smoothness=float(rng.choice([1.5, 2.5, np.inf])), leaf=int(rng.choice([1, 2, 4])),
        share=float(rng.choice([0.3, 0.6, 1.0])), process_weight=float(rng.choice([0.3, 0.5, 0.7, 0.9])),
    )  # fmt: skip


LEDG = Method("ledg", draw_ledg, ledg_scores, lambda recipe: replace(recipe, nets=NETS))
PARTS = tuple(
    Method(
        name, draw_ledg, ledg_scores, lambda recipe, kept=kept: replace(recipe, nets=NETS, **kept), tuned_as=LEDG.name
    )
    for name, kept in (
        ("ledg, encoders alone", {"process": 0.0}), ("ledg, process alone", {"process": 1.0}),
        ("ledg, process without proxies", {"process": 1.0, "proxies": 0.0}),
        ("ledg, process on structure alone", {"process": 1.0, "reach": 0.0, "proxies": 0.0}),
        (
            "ledg, the same of one length and one noise",
            {"process": 1.0, "reach": 0.0, "proxies": 0.0, "relevance": PLAIN},
        ),
    )
)  # fmt: skip
"""What ``LEDG`` is made of; the last two have no network."""
ENSEMBLE = Method("path ensemble", draw_paths, ensemble_scores)
PEERS = (
    peer("NNLP", Nnlp, (2,)), peer("BRP-NAS GCN", BrpNas, (4,)), peer("NAR-Former V2", NarFormerV2, (2,)),
    peer("NN-Former", NnFormer, (2, 3), (0.0, 0.5), most=150),
)  # fmt: skip
