"""Multiply-adds of timm's networks against the ``infer_gmacs`` of its own benchmark tables."""

import csv
import os
import zipfile
from pathlib import Path

import pytest

from ledg_rt.costs import graph_cost
from ledg_rt.reading import read_graph

pytestmark = pytest.mark.skipif(
    "LEDG_GRAPHS" not in os.environ or "LEDG_DATA" not in os.environ,
    reason="LEDG_GRAPHS or LEDG_DATA is not set",
)

# timm counts two operations an element of each BatchNormalization. These files have it folded: their
# convolutions with a bias are those that had one.
FOLDED = {
    "efficientnet_b0",
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "regnety_032",
    "resnet18",
    "resnet50",
}


@pytest.fixture(scope="module")
def published():
    """(model, image size) -> 10^9 multiply-adds; the largest, since fused attention hides its products."""
    found = {}
    for table in sorted((Path(os.environ["LEDG_DATA"]) / "timm_benchmark").glob("benchmark-infer-*.csv")):
        with table.open(newline="") as file:
            for row in csv.DictReader(file):
                if row.get("infer_gmacs"):
                    key = f"{row['model']}@{row['infer_img_size']}"
                    found[key] = max(found.get(key, 0.0), float(row["infer_gmacs"]))
    return found


@pytest.mark.parametrize(
    "name",
    [
        "beit_base_patch16_224@224",
        "convnext_tiny@224",
        "deit_tiny_patch16_224@224",
        "efficientnet_b0@224",
        "mobilenetv2_100@224",
        "mobilenetv3_large_100@224",
        "regnety_032@224",
        "resnet18@224",
        "resnet50@224",
        "swin_tiny_patch4_window7_224@224",
        "vit_base_patch16_224@224",
    ],
)
def test_multiply_adds_of_timm(name, published):
    with zipfile.ZipFile(Path(os.environ["LEDG_GRAPHS"]) / "timm.zip") as graphs:
        graph = read_graph(graphs.read(f"{name}.onnx"))
    totals = graph_cost(graph)
    norms = sum(
        2 * node.outputs[0].elements for node in graph.nodes if node.op == "Conv" and len(node.inputs) > 2
    )
    counted = totals.macs + (norms if name.split("@")[0] in FOLDED else 0)
    rounding = 0.005 / published[name]  # the tables give two decimals
    assert counted / 1e9 == pytest.approx(published[name], rel=0.02 + rounding)
    assert totals.unknown_ops == {}
    assert totals.resolved
