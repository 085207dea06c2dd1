import numpy as np
import pytest

from benchmarks.peers.path_ensemble import PathRecipe, gaussian_process, path_ensemble

RNG = np.random.default_rng(0)
POINTS = RNG.integers(0, 3, (150, 4)).astype(float)
TARGETS = POINTS @ [1.0, -2.0, 0.5, 0.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("smoothness", [1.5, np.inf])
def test_the_process_interpolates_a_smooth_function(smoothness):
    found = gaussian_process(POINTS[:100], TARGETS[:100], POINTS[100:], smoothness, 0)
    assert np.abs(found - TARGETS[100:]).max() < 0.3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scores_keep_the_order_of_a_monotone_function():
    found = path_ensemble(POINTS[:100], TARGETS[:100], POINTS[100:], PathRecipe(trees=50), 0)
    assert np.corrcoef(found, TARGETS[100:])[0, 1] > 0.9
