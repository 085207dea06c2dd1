"""Rank average of extremely random trees and a Gaussian process over path features: no network at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, Matern, WhiteKernel

FITTED_ON = 300
"""Training rows on which the likelihood of a kernel's parameters is maximised; the process then knows all rows."""


@dataclass(frozen=True)
class PathRecipe:
    """``smoothness`` of the Matern kernel, infinite for the squared exponential; the rest is of the trees."""

    smoothness: float = 2.5
    trees: int = 300
    leaf: int = 1
    share: float = 0.5
    process_weight: float = 0.5


def path_ensemble(
    known: NDArray[np.float64], targets: NDArray[np.float64], wanted: NDArray[np.float64], recipe: PathRecipe,
    seed: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Scores of ``wanted`` [m, F] from ``known`` [n, F] with ``targets`` [n]; only their order means something."""
    process = gaussian_process(known, targets, wanted, recipe.smoothness, seed)
    trees = ExtraTreesRegressor(
        recipe.trees, min_samples_leaf=recipe.leaf, max_features=recipe.share, random_state=seed
    ).fit(known, targets)
    weight = recipe.process_weight
    return weight * rankdata(process) + (1 - weight) * rankdata(trees.predict(wanted))


def gaussian_process(
    known: NDArray[np.float64], targets: NDArray[np.float64], wanted: NDArray[np.float64], smoothness: float,
    seed: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Posterior mean at ``wanted`` [m, F] from ``known`` [n, F] with ``targets`` [n]."""
    shape = (
        RBF(3.0, (0.1, 300)) if np.isinf(smoothness) else Matern(3.0, (0.1, 300), smoothness)
    )  # length scales in units of the features
    start = ConstantKernel(1.0, (1e-2, 1e2)) * shape + WhiteKernel(0.1, (1e-4, 2))
    few = np.random.default_rng(seed).permutation(len(known))[:FITTED_ON]
    kernel = _likeliest(start, known[few], targets[few])
    return np.asarray(
        GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True).fit(known, targets).predict(wanted)
    )


def _likeliest(kernel: Kernel, known: NDArray[np.float64], targets: NDArray[np.float64]) -> Kernel:
    return GaussianProcessRegressor(kernel, normalize_y=True).fit(known, targets).kernel_
