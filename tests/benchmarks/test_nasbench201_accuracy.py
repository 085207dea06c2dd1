import itertools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy import accuracy_methods, nasbench201_accuracy, nasbench201_cells
from benchmarks.accuracy.accuracy_methods import (
    ENSEMBLE,
    PRETRAINING,
    LedgRecipe,
    Members,
    Method,
    ledg_scores,
    normal_scores,
)
from benchmarks.accuracy.cell_space import CONV1, CONV3, space_of
from benchmarks.accuracy.nasbench201_accuracy import (
    Row,
    ceiling,
    drawn_cells,
    elsewhere,
    held_out_tau,
    kept,
    known,
    references,
    row_of,
    scored,
    table,
    tau,
    tuned,
)
from benchmarks.accuracy.nasbench201_cells import cell_of
from benchmarks.peers.path_ensemble import PathRecipe
from benchmarks.peers.training import Recipe

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def space():
    """256 cells whose accuracy is the weight of their operations; cells of the same operations are a class."""
    cells = [
        cell_of(f"|{a}~0|+|{b}~0|{c}~1|+|skip_connect~0|none~1|{d}~2|")
        for a, b, c, d in itertools.product(OPERATIONS, repeat=4)
    ]
    accuracy = [50 + 10 * cell.kinds.count(CONV3) + 5 * cell.kinds.count(CONV1) for cell in cells]
    classes = [(sorted(cell.kinds), sorted(cell.edges)) for cell in cells]
    labels = dict.fromkeys(("cifar10", "cifar100"), accuracy)
    return space_of("toy", cells, classes, labels, labels, once=frozenset({"cifar100"}))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for module in (nasbench201_accuracy, accuracy_methods):
        monkeypatch.setattr(module, "CACHE", tmp_path)
    return tmp_path


def test_known_is_the_mean_of_the_drawn_members(space):
    cells = np.flatnonzero(space.classes == space.classes[0])[:2]
    noisy = replace(space, labels={"cifar10": np.arange(len(space), dtype=float)})
    found = known(noisy, "cifar10", cells)
    assert found.classes.tolist() == [space.classes[0]]
    assert found.accuracy.tolist() == [cells.mean()]
    assert found.counts.tolist() == [2]


def test_a_smaller_draw_begins_a_larger_one(space):
    assert drawn_cells(space, 20, 3).tolist() == drawn_cells(space, 50, 3)[:20].tolist()
    assert set(drawn_cells(space, 20, 3)) != set(drawn_cells(space, 20, 4))


def test_normal_scores_keep_order_and_ties():
    found = normal_scores(np.array([90.0, 10.0, 91.0, 90.0]))
    assert found[0] == found[3]
    assert found.argmin() == 1
    assert found.argmax() == 2


def test_members_are_averaged(space):
    values = Members(space).mean(lambda rows: rows.double(), np.array([space.classes[0]]))
    assert values.tolist() == [np.flatnonzero(space.classes == space.classes[0]).mean()]


def test_held_out_cells_are_not_known(space, monkeypatch):
    monkeypatch.setattr(nasbench201_accuracy, "TUNED_AT", 100)
    seen = []

    def scores(space, known, targets, wanted, recipe, seed, counts):
        seen.append((set(known), set(wanted)))
        return np.arange(len(wanted), dtype=float)

    held_out_tau(Method("spy", lambda rng: None, scores), space, "cifar10", None)
    assert len(seen) == 2
    for learned, wanted in seen:
        assert not learned & wanted
        assert len(wanted) == pytest.approx(len(learned) / 3, abs=2)


def test_the_best_recipe_is_kept_and_trials_are_not_repeated(space, cache, monkeypatch):
    monkeypatch.setattr(nasbench201_accuracy, "TUNED_AT", 100)
    calls = []

    def scores(space, known, targets, wanted, recipe, seed, counts):
        calls.append(recipe)
        truth = np.array([space.truth["cifar10"][space.classes == item][0] for item in wanted])
        return truth + recipe * np.random.default_rng(0).normal(size=len(wanted))

    method = Method("noise", lambda rng: float(rng.uniform(0, 40)), scores)
    recipe, taus = tuned(method, space, "cifar10")
    assert recipe == min(calls)
    assert len(taus) == nasbench201_accuracy.TRIALS
    before = len(calls)
    assert tuned(method, space, "cifar10") == (recipe, taus)
    assert len(calls) == before


def test_cells_with_a_known_truth_are_not_ranked(space):
    def scores(space, known, targets, wanted, recipe, seed, counts):
        """Right for what was learned, wrong for the rest."""
        truth = np.array([space.truth["cifar10"][space.classes == item][0] for item in wanted])
        return np.where(np.isin(wanted, known), truth, -truth)

    singles = replace(space, classes=np.arange(len(space)))
    method = Method("memory", lambda rng: None, scores)
    assert scored(method, singles, "cifar100", None, 100, 0)["tau"] == pytest.approx(-1)
    assert scored(method, singles, "cifar10", None, 100, 0)["tau"] > -0.9


def test_the_number_of_labels_reaches_the_method(space):
    seen = []

    def scores(space, known, targets, wanted, recipe, seed, counts):
        seen.append(counts)
        return np.arange(len(wanted), dtype=float)

    scored(Method("spy", lambda rng: None, scores), space, "cifar10", None, 100, 0)
    assert seen[0].sum() == 100
    assert seen[0].max() > 1


def test_rows_of_settings_that_were_not_run_are_kept():
    row = Row(
        "p", "ledg", {"dataset": "cifar10", "samples": 78}, "kendall_tau", 0.5, 0.01, [0], "v", "c", 1.0
    )
    keep = elsewhere([row])
    assert not keep({"method": "ledg", "setting": row.setting})
    assert keep({"method": "ledg", "setting": row.setting | {"samples": 156}})
    assert keep({"method": "NNLP", "setting": row.setting})
    assert not keep({"method": "a method of long ago", "setting": row.setting})


def test_kept_counts_processor_time(cache):
    first = kept("a name", lambda: {"tau": 0.5})
    assert first["tau"] == 0.5
    assert first["seconds"] >= 0
    assert kept("a name", lambda: {"tau": 0.9}) == first


def test_a_row_needs_every_draw(space, cache):
    method = Method("noise", lambda rng: None, lambda *given: np.arange(len(given[3]), dtype=float))
    asked = ("protocol", space, method, "cifar10", 50, "nothing")
    taus = []
    for seed in nasbench201_accuracy.SEEDS:
        assert row_of(*asked) is None
        taus.append(kept(f"toy-cifar10-noise-50-{seed}", lambda seed=seed: {"tau": seed / 10})["tau"])
    row = row_of(*asked)
    assert (row.mean, row.std) == pytest.approx((np.mean(taus), np.std(taus, ddof=1)))


def test_the_ensemble_ranks_an_additive_space(space):
    assert scored(ENSEMBLE, space, "cifar10", PathRecipe(trees=30), 120, 0)["tau"] > 0.9


@pytest.mark.parametrize("process", [0.0, 0.5, 1.0])
def test_ledg_ranks_an_additive_space(space, cache, monkeypatch, process):
    monkeypatch.setattr(accuracy_methods, "PRETRAINING", replace(PRETRAINING, steps=60, batch=64))
    training = Recipe(PRETRAINING.width, PRETRAINING.layers, dropout=0.0, steps=30, batch=64)
    method = Method("ledg", lambda rng: None, ledg_scores)
    recipe = LedgRecipe(training, nets=1, process=process)
    assert scored(method, space, "cifar10", recipe, 120, 0)["tau"] > 0.8


@needs_data
def test_reference_lines_of_the_real_table():
    real = nasbench201_cells.load(Path(os.environ["LEDG_DATA"]))
    assert len(real) == 15625
    assert real.classes.max() + 1 == 6466
    itself, mean = (row.mean for row in references(real))
    assert round(itself, 3) == 0.882
    assert round(mean, 3) == 0.894


def test_smoothed_labels_of_all_cells_beat_the_labels_themselves(space, cache):
    noisy = space.truth["cifar10"] + np.random.default_rng(0).normal(size=len(space))
    told = ceiling(replace(space, labels={**space.labels, "cifar10": noisy}))
    assert told.seeds == [0, 1, 2]
    assert told.mean > tau(noisy, space.truth["cifar10"]) + 0.02


def test_tau_is_tau_b():
    assert tau(np.array([1.0, 2, 3]), np.array([1.0, 1, 2])) == pytest.approx(2 / np.sqrt(6))


def test_table_has_a_line_for_each_method():
    rows = [
        Row(
            "p",
            "ours",
            {"dataset": "cifar100", "samples": size},
            "kendall_tau",
            0.5,
            0.01,
            [0],
            "v",
            "c",
            1.0,
        )
        for size in (78, 1563)
    ]
    lines = table(rows, "cifar100", published={"theirs": (0.4, None, 0.6, 0.7, 0.8)}).splitlines()
    assert lines[0] == "| cifar100 | 78 | 156 | 469 | 781 | 1563 |"
    assert lines[2:] == [
        "| ours | 0.500 ± 0.010 | - | - | - | 0.500 ± 0.010 |",
        "| theirs | 0.400 | - | 0.600 | 0.700 | 0.800 |",
    ]
