"""Cross-validation by group: parts hold whole groups, and no model is scored on what it has seen."""

import numpy as np
import pytest

from benchmarks.accuracy import sanity
from benchmarks.accuracy.baselines import Rows, best_trial
from ledg_export.corpora.sample import Sample
from ledg_export.zoo import build
from ledg_rt.encoding import encode_graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

PLATFORM = "raspberry-pi-4/tflite-2.4.1-ruy/fp32"


def sample(family, isomorphism, platform=PLATFORM):
    return Sample(f"{family}/{isomorphism}", platform, 1, 1.0, "p50", "mlperf_inference", family, isomorphism)


def test_a_part_holds_whole_groups_and_parts_are_of_similar_size():
    groups = ["large"] * 6 + ["middle"] * 4 + ["small"] * 2 + ["tiny"]
    part = sanity.deal(groups, 3)
    assert all(len(set(part[np.array(groups) == group])) == 1 for group in set(groups))
    assert sorted(np.bincount(part)) == [3, 4, 6]


def test_a_source_of_one_family_is_grouped_by_class():
    one = [sample("nasbench201", "a"), sample("nasbench201", "b")]
    assert sanity.groupings(one)["isomorphism class"] == ["a", "b"]
    two = [sample("resnet", "a"), sample("vgg", "b", "nvidia-t4/tensorrt/fp16")]
    assert sanity.groupings(two) == {"family": ["resnet", "vgg"], "chip": ["bcm2711", "nvidia-t4"]}


def test_no_row_is_predicted_by_a_model_that_saw_its_group(monkeypatch):
    graph = encode_graph(read_graph(build("mobilenet_v1/0.25-128").SerializeToString()))
    groups = [name for name in "abcdefgh" for _ in range(3)]
    rows = Rows([graph] * 24, [resolve(PLATFORM)] * 24, np.arange(24.0))

    def fit(rng, train):
        seen = set(train.log_ms)
        return lambda scored: np.array([float(any(y in seen for y in _group(x))) for x in scored.log_ms])

    def _group(value):
        return range(int(value) // 3 * 3, int(value) // 3 * 3 + 3)

    monkeypatch.setattr(sanity, "boosting", lambda totals: fit)
    saw_its_group, scored = sanity.cross_validated(rows, groups)
    assert not saw_its_group[scored].any()
    assert 0 < (~scored).sum() < 12


def test_the_best_trial_can_be_fitted_again():
    def fit(rng, train):
        value = rng.uniform(0, 10)
        return lambda rows: np.full(len(rows.log_ms), value)

    rows = Rows([], [], np.array([5.0]))
    trial, predict = best_trial(fit, rows, rows)
    assert fit(np.random.default_rng((0, trial)), rows)(rows) == predict(rows)
    others = [fit(np.random.default_rng((0, other)), rows)(rows)[0] for other in range(20)]
    assert abs(predict(rows)[0] - 5) == pytest.approx(min(abs(value - 5) for value in others))


def test_sources_that_were_not_fitted_again_keep_their_rows():
    before = [{"source": "a", "mape": 1.0}, {"source": "c", "mape": 2.0}, {"source": "c", "mape": 3.0}]
    found = [{"source": "b", "mape": 4.0}, {"source": "a", "mape": 5.0}]
    assert [(row["source"], row["mape"]) for row in sanity.beside(found, before)] == [
        ("a", 5.0), ("b", 4.0), ("c", 2.0), ("c", 3.0)
    ]  # fmt: skip
