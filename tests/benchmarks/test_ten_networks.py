"""Splits of the ten families, on a small table of them."""

import numpy as np
import pytest

from benchmarks.accuracy.ten_networks import SEEDS, Networks, in_domain, leave_one_out, measured, official
from benchmarks.measure.table import REFERENCE_FAMILY, Measured, write
from ledg_export import zoo
from ledg_rt.encoding import QUANTITIES

FAMILIES = ("alexnet", "nasbench201", "vgg")
EMPTY = "nasbench201/|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
TWIN = "nasbench201/|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
"""Another name of a network without cells."""


@pytest.fixture
def networks():
    """Twenty of each family; rows are told apart by their latency alone."""
    families = np.array(FAMILIES * 20)
    return Networks(families, [None] * len(families), np.arange(len(families), dtype=np.float64))


def parts(fold):
    return [set(rows.tolist()) for rows in (fold.train, fold.test, fold.fit, fold.held)]


def test_in_domain_every_family_is_trained_and_tested_and_each_seed_tests_others(networks):
    tested = []
    for seed in SEEDS:
        train, test, _, _ = parts(in_domain(networks, seed))
        assert not train & test
        assert train | test == set(range(60))
        assert [(networks.families[list(test)] == name).sum() for name in FAMILIES] == [2, 2, 2]
        tested.append(test)
    assert len(set.union(*tested)) == 18


def test_in_domain_a_recipe_is_chosen_without_the_tests_of_any_seed(networks):
    folds = [parts(in_domain(networks, seed)) for seed in SEEDS]
    assert all(fold[2:] == folds[0][2:] for fold in folds)
    fit, held = folds[0][2:]
    assert not fit & held
    assert not (fit | held) & set.union(*(fold[1] for fold in folds))


def test_a_family_that_is_left_out_is_unknown_to_its_choice_as_well(networks):
    folds = list(leave_one_out(networks))
    assert [fold.family for fold in folds] == list(FAMILIES)
    for fold in folds:
        of = [set(networks.families[rows].tolist()) for rows in (fold.train, fold.test, fold.fit, fold.held)]
        train, test, fit, held = of
        assert test == {fold.family}
        assert train == set(FAMILIES) - test
        assert not test & (fit | held)
        assert not fit & held


def test_a_published_file_keeps_its_order(networks):
    published = Networks(networks.families, networks.graphs, networks.log_ms, published=True)
    folds = [parts(in_domain(published, seed)) for seed in SEEDS]
    assert folds[0] == folds[1]
    _, test, fit, held = folds[0]
    assert test == set(range(54, 60))  # the last two of each
    assert held == set(range(48, 54))
    assert fit == set(range(48))


def test_a_network_that_comes_under_two_names_is_one_row(tmp_path):
    names = ["alexnet/224", EMPTY, TWIN]
    rows = [Measured(name.split("/")[0], name, at + 1.0, 9.0, 5, 0.0, 1.0, "here") for at, name in enumerate(names)]  # fmt: skip
    rows.append(Measured(REFERENCE_FAMILY, "resnet/18-224", 5.0, 5.0, 5, 0.0, 1.0, "here"))
    write(tmp_path / "t.csv", rows)
    found = measured(tmp_path / "t.csv")
    assert found.families.tolist() == ["alexnet", "nasbench201"]
    assert np.exp(found.log_ms) == pytest.approx([1.0, 2.0])
    assert len(found.graphs) == 2


def test_the_published_folder_is_read_at_its_batch(tmp_path):
    (tmp_path / "onnx" / "nasbench201").mkdir(parents=True)
    for at, name in enumerate(
        (EMPTY, "nasbench201/|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")
    ):
        (tmp_path / "onnx" / "nasbench201" / f"{at}.onnx").write_bytes(zoo.build(name).SerializeToString())
    lines = ["1 onnx/nasbench201/0.onnx 4 2.5 x 1", "2 onnx/nasbench201/0.onnx 4 2.5 x 10"]
    (tmp_path / "gt.txt").write_text("\n".join(lines) + "\n")
    found = official(tmp_path)
    assert found.published
    assert np.exp(found.log_ms) == pytest.approx([2.5])
    assert found.graphs[0].batch == 4
    macs = QUANTITIES.index("macs")
    assert found.graphs[0].quantities[:, macs].sum() > 0
