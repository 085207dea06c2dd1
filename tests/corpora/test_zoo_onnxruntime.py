from collections import Counter
from importlib.resources import files

import pytest

from ledg_export.corpora import zoo_onnxruntime
from ledg_export.zoo import family_of
from ledg_rt.platforms import resolve


@pytest.fixture(scope="module")
def read():
    dropped = Counter()
    return list(zoo_onnxruntime.read(None, dropped)), dropped


def test_every_row_is_read_or_left_out_for_a_reason(read):
    samples, dropped = read
    table = (files("ledg_export.corpora") / "zoo_onnxruntime.csv").read_text().splitlines()
    assert len(samples) + sum(dropped.values()) == len(table) - 1
    assert len(samples) > 300
    assert set(dropped) <= {
        "reference, measured again and again", "of a space of cells or blocks, class unknown", "unsteady"
    }  # fmt: skip


def test_platforms_are_of_the_catalogue_and_say_how_many_threads_ran(read):
    samples, _ = read
    platforms = {sample.platform for sample in samples}
    assert "xeon-emerald-rapids-vm/onnxruntime-1.32/fp32/1t" in platforms
    assert {resolve(platform).threads for platform in platforms} <= {1, 2}
    assert all(resolve(platform).peak_gops for platform in platforms)


def test_networks_are_of_the_zoo_and_none_is_of_the_ten_families(read):
    samples, _ = read
    families = {family_of(sample.graph_id) for sample in samples}
    assert {"timm", "bert", "ncnn"} <= families
    assert "nnlqp_families" not in families
    once = Counter((sample.graph_id, sample.platform) for sample in samples)
    assert set(once.values()) == {1}


def test_words_of_another_program_are_refused():
    with pytest.raises(ValueError, match="unknown machine"):
        zoo_onnxruntime.platform_id("a Xeon, tflite, fp32")
