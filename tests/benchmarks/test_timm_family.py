"""New families on known hardware: folds hold whole families, nobody is predicted by who saw it, rows of all of it."""

import json
from functools import partial

import numpy as np
import pytest

from benchmarks.accuracy import timm_family as protocol
from benchmarks.accuracy.class_former import ClassRecipe
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

PLATFORMS = ("core-i9-10940x/pytorch-2.4/fp32+compile", "nvidia-rtx-3090/pytorch-2.4/amp+throughput")


@pytest.fixture(scope="module")
def table():
    names = [f"mobilenet_v1/{width}-{size}" for width in (0.25, 0.5, 0.75) for size in (96, 128, 160, 192)]
    graphs = {name: encode_graph(read_graph(build(name).SerializeToString())) for name in names}
    samples = [
        Sample(name, platform, batch, float(1 + at), "mean", "timm_benchmark", f"family {at % 6}", name)
        for at, name in enumerate(names)
        for platform, batch in zip(PLATFORMS, (1, 64), strict=True)
        if at or batch == 1
    ]
    return protocol.table_of(samples, graphs)


def test_folds_hold_whole_families_and_are_of_similar_size(table):
    families = np.array([int(ms - 1) % 6 for ms in np.exp(table.rows.log_ms).round()])
    fold = table.fold[table.graph]
    assert all(len(set(fold[families == family])) == 1 for family in range(6))
    assert sorted(np.bincount(fold)) == [4, 4, 4, 4, 7]


def test_others_are_all_folds_but_those_given_the_next_one_first():
    assert protocol.others(3) == [4, 0, 1, 2]
    assert protocol.others(4) == [0, 1, 2, 3]


def test_times_are_of_one_sample_and_missing_where_nothing_was_measured(table):
    log_ms = table.log_ms()
    first, second = (table.names.index(f"mobilenet_v1/0.25-{size}") for size in (96, 128))
    assert np.isnan(log_ms[first, 1])
    np.testing.assert_allclose(np.exp(log_ms[second]), [2, 2 / 64])


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    monkeypatch.setattr(protocol, "KEPT", tmp_path)
    monkeypatch.setattr(protocol, "SEEDS", (0, 1))
    monkeypatch.setattr(protocol.baselines, "TRIALS", 2)
    recipe = ClassRecipe(width=16, epochs=1)
    monkeypatch.setitem(protocol.METHODS, protocol.OURS, partial(protocol.ledg, recipe))
    return tmp_path


def test_every_method_has_rows_of_every_fold_and_of_all(table, tiny):
    rows = protocol.evaluate(table, list(protocol.METHODS))
    assert {row.method for row in rows} == set(protocol.METHODS)
    assert all(np.isfinite(row.mean) and row.seeds == [0, 1] for row in rows)
    sizes = {tuple(row.setting["folds"]): row.setting["measurements"] for row in rows}
    assert sizes.pop((0, 1, 2, 3, 4)) == 23
    assert sum(sizes.values()) == 23
    assert protocol.printed(rows).count("\n") == 1 + len(protocol.METHODS)


def test_a_model_sees_neither_the_scored_families_nor_those_that_choose(table, tiny, monkeypatch):
    seen = []

    def spy(rng, train):
        seen.append(set(np.exp(train.log_ms).round().astype(int)))
        return lambda rows: np.zeros(len(rows.log_ms))

    for scored in range(protocol.FOLDS):
        seen.clear()
        protocol.tuned(lambda: spy, table, protocol.others(scored), scored, 0)
        of = [set(np.exp(table.rows.log_ms[table.of([fold])]).round().astype(int)) for fold in range(5)]
        assert not any(of[scored] & ms for ms in seen)
        assert not any(of[(scored + 1) % 5] & ms for ms in seen[:2])
        assert of[(scored + 1) % 5] <= seen[-1]


def test_the_nearest_network_is_a_known_one_and_its_time_grows_with_the_batch(table):
    train = protocol.others(0)
    found = np.exp(protocol.nearest(table, train, 0, 0))
    known = np.exp(table.log_ms()[np.isin(table.fold, train)])
    here = table.of([0])
    for ms, platform, batch in zip(found, table.platform[here], table.batch[here], strict=True):
        assert np.isclose(ms / batch, known[:, platform]).any()


def test_what_was_predicted_is_kept(table, tiny, monkeypatch):
    before, _ = protocol.predictions(table, protocol.OURS, 0)
    monkeypatch.setitem(protocol.METHODS, protocol.OURS, None)
    np.testing.assert_array_equal(protocol.predictions(table, protocol.OURS, 0)[0], before)
    assert len(list(tiny.iterdir())) == protocol.FOLDS
    assert all(len(json.loads(path.read_text())) == 2 for path in tiny.iterdir())
