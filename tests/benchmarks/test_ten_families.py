"""The two protocols of the ten families, on a few small networks."""

import json

import numpy as np
import pytest
import torch

from benchmarks.accuracy import ten_families as protocol
from benchmarks.accuracy import ten_former, ten_methods
from benchmarks.accuracy.ten_former import TenFormer, TenRecipe
from benchmarks.accuracy.ten_methods import METHODS, OURS, Inputs, Method
from benchmarks.accuracy.ten_networks import Fold, Networks
from ledg_export import zoo
from ledg_export.config import LedgConfig
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

FAMILIES = ("alexnet", "nasbench201", "squeezenet")
EACH = 10


@pytest.fixture(scope="module")
def inputs():
    names = [(family, f"nnlqp_families/{family}-{at}") for at in range(EACH) for family in FAMILIES]
    graphs = [encode_graph(read_graph(zoo.build(name).SerializeToString())) for _, name in names]
    ms = np.array([graph.quantities[:, 1].sum() / 5e7 + 0.01 * len(graph.text) for graph in graphs])
    return Inputs(Networks(np.array([family for family, _ in names]), graphs, np.log(ms)))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_each_method_tells_the_rows_that_it_is_asked_in_their_order(inputs, method, monkeypatch):
    monkeypatch.setattr(ten_methods, "STEPS", 2)
    known, asked = np.arange(20), np.arange(20, 30)
    told = method.tell(inputs, known, asked, 0, 0, 1.0)
    assert told.shape == (10,)
    assert np.isfinite(told).all()
    turned = method.tell(inputs, known, asked[::-1].copy(), 0, 0, 1.0)
    assert turned == pytest.approx(told[::-1], abs=1e-4)


def test_ours_learns_a_sum_of_costs_that_holds_for_a_family_it_has_not_seen(inputs):
    families = inputs.networks.families
    known, asked = np.flatnonzero(families != "squeezenet"), np.flatnonzero(families == "squeezenet")
    log_ms = torch.from_numpy(inputs.networks.log_ms).float()
    model = ten_former.fit(
        TenRecipe(steps=60, batch=10), inputs.flat, torch.from_numpy(known), log_ms[known], 0
    )
    told = ten_former.predict(model, inputs.flat, torch.from_numpy(asked))
    assert (told - log_ms[asked]).abs().mean() < 0.25


@torch.no_grad()
def test_a_network_is_told_the_same_alone_and_among_others(inputs):
    torch.manual_seed(0)
    flat = inputs.flat
    model = TenFormer(LedgConfig(width=16, layers=2), flat.vocabulary.vectors, TenRecipe().prices).eval()
    torch.nn.init.normal_(model.factor[-1].weight)
    together = ten_former.predict(model, flat, torch.arange(4))
    alone = torch.cat([ten_former.predict(model, flat, torch.tensor([row])) for row in range(4)])
    assert torch.allclose(together, alone, atol=1e-4)


def test_the_trial_of_the_least_held_error_is_chosen_and_nothing_is_fitted_twice(inputs, tmp_path):
    log_ms, calls = inputs.networks.log_ms, []

    def tell(inputs, known, asked, trial, seed, share):
        calls.append(trial)
        # Trial 2 is the best on the held rows, trial 1 on all that are asked.
        off = np.where(np.isin(asked, fold.held), [0.3, 0.2, 0.1][trial], [0.9, 0.0, 0.9][trial])
        return log_ms[asked] + off

    fold = Fold("", np.arange(20), np.arange(20, 30), np.arange(10), np.arange(10, 15))
    run = protocol.Run(Method("m", 3, tell), inputs, tmp_path)
    assert run.trial(fold) == 2
    assert run.scores(fold, 0)["mape"] == pytest.approx(100 * np.expm1(0.9))
    assert calls == [0, 1, 2, 2]
    assert len(run.spent) == 4
    assert run.minutes == pytest.approx(
        sum(json.loads(path.read_text())["minutes"] for path in tmp_path.iterdir())
    )
    again = protocol.Run(Method("m", 3, tell), inputs, tmp_path)
    assert again.scores(fold, 0) == run.scores(fold, 0)
    assert calls == [0, 1, 2, 2]


def test_rows_have_both_protocols_and_the_mean_of_the_families(inputs, tmp_path):
    def tell(inputs, known, asked, trial, seed, share):
        left = {"alexnet": 0.1, "nasbench201": 0.2, "squeezenet": 0.6}
        return inputs.networks.log_ms[asked] + np.log1p(
            [left[name] for name in inputs.networks.families[asked]]
        )

    rows = protocol.rows_of(Method(OURS, 1, tell), inputs, tmp_path, "own table")
    of = {(row.setting["split"], row.setting["family"], row.metric): row for row in rows}
    assert of["leave one out", "all", "mape"].mean == pytest.approx(30.0)
    assert of["leave one out", "squeezenet", "mape"].mean == pytest.approx(60.0)
    assert of["in-domain", "all", "mape"].mean == pytest.approx(30.0)
    assert of["in-domain", "all", "mape"].seeds == [0, 1, 2]
    assert all(row.setting["ours"] for row in rows)
    line = protocol.table(rows).splitlines()[-1]
    assert line.startswith(f"| {OURS} | 30.00 ± 0.00 |")
    assert protocol.families(rows).splitlines()[-1] == f"| {OURS} | 10.0 | 20.0 | 60.0 | 30.0 |"


def test_the_command_prints_and_writes_and_keeps_the_rows_of_other_methods(
    inputs, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(protocol, "CACHE", tmp_path / "cache")
    monkeypatch.setattr("benchmarks.accuracy.protocol.RESULTS", tmp_path)
    monkeypatch.setattr(protocol, "measured", lambda path: inputs.networks)
    for name in ("FLOPs", "FLOPs + memory access"):
        monkeypatch.setattr("sys.argv", ["ten_families", "--methods", name])
        protocol.main()
    assert "| FLOPs + memory access |" in capsys.readouterr().out
    rows = json.loads((tmp_path / "ten_families.json").read_text())
    assert {row["method"] for row in rows} == {"FLOPs", "FLOPs + memory access"}
    assert {row["setting"]["data"] for row in rows} == {"own table"}
