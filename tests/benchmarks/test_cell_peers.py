import numpy as np
import pytest
import torch

from benchmarks.accuracy import cell_peers
from benchmarks.accuracy.cell_peers import PEERS, chosen, fitted, graphs_of
from benchmarks.peers.training import Recipe


@pytest.fixture(scope="module")
def cells():
    return np.random.default_rng(0).integers(0, 5, (300, 6))


def additive(cells):
    """Log ms of a network that is the sum of its operations."""
    return np.log(1 + np.array([0.0, 0.1, 0.4, 1.0, 0.2])[cells].sum(1))


def test_an_operation_is_read_by_what_reads_its_sum(cells):
    graphs = graphs_of(cells[:2])
    assert graphs.features.shape == (2, 6, graphs.features.shape[-1])
    first, last = graphs.adjacency[0, 0], graphs.adjacency[0, 5]
    assert torch.equal(first.nonzero().ravel(), torch.tensor([2, 4]))  # both that read the first sum
    assert torch.equal(last.nonzero().ravel(), torch.tensor([0, 1, 3]))  # those of the next cell
    assert torch.equal(graphs.totals.sum(-1) * 4, torch.full((2,), 6.0))


@pytest.mark.parametrize("name", PEERS)
def test_each_peer_learns_a_sum(cells, name):
    log_ms = additive(cells)
    recipe = Recipe(width=32, layers=PEERS[name][1][0], dropout=0.0, steps=200, hinge=0.0)
    found = fitted(name, recipe, cells[:250], log_ms[:250], cells[250:], 0)
    assert np.abs(found - log_ms[250:]).mean() < 0.3 * log_ms.std()


def test_the_recipe_of_the_least_held_error_is_chosen_and_trials_are_kept(cells, tmp_path, monkeypatch):
    log_ms = additive(cells)
    off = iter([0.3, 0.1, 0.2])
    monkeypatch.setattr(cell_peers, "TRIALS", 3)
    monkeypatch.setattr(cell_peers, "fitted", lambda *given: log_ms[250:] + next(off))
    asked = ("NNLP", cells[:250], log_ms[:250], cells[250:], log_ms[250:], tmp_path)
    recipe = chosen(*asked)
    assert recipe == cell_peers.draw(np.random.default_rng((4, 1)), (2,))
    assert chosen(*asked) == recipe  # nothing is fitted again
