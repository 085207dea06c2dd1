"""Lending: nothing of a chip reaches its own prediction, likeness decides, a few samples move the level."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.cross_hardware import Score, Table, held_out, leave_a_chip_out, rows
from benchmarks.accuracy.hardware_columns import Space
from benchmarks.accuracy.lending import Lending, few_shots, offers, smoothed, standard

COLUMNS = {
    "1080ti_1": "nvidia-gtx-1080-ti/pytorch/fp32", "2080ti_1": "nvidia-rtx-2080-ti/pytorch/fp32",
    "titanxp_1": "nvidia-titan-xp/pytorch/fp32", "silver_4114": "xeon-silver-4114/pytorch/fp32",
    "silver_4210r": "xeon-silver-4210r/pytorch/fp32", "gold_6240": "xeon-gold-6240/pytorch/fp32",
}  # fmt: skip


@pytest.fixture
def table():
    """Two kinds of platforms that disagree about the cost of the second of two choices."""
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (120, 2)).astype(float)
    features = np.hstack([features, rng.normal(size=(120, 2))])
    gpu, cpu = features @ [1, 0, 0.2, 0.1], features @ [0, 1, 0.1, -0.2]
    log_ms = np.stack([gpu, gpu + 1, gpu + 2, cpu, cpu + 1, cpu + 2]) + rng.normal(0, 0.02, (6, 120))
    return Table.of("tiny", Space(tuple(COLUMNS), tuple(COLUMNS.values()), (1,) * 6, log_ms, features))


def by_method(scores, samples=0):
    found = {}
    for score in scores:
        if score.samples == samples:
            found.setdefault(score.method, []).append(score.spearman)
    return {method: np.mean(values) for method, values in found.items()}


def test_platforms_that_read_alike_lend(table):
    found = by_method(leave_a_chip_out(table))
    assert found["lending"] > 0.97 > 0.9 > found["mean of other chips"]
    assert found["lending, new networks"] > 0.9


def test_a_prediction_does_not_depend_on_what_the_new_chip_measured(table):
    train, scored = np.arange(5), np.array([5])
    other = table.space.log_ms.copy()
    other[5] = other[5, ::-1]
    changed = Table("tiny", replace(table.space, log_ms=other), table.apart)
    first = Lending(
        table.between(train, train), table.known.scores[train], table.smooth[train], table.space.chips[train]
    )
    weights = first.weights(table.between(scored, train))
    assert weights.sum() == pytest.approx(1)
    before, after = (
        {s.method: s for s in held_out(t, train, scored) if s.samples == 0} for t in (table, changed)
    )
    # Scored against the turned column, the same prediction is worth nothing.
    assert before["lending"].spearman > 0.9 > 0.5 > after["lending"].spearman


def test_missing_measurements_are_lent_by_the_ridge(table):
    log_ms = table.space.log_ms.copy()
    log_ms[1, 60:] = np.nan
    scores = standard(log_ms).scores
    smooth = smoothed(scores, table.space.features, np.ones(120, dtype=bool))
    assert not np.isnan(smooth).any()
    offered = offers(scores, smooth, 1.0)
    np.testing.assert_allclose(offered[1, 60:], smooth[1, 60:])
    np.testing.assert_allclose(offered[0], scores[0])


def test_samples_move_the_level_and_no_sample_contradicts_a_perfect_prior():
    prior, features = np.linspace(0, 1, 50), np.random.default_rng(0).normal(size=(50, 3))
    measured = np.array([3, 20, 41])
    moved = few_shots(prior, features, measured, prior[measured] + 1.0)
    np.testing.assert_allclose(moved, prior + 1, atol=0.05)
    np.testing.assert_allclose(few_shots(prior, features, measured, prior[measured]), prior)


def test_a_chip_with_many_columns_counts_once_in_the_mean_over_chips():
    scores = [
        Score("lending", 0, "a_1", "a", 0, 0.5, 10.0), Score("lending", 0, "a_2", "a", 0, 0.7, 20.0),
        Score("lending", 0, "b_1", "b", 0, 0.9, 30.0),
    ]  # fmt: skip
    found = {
        (row.metric, row.setting["mean over"]): row.mean
        for row in rows("t", scores, 0.0)
        if "mean over" in row.setting
    }
    assert found["spearman", "columns"] == pytest.approx(0.7)
    assert found["spearman", "chips"] == pytest.approx(0.75)
    assert found["mape", "chips"] == pytest.approx(22.5)
    assert sum("column" in row.setting for row in rows("t", scores, 0.0)) == 6
