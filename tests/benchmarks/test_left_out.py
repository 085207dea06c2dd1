"""What is left out of training for ``benchmarks.accuracy.left_out``, and how it is scored."""

import math

import pytest

from benchmarks.accuracy.left_out import PARTS, result, table, without
from ledg_export.corpora.sample import Sample

PLATFORMS = {
    "netspresso": ("raspberry-pi-5/tflite/int8",),
    "paddleclas": (
        "snapdragon-855-cpu/paddle-lite/fp32/1t",
        "xeon-gold-6148/paddle-onednn/fp32",
        "nvidia-v100/paddle-tensorrt/fp32",
    ),
    "accel_nasbench": ("zcu102-dpu/vitis-ai/int8",),
    "ncnn": ("raspberry-pi-5/ncnn/int8", "snapdragon-855-cpu/ncnn/fp32/1t"),
}


@pytest.fixture
def samples():
    return [
        Sample("resnet/18-224", platform, 1, 2.0, "p50", source, "resnet", "resnet/18-224")
        for source, platforms in PLATFORMS.items()
        for platform in platforms
    ]


def test_a_part_is_left_out_and_nothing_else_of_its_devices(samples):
    for name, part in PARTS.items():
        fold = without(samples, part)
        held = fold.held_out["source"]
        assert set(fold.train) == set(samples) - set(held)
        assert {sample.source for sample in held} == {part.source}
        assert {s.platform for s in held} == set(PLATFORMS[part.source][:2]), name


def test_cells_are_thinned(samples):
    cells = [Sample(f"nasbench201/{at}", "nvidia-t4/tensorrt/fp16", 1, 1.0, "p50", "help", "nasbench201", f"nasbench201/class-{at}") for at in range(400)]  # fmt: skip
    assert 50 < len(without(cells, PARTS["netspresso"]).train) < 150


def test_errors_and_ranks_by_platform():
    """One platform ranked right, one the same for all networks, one of too few networks to be ranked."""
    told = [(f"{at}", "a", 1.25 * at, at) for at in range(1, 11)]
    told += [(f"{at}", "b", 2.0, at) for at in range(1, 11)]
    told += [("1", "c", 1.0, 1.0), ("2", "c", 3.0, 2.0)]
    rows = [
        {"graph": graph, "platform": platform, "log_ms": math.log(found), "log_measured": math.log(true), "nearest": None,
         "roofline": math.log(2 * true) if platform == "c" else None}
        for graph, platform, found, true in told
    ]  # fmt: skip
    found = result("some", rows)
    assert (found["platforms"], found["spearman"]) == (2, pytest.approx(0.5))
    assert found["median_ape"] == pytest.approx(25)
    assert found["nearest"] == {"rows": 0, "median_ape": None, "ours": None}
    assert found["roofline"] == {"rows": 2, "median_ape": pytest.approx(100), "ours": pytest.approx(25)}
    assert "| 0.500 (2) | - | 100.0, 25.0 (2 rows) |" in table({"some": found})
