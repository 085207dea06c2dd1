import numpy as np
import pytest

from ledg_rt.metrics import accuracy, spearman


def test_figures_of_hand_computed_errors():
    scored = accuracy([10.5, 18.5, 30.0, 80.0], [10.0, 20.0, 20.0, 80.0], ["a"] * 4)
    assert scored.count == 4
    assert scored.mape == pytest.approx((5 + 7.5 + 50 + 0) / 4)
    assert scored.median_ape == pytest.approx((5 + 7.5) / 2)
    assert scored.acc10 == pytest.approx(75)
    assert scored.spearman is None  # four rows are too few to rank


def test_spearman_takes_mean_ranks_for_ties():
    # ranks of b: 1, 2.5, 2.5, 4; d = 0, -.5, .5, 0 -> Pearson on the ranks
    expected = np.corrcoef([1, 2, 3, 4], [1, 2.5, 2.5, 4])[0, 1]
    assert spearman([1, 2, 3, 4], [1, 2, 2, 9]) == pytest.approx(expected)


def test_spearman_is_averaged_over_platforms_not_pooled():
    # each platform is ranked perfectly, but the slow platform's predictions are all lower
    predicted = [1, 2, 3, 4, 5, 0.1, 0.2, 0.3, 0.4, 0.5]
    measured = [1, 2, 3, 4, 5, 10, 20, 30, 40, 50]
    assert accuracy(predicted, measured, ["fast"] * 5 + ["slow"] * 5).spearman == pytest.approx(1)
    assert accuracy(predicted, measured, ["all"] * 10).spearman < 0


def test_constant_side_has_no_rank_correlation():
    assert spearman([1, 1, 1], [1, 2, 3]) is None
