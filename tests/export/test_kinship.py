"""Kin of a small model: platforms of the catalogue, vectors that depend on a figure."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import ledg_rt
from ledg_export.batches import LatencyData, predict
from ledg_export.config import LedgConfig
from ledg_export.corpora.sample import Sample
from ledg_export.kinship import Search, _blocks, _left_out, fit_kin
from ledg_export.train import embed_all, new_model
from ledg_export.zoo import build
from ledg_rt.embedding import Embedder
from ledg_rt.encoding import encode_graph, encode_platform
from ledg_rt.kinship import COMPARED, NO_NAME, STARTS, Units, likeness, pairs, starts
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph

GRAPHS = ("mobilenet_v1/0.25-128", "mobilenet_v2/0.35-96")


@pytest.fixture(scope="module")
def data():
    boards = [
        device.id
        for device in devices().values()
        if device.kind == "cpu" and device.clock_ghz is None and device.clusters
    ]
    samples = [
        Sample(graph, f"{board}/ncnn/fp32/{threads}t", 1, 3.0, "p50", "ncnn", graph, graph)
        for graph in GRAPHS for board in boards[:40] for threads in (1, 4)
    ]  # fmt: skip
    graphs = {graph: encode_graph(read_graph(build(graph).SerializeToString())) for graph in GRAPHS}
    return LatencyData(samples, graphs)


@pytest.fixture(scope="module")
def parts(data):
    """An untrained model whose memory of each platform follows its clock."""
    torch.manual_seed(0)
    vocabulary = embed_all(data.sentences(), Embedder(Path(ledg_rt.__file__).parent / "bundle"))
    config = LedgConfig(
        width=16, layers=1, heads=2, platform_width=16, correction_width=8, known=data.keys(), members=2
    )
    model = new_model(data, config).eval()
    position = {key: 1 + at for at, key in enumerate(config.known)}
    with torch.no_grad():
        for member in model.members:
            member.head.physics.weight.normal_(std=0.1)
            direction = torch.randn(config.platform_width)
            for name in data.platform_ids:
                platform = resolve(name)
                at = position[encode_platform(platform).keys[-1]]
                member.platform_encoder.known.weight[at] = np.log(platform.clock_ghz or 1.0) * direction
    return model, vocabulary


def test_each_block_is_told_from_the_others_alone():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(7, 7))
    own, values = torch.from_numpy(root @ root.T + np.eye(7)), torch.from_numpy(rng.normal(size=(7, 2)))
    labels = ["a", "b", "a", "c", "b", "c", "d"]
    inverse = torch.linalg.inv(own)
    found = _left_out(inverse, inverse @ values, _blocks(labels))
    for label in set(labels):
        here = torch.tensor([other == label for other in labels])
        told = own[here][:, ~here] @ torch.linalg.solve(own[~here][:, ~here], values[~here])
        torch.testing.assert_close(found[here], values[here] - told)


def test_chips_and_stacks_are_left_out_whatever_is_compared(data, parts, monkeypatch):
    class Nameless(Units):
        def describe(self, platforms, words):
            found = super().describe(platforms, words)
            return replace(found, names=np.full_like(found.names, NO_NAME))

    left_out = []
    monkeypatch.setattr(
        "ledg_export.kinship._blocks", lambda labels: left_out.append(list(labels)) or _blocks(labels)
    )
    model, vocabulary = parts
    for units in (Units, Nameless):
        fit_kin(model, vocabulary, data, np.random.default_rng(0), Search(steps=1), units=units)
    chips, stacks, *nameless = left_out
    assert nameless == [chips, stacks]
    assert len(set(chips)) <= len(set(stacks)) < len(stacks)


def test_the_search_tells_left_out_chips_better_than_the_mean_and_known_ones_stay(data, parts):
    model, vocabulary = parts
    found = {
        steps: fit_kin(model, vocabulary, data, np.random.default_rng(0), Search(steps=steps))
        for steps in (1, 25)
    }
    before = predict(model, vocabulary, data)
    model.kin = found[25]
    np.testing.assert_allclose(predict(model, vocabulary, data)[:, 0], before[:, 0], rtol=1e-5, atol=1e-5)
    model.kin = None
    kin = found[25]
    own = likeness(kin.scales, pairs(kin.described, kin.described))
    told = (kin.middle + own @ kin.weights)[:, -len(STARTS) :]
    numbers = np.stack([encode_platform(resolve(data.platform_ids[at])).numeric for at in data.used()])
    np.testing.assert_allclose(told, starts(numbers), atol=0.2)
    assert found[25].vectors.shape == (len(data.used()), 2, 16)
    off = {steps: _off(kin, data) for steps, kin in found.items()}
    assert off[25] < 0.95 * off[1]


def test_figures_that_known_platforms_lack_count_as_usual(data, parts):
    model, vocabulary = parts
    described = fit_kin(model, vocabulary, data, np.random.default_rng(0), Search(steps=1)).described
    somewhere = (described.known.any(0) & (COMPARED > 0))[None] & (described.known == 0)
    assert somewhere.any()
    assert np.count_nonzero(described.figures[somewhere]) > 0.9 * somewhere.sum()


def _off(kin, data):
    """How far the vectors of new clocks are from where the rule of the fixture puts them, beside those of the mean."""
    names = [name for name in data.platform_ids if name.endswith("/1t")][::5]
    apart = []
    for name in names:
        encoding = encode_platform(resolve(name))
        stranger = encode_platform(resolve(name.replace("/1t", "/2t")))
        vectors = kin.tell(stranger, np.zeros(384, dtype=np.float32)).vectors
        apart.append(np.abs(vectors - kin.vectors[kin.positions[encoding.keys[-1]]]).mean())
    return float(np.mean(apart))
