import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import ledg_rt
from ledg_export.batches import predict
from ledg_export.config import LedgConfig
from ledg_export.packing import EncodedGraphs, StoredGraphs
from ledg_export.refine import refine
from ledg_export.train import embed_all, new_model
from ledg_rt.embedding import Embedder


@pytest.fixture(scope="module")
def parts(data):
    """An untrained ensemble of two, its vocabulary and the states of the graphs."""
    torch.manual_seed(0)
    vocabulary = embed_all(data.sentences(), Embedder(Path(ledg_rt.__file__).parent / "bundle"))
    config = LedgConfig(
        width=32, layers=1, platform_width=32, correction_width=16, known=data.keys(), members=2
    )
    model = new_model(data, config)
    for member in model.members:
        torch.nn.init.normal_(member.head.platform.weight, std=0.1)
    rng = np.random.default_rng(0)
    return model.eval(), vocabulary, StoredGraphs(model, EncodedGraphs(data.graphs, vocabulary), data.visits, rng)  # fmt: skip


def errors(model, vocabulary, data):
    measured = np.concatenate([visit.log_ms for visit in data.visits])
    return np.abs(predict(model, vocabulary, data)[:, 0] - measured)


def test_memories_are_fitted_to_the_measurements_and_nothing_else_moves(data, parts):
    before, vocabulary, stored = parts
    model = copy.deepcopy(before)
    refine(model, vocabulary, data, stored, np.random.default_rng(0), ridge=1e-3, steps=5)
    assert errors(model, vocabulary, data).mean() < 0.1 * errors(before, vocabulary, data).mean()
    exact = [1 + at for at, key in enumerate(model.config.known) if key.startswith("platform ")]
    for name, tensor in before.state_dict().items():
        after = model.state_dict()[name].clone()
        if name.endswith("known.weight"):
            assert all((after[at] != tensor[at]).any() for at in exact)
            after[exact] = tensor[exact]
        assert torch.equal(after, tensor), name


def test_a_strong_ridge_leaves_memories_alone(data, parts):
    before, vocabulary, stored = parts
    model = copy.deepcopy(before)
    refine(model, vocabulary, data, stored, np.random.default_rng(0), ridge=1e9, steps=1)
    np.testing.assert_allclose(errors(model, vocabulary, data), errors(before, vocabulary, data), atol=1e-3)
