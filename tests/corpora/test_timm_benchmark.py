import csv
import os
from collections import Counter, defaultdict
from math import prod
from pathlib import Path

import pytest

from ledg_export.corpora import timm_benchmark as tables
from ledg_export.corpora.timm_families import family_of_timm
from ledg_export.zoo import timm_zip
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices

needs_data = pytest.mark.skipif(
    "LEDG_DATA" not in os.environ or "LEDG_GRAPHS" not in os.environ,
    reason="LEDG_DATA or LEDG_GRAPHS is not set",
)

ROUNDING = 0.0101
"""Of the difference of two figures with two digits."""

# Rows of benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv (timm, Apache-2.0).
ROW = {
    "model": "resnet50",
    "infer_img_size": "224",
    "infer_batch_size": "1024",
    "infer_samples_per_sec": "2573.5",
    "infer_step_time": "397.89",
}


@pytest.mark.parametrize(
    ("name", "platform", "statistic"),
    [
        ("benchmark-infer-amp-nchw-pt113-cu117-rtx3090.csv", "nvidia-rtx-3090/pytorch-1.13/amp+throughput", "throughput"),
        ("benchmark-infer-amp-nhwc-pt240-cu124-rtx4090.csv", "nvidia-rtx-4090/pytorch-2.4/amp+nhwc+throughput", "throughput"),
        ("benchmark-infer-amp-nchw-pt291-cu128-4090-dynamo.csv", "nvidia-rtx-4090/pytorch-2.9/amp+compile+throughput", "throughput"),
        (
            "benchmark-infer-amp_bf16-nchw-pt291-cu130-pro6000maxq-dynamo.csv",
            "nvidia-rtx-pro-6000-blackwell-max-q/pytorch-2.9/amp-bf16+compile+throughput", "throughput",
        ),
        ("benchmark-infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo.csv", "core-i9-10940x/pytorch-2.2/fp32+compile", "mean"),
    ],
)  # fmt: skip
def test_file_name_says_what_was_measured(name, platform, statistic):
    assert tables.setting(name) == tables.Setting(platform, statistic, fused="2.9" in platform)


def test_a_file_of_another_form_is_refused():
    with pytest.raises(ValueError, match="not a file"):
        tables.setting("benchmark-train-amp-nchw-pt112-cu113-rtx3090.csv")


def write(data, name, rows):
    """A table of a few rows below the data root."""
    folder = data / "timm_benchmark"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_latency_is_of_the_whole_batch_and_faults_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(tables.timm_zip, "architectures", lambda: {"resnet50@224"})
    rows = [
        ROW,
        {**ROW, "infer_img_size": "448"},
        {**ROW, "infer_samples_per_sec": ""},
        {**ROW, "infer_step_time": "0.39789"},
    ]
    write(tmp_path, "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv", rows)
    dropped: Counter[str] = Counter()
    (sample,) = tables.read(tmp_path, dropped)
    assert (sample.graph_id, sample.batch, sample.family) == ("timm/resnet50@224", 1024, "resnet")
    assert sample.latency_ms == pytest.approx(397.9, rel=1e-3)
    assert dropped == {"no graph": 1, "no time measured": 1, "throughput and step time disagree": 1}


def test_merged_branches_are_left_out_where_they_were_merged(tmp_path, monkeypatch):
    monkeypatch.setattr(tables.timm_zip, "architectures", lambda: {"repvgg_a2@224", "resnet50@224"})
    rows = [ROW, {**ROW, "model": "repvgg_a2"}]
    write(tmp_path, "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv", rows)
    write(tmp_path, "benchmark-infer-amp-nchw-pt291-cu128-4090.csv", rows)
    dropped: Counter[str] = Counter()
    kept = [(sample.graph_id, sample.platform) for sample in tables.read(tmp_path, dropped)]
    assert kept == [
        ("timm/resnet50@224", "nvidia-rtx-3090/pytorch-2.4/amp+throughput"),
        ("timm/repvgg_a2@224", "nvidia-rtx-3090/pytorch-2.4/amp+throughput"),
        ("timm/resnet50@224", "nvidia-rtx-4090/pytorch-2.9/amp+throughput"),
    ]
    assert dropped == {"branches were merged": 1}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("resnet50", "resnet"),
        ("gluon_seresnext50_32x4d", "resnet"),
        ("resnetv2_50x1_bitm", "resnet"),
        ("legacy_senet154", "resnet"),
        ("res2net50_26w_4s", "resnet"),
        ("nf_resnet50", "resnet"),
        ("tresnet_l", "tresnet"),
        ("mobilenetv3_large_100", "mobilenet_v3"),
        ("tf_mobilenetv3_small_minimal_100", "mobilenet_v3"),
        ("mobilenetv2_110d", "mobilenet_v2"),
        ("efficientnet_b0", "efficientnet"),
        ("tf_efficientnet_b7_ns", "efficientnet"),
        ("tf_efficientnet_lite0", "efficientnet"),
        ("tf_efficientnetv2_b0", "efficientnetv2"),
        ("gc_efficientnetv2_rw_t", "efficientnetv2"),
        ("semnasnet_100", "mnasnet"),
        ("vit_base_patch16_224", "vit"),
        ("deit3_small_patch16_224", "vit"),
        ("beitv2_base_patch16_224", "vit"),
        ("eva02_tiny_patch14_224", "vit"),
        ("vitamin_small_224", "vitamin"),
        ("tiny_vit_5m_224", "tiny_vit"),
        ("tinynet_a", "tinynet"),
        ("swinv2_tiny_window8_256", "swin"),
        ("convnextv2_atto", "convnext"),
        ("nf_regnet_b0", "regnet"),
        ("regnety_032", "regnet"),
        ("coatnet_0_224", "maxvit"),
        ("ens_adv_inception_resnet_v2", "inception"),
        ("inception_next_tiny", "inception_next"),
        ("vgg16_bn", "vgg"),
        ("repvgg_a2", "repvgg"),
        ("cs3se_edgenet_x", "darknet"),
    ],
)
def test_family_of_a_model_name(name, family):
    assert family_of_timm(name) == family


@needs_data
def test_every_row_is_kept_or_counted_and_resolves():
    dropped: Counter[str] = Counter()
    samples = list(tables.read(Path(os.environ["LEDG_DATA"]), dropped))
    assert len(samples) + dropped.total() == 21_292
    assert dropped == {"no graph": 1837, "branches were merged": 288}
    assert len({sample.graph_id for sample in samples}) > 1_100
    platforms = {sample.platform for sample in samples}
    assert len(platforms) == 17
    for name in platforms:
        assert resolve(name).id == name
    assert {devices()[name.split("/")[0]].kind for name in platforms} == {"cpu", "gpu"}


@pytest.fixture(scope="module")
def figures():
    """(PyTorch, GMACs, millions of activations and of parameters) of each graph's rows, by ``<model>@<size>``."""
    found: dict[str, set[tuple[str, float, float, float]]] = defaultdict(set)
    for path in (Path(os.environ["LEDG_DATA"]) / "timm_benchmark").glob("benchmark-infer-*.csv"):
        torch = path.name.split("-pt")[1][:3]
        with path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("infer_gmacs"):
                    values = (float(row[name]) for name in ("infer_gmacs", "infer_macts", "param_count"))
                    found[f"{row['model']}@{row['infer_img_size']}"].add((torch, *values))
    return found


def stored_and_learned(arch):
    """Parameters in millions of a graph as it is, and with its folded normalization."""
    model = timm_zip.build(arch, 1)
    sizes = {item.name: prod(item.dims) for item in model.graph.initializer}
    stored = sum(sizes.values())
    biases = [
        sizes.get(node.input[2], 0)
        for node in model.graph.node
        if node.op_type == "Conv" and len(node.input) > 2
    ]
    return stored / 1e6, (stored + sum(biases)) / 1e6


@needs_data
def test_exactly_the_networks_called_fused_lost_their_branches(figures):
    # A folded normalization takes one value a channel away, a merged branch also its weights.
    fused, beyond, same = set(), set(), set()
    for arch in timm_zip.architectures() & figures.keys():
        new = {row[3] for row in figures[arch] if row[0] == tables.FUSING}
        if not new:
            continue
        old = {row[3] for row in figures[arch] if row[0] != tables.FUSING}
        stored, learned = stored_and_learned(arch)
        if tables.FUSED.match(arch):
            fused.add(arch)
            less = min(old) > min(new) if old else stored > min(new) + ROUNDING
            if not less:
                same.add(arch)
        # The least of the old ones: two networks had 21,843 classes in the oldest tables.
        if old and min(old) - min(new) > learned - stored + ROUNDING:
            beyond.add(arch)
    assert beyond <= fused
    assert len(beyond) == 30
    assert len(fused) == 48
    assert same == {"repghostnet_050@224"}  # less than rounding


@needs_data
def test_networks_measured_as_others_have_the_figures_of_those(figures):
    for named, measured in tables.MEASURED.items():
        assert {row[1:] for row in figures[named]} == {row[1:] for row in figures[measured]}
        (own,) = {row[3] for row in figures[named]}
        stored, learned = stored_and_learned(measured)
        assert stored - ROUNDING <= own <= learned + ROUNDING
        wrong, right = stored_and_learned(named)
        assert not wrong - 1 <= own <= right + 1


@needs_data
def test_cards_are_not_faster_than_their_peak():
    # infer_gmacs counts attention in full only in some rows, so it is a lower bound of the work.
    fastest: Counter[str] = Counter()
    for path in (Path(os.environ["LEDG_DATA"]) / "timm_benchmark").glob("benchmark-infer-*.csv"):
        platform = resolve(tables.setting(path.name).platform)
        with path.open(newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("infer_gmacs") and row["infer_samples_per_sec"]:
                    gops = 2 * float(row["infer_gmacs"]) * float(row["infer_samples_per_sec"])
                    share = gops / platform.peak_gops
                    fastest[platform.id] = max(fastest[platform.id], share)
    assert len(fastest) == 16
    assert all(0.2 < share < 1 for share in fastest.values()), fastest
