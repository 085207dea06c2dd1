import copy
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

import ledg_rt
from ledg_export.batches import predict
from ledg_export.config import LedgConfig
from ledg_export.packing import EncodedGraphs, StoredGraphs
from ledg_export.rates import Penalties, Shares, _part, _Problem, fit, shares_of
from ledg_export.train import embed_all, new_model
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import rate_names
from ledg_rt.platforms import resolve
from ledg_rt.rates import NODE_TRAITS, Rates

PLATFORMS = ("jetson-agx-xavier-cpu/tflite-2.4.1/fp32", "raspberry-pi-4/tflite-2.4.1/fp32")
"""Two of one runtime."""


@pytest.fixture(scope="module")
def parts(data):
    """An untrained ensemble of two, its vocabulary and the states of the graphs."""
    torch.manual_seed(0)
    vocabulary = embed_all(data.sentences(), Embedder(Path(ledg_rt.__file__).parent / "bundle"))
    config = LedgConfig(
        width=32, layers=1, platform_width=32, correction_width=16, known=data.keys(), members=2
    )
    model = new_model(data, config).eval()
    rng = np.random.default_rng(0)
    return model, vocabulary, StoredGraphs(model, EncodedGraphs(data.graphs, vocabulary), data.visits, rng)


def errors(model, vocabulary, data):
    measured = np.concatenate([visit.log_ms for visit in data.visits])
    return np.abs(predict(model, vocabulary, data)[:, 0] - measured)


def test_rates_explain_what_the_model_does_not(data, parts):
    model, vocabulary, stored = parts
    weights = copy.deepcopy(model.state_dict())
    shares = shares_of(model, vocabulary, data, stored, np.random.default_rng(0))
    moved = {}
    for strength in (1e-3, 1e6):
        model = copy.deepcopy(model)
        model.rates = fit(shares, Penalties(runtime=strength, platform=strength))
        moved[strength] = errors(model, vocabulary, data)
    before = errors(parts[0], vocabulary, data)
    assert set(model.rates.names) <= {
        name for text in data.platform_ids for name in rate_names(resolve(text))
    }
    assert moved[1e-3].mean() < 0.3 * before.mean()
    np.testing.assert_allclose(moved[1e6], before, atol=0.01)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_rates_are_kept_with_the_model(data, parts, tmp_path):
    model, vocabulary, _ = parts
    model = copy.deepcopy(model)
    model.rates = Rates.of({"runtime tflite cpu fp32": {"Conv with learned weights pointwise": 0.5}})
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    with_rates = predict(again, vocabulary, data)
    np.testing.assert_allclose(with_rates, predict(model, vocabulary, data), rtol=1e-6)
    assert (errors(again, vocabulary, data) != errors(parts[0], vocabulary, data)).all()


def test_shares_are_derivatives_by_the_rate_of_a_node(data, parts):
    model, vocabulary, stored = parts
    found = shares_of(model, vocabulary, data, stored, np.random.default_rng(0))
    trait, step = "Conv with learned weights pointwise", 0.05
    has = (found.traits == found.trait_names.index(trait)).any(-1)
    told = np.bincount(found.row, found.share * has[found.pair])[found.graph >= 0]
    moved = copy.deepcopy(model)
    moved.rates = Rates.of({"runtime tflite cpu fp32": {trait: step}})
    change = predict(moved, vocabulary, data)[:, 0] - predict(model, vocabulary, data)[:, 0]
    np.testing.assert_allclose(np.sort(told), np.sort(change / step), rtol=0.05, atol=1e-3)
    assert np.ptp(told) > 0.1
    assert {found.platforms[at] for at in found.platform} == set(data.platform_ids)
    assert (found.graph >= 0).sum() == 2 * len(data.graphs)
    assert len(set(found.graph) - {-1}) == len(data.graphs)
    assert found.twins.size == (found.graph < 0).sum() == 4 * len(data.visits)
    assert (found.graph[found.twins] == -1).all()


def made(true, seed):
    """200 rows on two platforms of one runtime, a pair of each platform for two kinds, and what ``true`` rates do to them."""
    rng = np.random.default_rng(seed)
    platform = np.repeat([0, 1], 100)
    first = rng.uniform(0.1, 0.9, 200)
    share = np.column_stack([first, 1 - first]).ravel().astype(np.float32)
    pair = (2 * platform[:, None] + [0, 1]).ravel()
    row = np.repeat(np.arange(200), 2)
    error = np.log(np.bincount(row, share * np.exp(np.array(true).ravel()[pair])))
    traits = np.zeros((4, NODE_TRAITS), dtype=np.int64)
    traits[:, 0] = [0, 1, 0, 1]
    part = np.zeros((4, NODE_TRAITS), dtype=np.float32)
    part[:, 0] = 1
    return Shares(
        ("one", "two"), PLATFORMS, error.astype(np.float32), np.arange(200), row, pair, share, traits, part,
        np.array([0, 0, 1, 1]), np.zeros((2, 0), dtype=np.int64),
    )  # fmt: skip


def test_what_platforms_share_goes_to_their_runtime_and_the_rest_to_themselves():
    together = fit(made([[0.8, -0.5], [0.8, -0.5]], 0), Penalties(runtime=0.1, platform=10))
    apart = fit(made([[0.8, -0.5], [-0.8, 0.5]], 0), Penalties(runtime=0.1, platform=0.1))
    (runtime, first), (_, second) = (rate_names(resolve(text)) for text in PLATFORMS)

    def rates(table, name):
        found = dict.fromkeys(("one", "two"), 0.0)
        if (at := table.names.get(name)) is not None:
            here = slice(table.starts[at], table.starts[at + 1])
            traits = list(table.traits)
            found |= zip(
                map(traits.__getitem__, table.columns[here]), table.values[here].tolist(), strict=True
            )
        return pytest.approx(list(found.values()), abs=0.06)

    assert rates(together, runtime) == [0.8, -0.5]
    assert rates(together, first) == [0, 0]
    assert rates(apart, first) == [0.8, -0.5]
    assert rates(apart, second) == [-0.8, 0.5]


def test_a_name_of_few_networks_is_held_more_than_one_of_many():
    (_, platform) = rate_names(resolve(PLATFORMS[0]))

    def moved(rows, few):
        shares = made([[0.8, -0.5], [-0.8, 0.5]], 0)
        shares = dataclasses.replace(shares, graph=shares.graph % rows)
        table = fit(shares, Penalties(runtime=100, platform=5, repeats=0, few=few))
        at = table.names[platform]
        return float(np.abs(table.values[table.starts[at] : table.starts[at + 1]].astype(np.float32)).sum())

    # The same rows, of four networks or of a hundred.
    assert moved(4, 0) == pytest.approx(moved(100, 0))
    assert moved(4, 60) < 0.7 * moved(100, 60)


def with_twins(shares, rows):
    """``shares`` with twins: ``rows`` are (pair, share, log latency) of a network and of its heavier twin in turn."""
    first = len(shares.error)
    added = np.arange(first, first + len(rows))
    pair, share, log_ms = (np.array(column) for column in zip(*rows, strict=True))
    return dataclasses.replace(
        shares,
        error=np.append(shares.error, -log_ms.astype(np.float32)), graph=np.append(shares.graph, np.full(len(rows), -1)),
        row=np.append(shares.row, added), pair=np.append(shares.pair, pair), share=np.append(shares.share, share.astype(np.float32)),
        twins=added.reshape(-1, 2).T,
    )  # fmt: skip


def test_the_gradient_of_the_fit_is_that_of_its_loss():
    shares = with_twins(
        made([[0.8, -0.5], [-0.3, 0.5]], 0), [(0, 0.9, 1.0), (1, 0.7, 1.1), (2, 1.0, 2.0), (3, 0.8, 2.1)]
    )
    problem = _Problem(shares, [rate_names(resolve(text)) for text in PLATFORMS], Penalties(order=7.0))
    rates = np.random.default_rng(0).normal(0, 0.4, len(problem.unknowns))
    steps = 1e-6 * np.eye(len(rates))
    numeric = [(problem.loss(rates + step)[0] - problem.loss(rates - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(problem.loss(rates)[1], numeric, rtol=1e-4, atol=1e-4)


def test_twins_stay_with_their_runtime():
    """Two runtimes fitted together are what each is alone."""
    shares = with_twins(
        made([[0.8, -0.5], [0.8, -0.5]], 0), [(2, 1.0, 1.0), (3, 1.0, 1.1), (0, 1.0, 1.0), (1, 1.0, 1.3)]
    )
    apart = dataclasses.replace(shares, platforms=(PLATFORMS[0], "raspberry-pi-4/ncnn/fp32"))
    parts = [_part(apart, np.arange(2) == at) for at in (0, 1)]
    assert [part.twins.tolist() for part in parts] == [[[100], [101]]] * 2
    assert [part.error[part.twins].tolist() for part in parts] == [
        [[-1.0], [np.float32(-1.3)]],
        [[-1.0], [np.float32(-1.1)]],
    ]
    together = fit(apart, Penalties(order=1000))
    for part in parts:
        alone = fit(part, Penalties(order=1000))
        for name, at in alone.names.items():
            here, there = (
                slice(table.starts[row], table.starts[row + 1])
                for table, row in ((alone, at), (together, together.names[name]))
            )
            np.testing.assert_allclose(alone.values[here], together.values[there], atol=1e-3)


def test_rates_leave_a_heavier_twin_the_slower_one():
    """A network of the first kind and a twin of the second on the first platform, slower by a tenth before rates that would halve it."""
    shares = with_twins(made([[0.8, -0.5], [0.8, -0.5]], 0), [(0, 1.0, 1.0), (1, 1.0, 1.1)])

    def gap(order):
        rates = fit(shares, Penalties(runtime=0.1, platform=10, order=order))
        table = sum(
            np.bincount(rates.columns[here], rates.values[here], minlength=2)
            for name in rate_names(resolve(PLATFORMS[0]))
            if (at := rates.names.get(name)) is not None
            for here in [slice(rates.starts[at], rates.starts[at + 1])]
        )
        return 0.1 + table[1] - table[0]

    assert gap(0) < -1
    assert gap(1000) == pytest.approx(0.01, abs=0.01)
