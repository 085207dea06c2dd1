import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import pytest

from ledg_export.corpora import help as tables
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices

DATA = os.environ.get("LEDG_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="LEDG_DATA is not set")

CELL = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"


def write(path, table):
    path.parent.mkdir(exist_ok=True)
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(table[0]))
        writer.writeheader()
        writer.writerows(table)


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ("1080ti_1", ("nvidia-gtx-1080-ti/pytorch/fp32", 1)),
        ("2080ti_256", ("nvidia-rtx-2080-ti/pytorch/fp32", 256)),
        ("titan_xp_64", ("nvidia-titan-xp/pytorch/fp32", 64)),
        ("titanxp_32", ("nvidia-titan-xp/pytorch/fp32", 32)),
        ("titan_rtx_32", ("nvidia-titan-rtx/pytorch/fp32", 32)),
        ("gold_6240", ("xeon-gold-6240/pytorch/fp32", 1)),
        ("samsung_s7", ("samsung-galaxy-s7-cpu/tflite/fp32", 1)),
        ("arch_idx", None),
        ("op_idx", None),
        ("r", None),
    ],
)
def test_platform_and_batch_of_a_column(column, found):
    assert tables.platform(column) == found


def test_nasbench201_is_named_by_its_cell_and_its_representative(tmp_path):
    write(tmp_path / "nasbench201" / "nb201_accuracy.csv", [{"arch_idx": "7", "arch_str": CELL}])
    write(tmp_path / "nasbench201" / "isomorphism.csv", [{"arch_idx": "7", "rep_arch_idx": "3"}])
    row = {"arch_idx": "7", "1080ti_32": "5.5", "pixel3": "0.49", "samsung_s7": "0.5", "gold_6240": "0"}
    write(tmp_path / "help" / "nb201_latency_ms.csv.gz", [row, {**row, "1080ti_32": "", "pixel3": "nan"}])
    dropped: Counter[str] = Counter()
    samples = list(tables.read_nasbench201(tmp_path, dropped))
    assert [(sample.platform, sample.batch, sample.latency_ms) for sample in samples] == [
        ("nvidia-gtx-1080-ti/pytorch/fp32", 32, 5.5),
        ("samsung-galaxy-s7-cpu/tflite/fp32", 1, 0.5),
        ("samsung-galaxy-s7-cpu/tflite/fp32", 1, 0.5),
    ]
    assert {(sample.graph_id, sample.isomorphism) for sample in samples} == {
        (f"nasbench201/{CELL}@cifar10+eager", "nasbench201/rep-3")
    }
    assert dropped == {"the same as hw_nas_bench": 2, "no time measured": 3}


def test_ofa_networks_that_differ_beyond_a_stages_depth_are_isomorphic(tmp_path):
    row = {
        "arch_id": "0",
        "ks": " ".join("7777" * 5),
        "e": " ".join("6666" * 5),
        "d": "2 2 2 2 3",
        "r": "204",
    }
    same = {**row, "ks": "7 7 3 3 " + " ".join("7777" * 4)}
    other = {**row, "ks": "7 3 7 7 " + " ".join("7777" * 4)}
    write(
        tmp_path / "help" / "ofa_mbv3_latency_ms.csv.gz",
        [{**r, "2080ti_1": "9.0"} for r in (row, same, other)],
    )
    first, second, third = tables.read_ofa(tmp_path, Counter())
    assert first.graph_id == f"ofa_mbv3/{row['ks']}/{row['e']}/2 2 2 2 3/204"
    assert first.graph_id != second.graph_id
    assert first.isomorphism == second.isomorphism == "ofa_mbv3/204" + 4 * "-k7e6.k7e6" + "-k7e6.k7e6.k7e6"
    assert third.isomorphism != first.isomorphism


def test_fbnet_is_named_by_its_operations(tmp_path):
    row = {"arch_id": "0", "arch_ops": "k3_e1_g2 skip  k5_e6", "op_idx": "1 8 7", "titanx_64": "12.5"}
    write(tmp_path / "help" / "fbnet_latency_ms.csv.gz", [row])
    (sample,) = tables.read_fbnet(tmp_path, Counter())
    assert (sample.graph_id, sample.batch) == ("fbnet/k3_e1_g2 skip k5_e6", 64)
    assert sample.platform == "nvidia-titan-x-pascal/pytorch/fp32"


@needs_data
@pytest.mark.parametrize(
    ("read", "values", "graphs", "distinct"),
    [
        (tables.read_nasbench201, 15625 * 21, 15625, 6466),
        (tables.read_fbnet, 5000 * 22, 5000, 5000),
        (tables.read_ofa, 5000 * 9, 5000, 5000),
    ],
)
def test_every_value_of_the_tables_is_kept_or_counted_and_resolves(read, values, graphs, distinct):
    dropped: Counter[str] = Counter()
    ids, classes, platforms, kept = set(), set(), set(), 0
    for sample in read(Path(DATA), dropped):
        kept += 1
        ids.add(sample.graph_id)
        classes.add(sample.isomorphism)
        platforms.add(sample.platform)
    assert kept + dropped.total() == values
    assert set(dropped) <= {"the same as hw_nas_bench"}
    assert (len(ids), len(classes)) == (graphs, distinct)
    for name in platforms:
        platform = resolve(name)
        assert platform.id == name
        assert platform.device in devices(), name


@needs_data
@pytest.mark.parametrize("name", ["nb201", "fbnet"])
def test_three_phones_are_in_whole_milliseconds_and_nothing_else_is(name):
    """Kept as they are; ``corpus stats`` tells such platforms and what rounding costs."""
    with gzip.open(Path(DATA) / "help" / f"{name}_latency_ms.csv.gz", "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = [column for column in rows[0] if tables.platform(column)]
    whole = {
        column for column in columns if all(float(row[column]).is_integer() for row in rows if row[column])
    }
    assert whole == {"essential_ph_1", "samsung_a50", "samsung_s7"}


@needs_data
def test_titan_x_is_as_fast_as_pascals_card():
    # Against Titan Xp the bandwidths are 1.14 (Pascal) and 1.63 (Maxwell) apart; networks at batch 256 follow them.
    with gzip.open(Path(DATA) / "help" / "nb201_latency_ms.csv.gz", "rt", newline="") as stream:
        ratios = sorted(
            float(row["titanx_256"]) / float(row["titanxp_256"]) for row in csv.DictReader(stream)
        )
    xp, x = devices()["nvidia-titan-xp"], devices()["nvidia-titan-x-pascal"]
    assert ratios[len(ratios) // 2] == pytest.approx(xp.bandwidth_gbs / x.bandwidth_gbs, rel=0.06)
