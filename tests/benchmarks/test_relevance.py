import numpy as np
import pytest

from benchmarks.accuracy import relevance
from benchmarks.accuracy.relevance import PLAIN, RelevanceRecipe, fitted, given

ONES = np.ones(80)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(80, 6))


def test_the_gradient_is_that_of_the_loss(points):
    rng = np.random.default_rng(1)
    known, targets, levels = points[:20, :3], rng.normal(size=20), rng.normal(size=20)
    loss = relevance._objective(known, targets, rng.integers(1, 4, 20).astype(float), levels, 0.5)
    at = np.array([0.2, -0.5, 0.1, -1.0, -2.0, 0.3, 0.1, -2.5, 0.2])
    small = 1e-5 * np.eye(len(at))
    by_differences = [(loss(at + step)[0] - loss(at - step)[0]) / 2e-5 for step in small]
    assert loss(at)[1] == pytest.approx(by_differences, abs=1e-6)


def test_a_feature_that_says_nothing_loses_its_weight(points):
    targets = np.sin(2 * points[:, 0])
    weights = fitted(points, targets, ONES, RelevanceRecipe()).weights
    assert weights[0] > 3 * weights[1:].max()
    equal = fitted(points, targets, ONES, PLAIN).weights
    assert equal == pytest.approx(equal[0] * np.ones(6))


def test_relevance_beats_one_length(points):
    wanted = np.random.default_rng(2).normal(size=(200, 6))

    def error(recipe):
        found = fitted(points, np.sin(2 * points[:, 0]), ONES, recipe).predict(wanted)
        return np.abs(found - np.sin(2 * wanted[:, 0])).mean()

    assert error(RelevanceRecipe()) < 0.6 * error(PLAIN)


def test_the_noise_follows_the_level(points):
    rng = np.random.default_rng(3)
    level = points[:, 0]
    targets = level + np.where(level > 0, 0.6, 0.02) * rng.normal(size=80)
    noise = fitted(points[:, :1], targets, ONES, RelevanceRecipe()).noise
    low, high = (relevance._variance(noise, np.ones(1), np.array([value]))[0][0] for value in (-1.0, 1.0))
    assert high > 10 * low
    constant = fitted(points[:, :1], targets, ONES, RelevanceRecipe(levels=False)).noise
    assert constant[[1, 2, 4]].tolist() == [0, 0, 0]


def test_the_mean_of_many_labels_is_trusted_more():
    known = np.zeros((60, 1))
    targets = np.concatenate([np.random.default_rng(4).normal(size=30), np.ones(30)])
    counts = np.repeat([1.0, 100.0], 30)
    assert fitted(known, targets, counts, PLAIN).predict(known)[0] > 0.9
    alike = fitted(known, targets, np.ones(60), PLAIN).predict(known)[0]
    assert alike == pytest.approx(targets.mean(), abs=0.05)


def test_unseen_is_what_all_others_predict(points):
    targets = points[:, 0] + 0.1 * points[:, 1]
    found = fitted(points, targets, ONES, PLAIN)
    kernel = (
        found.scale * relevance._matern(relevance._squares(points * found.weights, points * found.weights))[0]
    )
    variance = relevance._variance(found.noise, ONES, np.zeros(80))[0]
    others = np.arange(1, 80)
    shares = np.linalg.solve(
        kernel[np.ix_(others, others)] + np.diag(variance[others]), targets[others] - targets.mean()
    )
    assert found.unseen[0] == pytest.approx(targets.mean() + kernel[0, others] @ shares)


def test_a_process_that_is_given_more_targets_tells_more(points):
    targets, low = np.sin(2 * points[:, 0]), points[:, 0] < 0
    few = fitted(points[low], targets[low], ONES[low], RelevanceRecipe())
    again = given(few, points[low], targets[low], ONES[low])
    assert again.weights is few.weights
    assert again.predict(points) == pytest.approx(few.predict(points), abs=0.05)
    more = given(few, points, targets, ONES)
    assert np.abs(few.predict(points[~low]) - targets[~low]).max() > 0.3
    assert more.predict(points[~low]) == pytest.approx(targets[~low], abs=0.1)
