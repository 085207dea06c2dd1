import numpy as np
import pytest
import torch
from scipy.stats import norm

from benchmarks.accuracy import accuracy_methods, cell_proxies
from benchmarks.accuracy.accuracy_methods import LedgRecipe, process_points, process_scores
from benchmarks.accuracy.cell_proxies import NAMES, _Networks, _Trace, drawn_inputs
from benchmarks.accuracy.cell_space import space_of
from benchmarks.accuracy.nasbench201_cells import cell_of
from benchmarks.peers.training import Recipe

NOTHING = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
SKIP = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"
POOL = "|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|"
CONV = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"
CHAIN = "|nor_conv_1x1~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|"
RESIDUAL = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
TEXTS = (CHAIN, CONV, SKIP, NOTHING, POOL, RESIDUAL, CONV)


@pytest.fixture(scope="module")
def space():
    accuracy = [float(at) for at in range(len(TEXTS))]
    return space_of("toy", [cell_of(text) for text in TEXTS], TEXTS, {"a": accuracy}, {"a": accuracy})


@pytest.fixture(scope="module")
def found(space):
    """Proxies by text."""
    values = cell_proxies.cell_proxies(space)
    return {text: dict(zip(NAMES, values[space.classes[at]], strict=True)) for at, text in enumerate(TEXTS)}


def networks(space, text, linear=False):
    at = TEXTS.index(text)
    used = int((space.kinds[at] >= 0).sum())
    kinds, adjacency = torch.from_numpy(space.kinds[at]), torch.from_numpy(space.adjacency[at])
    return _Networks(kinds[None, :used], adjacency[None, :used, :used], space.kinds.shape[1], 0, linear)


def test_proxies_are_normal_scores_of_classes(space, found):
    assert len(found) == space.classes.max() + 1 == 6
    for name in NAMES:
        values = [proxies[name] for proxies in found.values()]
        assert set(values) <= set(norm.ppf((np.arange(1, 6.5, 0.5) - 0.5) / 6))


def test_what_does_nothing_is_last_and_convolutions_are_first(found):
    for name in ("naswot", "jacob"):
        assert min(found, key=lambda text, name=name: found[text][name]) != CHAIN
    assert found[CHAIN]["naswot"] > found[CONV]["naswot"] > found[SKIP]["naswot"]
    assert found[SKIP]["naswot"] == found[NOTHING]["naswot"]
    assert found[RESIDUAL]["synflow"] > found[CHAIN]["synflow"] > found[SKIP]["synflow"]
    assert found[NOTHING]["snip"] == min(proxies["snip"] for proxies in found.values())


def test_others_beside_it_do_not_change_a_network(space, monkeypatch):
    """Classes of different sizes are run together and apart."""
    together = cell_proxies.cell_proxies(space)
    monkeypatch.setattr(cell_proxies, "CHUNK", 1)
    assert cell_proxies.cell_proxies(space) == pytest.approx(together)


def test_a_skip_passes_its_input_on_and_nothing_is_zero(space):
    images = drawn_inputs(0).images
    stem = networks(space, SKIP)
    outside = stem._outside(stem._outside(images, stem.stem).relu(), stem.reduction)
    assert torch.equal(stem.run(images, _Trace()).flatten(1, 2), outside)
    assert networks(space, NOTHING).run(images, _Trace()).abs().max() == 0
    smooth = networks(space, POOL).run(images, _Trace())
    assert smooth.var() < outside.var()


def test_synflow_is_the_flow_once_for_each_layer(space):
    """A chain of n layers is linear in each, so that the sum of weights times gradients is n times the output."""
    for text, layers in ((CONV, 3), (CHAIN, 9)):
        chain = networks(space, text, linear=True)
        flow = chain.pooled(chain.run(torch.ones(1, 3, 16, 16), _Trace())).sum()
        gradients = torch.autograd.grad(flow, list(chain.weights.values()))
        assert cell_proxies._saliency(chain, gradients).item() == pytest.approx(
            layers * flow.item(), rel=1e-4
        )


def test_inputs_are_drawn_by_seed_and_smooth():
    images = drawn_inputs(3).images
    assert torch.equal(images, drawn_inputs(3).images)
    assert not torch.equal(images, drawn_inputs(4).images)
    assert (images[..., 1:] * images[..., :-1]).mean() > 0.5
    assert drawn_inputs(3).noise.std().item() == pytest.approx(cell_proxies.NOISE, rel=0.05)


def test_the_processes_read_structure_states_and_proxies(space, found, tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy_methods, "CACHE", tmp_path)
    monkeypatch.setattr(accuracy_methods, "pretrained_states", lambda space, net: np.full((6, 2), net + 1.0))
    recipe = LedgRecipe(Recipe(), nets=1, reach=3.0, proxies=0.5)
    structure, states, proxies, both = process_points(space, recipe)
    width = structure.shape[1]
    assert np.array_equal(states[:, width:], np.full((6, 2), 3.0))
    own = [0.5 * found[CHAIN][name] for name in NAMES]
    assert proxies[space.classes[0], width:] == pytest.approx(own)
    assert both.shape[1] == width + 2 + len(NAMES)
    assert (tmp_path / "toy-proxies.npy").exists()
    assert len(process_points(space, LedgRecipe(Recipe(), reach=0.0, proxies=0.0))) == 1
    assert len(process_points(space, LedgRecipe(Recipe(), reach=3.0, proxies=0.0))) == 2


def test_the_ranks_of_the_processes_are_averaged(space, monkeypatch):
    points = [np.array([[0.0], [1.0], [2.0]]), np.array([[0.0], [2.0], [1.0]])]
    monkeypatch.setattr(accuracy_methods, "process_points", lambda space, recipe: points)
    every, targets = np.arange(3), np.array([-1.0, 0.0, 1.0])

    class Told:
        def predict(self, wanted):
            return wanted[:, 0]

    monkeypatch.setattr(accuracy_methods, "fitted", lambda *given: Told())
    scores = process_scores(space, every, targets, every, LedgRecipe(Recipe()), np.ones(3))
    assert scores.tolist() == [1.0, 2.5, 2.5]
