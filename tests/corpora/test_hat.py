import csv
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ledg_export import zoo
from ledg_export.corpora import hat as tables
from ledg_rt.costs import graph_cost
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph

DATA = Path(os.environ.get("LEDG_DATA", ""))
needs_data = pytest.mark.skipif("LEDG_DATA" not in os.environ, reason="LEDG_DATA is not set")

# First row of wmt14ende_cpu_xeon_all.csv (mit-han-lab/hardware-aware-transformers, MIT), encoder alone.
ROW = {
    "encoder_embed_dim": "640", "encoder_layer_num": "6", "encoder_ffn_embed_dim_avg": "1194.6666666666667",
    "encoder_self_attention_heads_avg": "4.666666666666667", "latency_mean_encoder": "9.922519326210022",
    "latency_std_encoder": "0.13167024810744782",
}  # fmt: skip


def write(data, name, *rows):
    (data / "hat").mkdir(exist_ok=True)
    with (data / "hat" / name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(ROW))
        writer.writeheader()
        writer.writerows(rows)


def test_averages_become_equal_layers_and_decoders_are_counted(tmp_path):
    write(tmp_path, "wmt14ende_cpu_xeon_all.csv", ROW)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read(tmp_path, dropped)
    assert (sample.graph_id, sample.platform) == ("hat/640-6-1195-4-30", "xeon-e5-2640/pytorch/fp32")
    assert sample.latency_ms == pytest.approx(9.9225, rel=1e-4)
    assert dropped == {"decoder: a run a token": 1}


def test_disturbed_loops_are_left_out(tmp_path):
    noisy, slow = {**ROW, "latency_std_encoder": "1.3"}, {**ROW, "latency_mean_encoder": "1448.7"}
    write(tmp_path, "iwslt14deen_cpu_raspberrypi_all.csv", noisy, slow, ROW)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read(tmp_path, dropped)
    assert sample.graph_id == "hat/640-6-1195-4-23"
    assert dropped == {"decoder: a run a token": 3, "noisy loop": 1, "throttled": 1}


def test_an_encoder_does_the_work_of_its_dimensions():
    graph = read_graph(zoo.build("hat/640-6-1195-4-30").SerializeToString())
    weights = 4 * 640 * 512 + 2 * 640 * 1195
    products = 2 * 30 * 512  # scores and mixing, a token
    assert graph_cost(graph).macs == pytest.approx(6 * 30 * (weights + products), rel=1e-6)


@needs_data
def test_every_value_is_kept_or_counted_and_work_orders_the_raspberry_pi():
    dropped: Counter[str] = Counter()
    samples = list(tables.read(DATA, dropped))
    assert len(samples) + dropped.total() == 2 * 16_000
    assert len(samples) > 15_400
    for name in {sample.platform for sample in samples}:
        assert resolve(name).id == name
        assert resolve(name).device in devices()
    times = {}
    for sample in samples:
        if sample.platform.startswith("raspberry-pi-4/"):
            times.setdefault(sample.graph_id, []).append(sample.latency_ms)
    width, inner = np.array([list(map(int, name.split("/")[1].split("-")[:3:2])) for name in times]).T
    work = width * (4 * 512 + 2 * inner)
    median = [np.median(values) for values in times.values()]
    assert np.corrcoef(np.log(work), np.log(median))[0, 1] > 0.9
