"""A Gaussian process over plain features: no network, an exact posterior mean.

Kernel: a constant times a squared exponential of one length scale, plus white noise (Rasmussen and Williams, Gaussian
Processes for Machine Learning, 2006, chapter 5), as scikit-learn has it. Its three numbers maximise the marginal
likelihood of a part of the rows, since that costs the cube of their number many times; all rows are conditioned on.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

LEARNED_ON = 600
"""Rows, drawn by the seed, that choose scale, length and noise."""

Predict = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Features [m, D] to means [m]."""


def gaussian_process(
    features: NDArray[np.float64], target: NDArray[np.float64], seed: int, learned_on: int = LEARNED_ON
) -> Predict:
    """Fit ``target`` [n] on ``features`` [n, D]; the predictor gives posterior means in the unit of ``target``."""
    start = ConstantKernel(10.0, (1e-3, 1e4)) * RBF(2.0, (1e-2, 1e2)) + WhiteKernel(1e-2, (1e-5, 1.0))
    part = np.random.default_rng(seed).permutation(len(target))[:learned_on]
    with warnings.catch_warnings():
        # A bound that is reached, or a flat likelihood, still gives a kernel.
        warnings.simplefilter("ignore", ConvergenceWarning)
        chosen = GaussianProcessRegressor(start, normalize_y=True).fit(features[part], target[part])
    whole = GaussianProcessRegressor(chosen.kernel_, optimizer=None, normalize_y=True).fit(features, target)
    return whole.predict
