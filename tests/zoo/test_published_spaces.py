"""Multiply-accumulates and parameters of the zoo's search spaces against the published ones.

The zoo folds batch normalization: one bias a channel, where the published parameters count scale and
shift. ``folded`` of the count is the difference.
"""

from math import prod

import pytest

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
WIDEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
LOWEST = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
OTHER = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"

FBNET_C = "k3_e1 k3_e6 skip k3_e1 k3_e1 k5_e6 k5_e3 k5_e6 k3_e6 " + " ".join(
    ["k5_e6", "k5_e3", *["k5_e6"] * 5, "k5_e3", *["k5_e6"] * 4, "k3_e6"]
)
"""facebookresearch/mobile-vision and timm (``fbnetc_100``)."""

OFA_595M = "3 5 3 3 5 5 3 5 7 5 3 5 3 5 7 3 3 3 5 3/3 4 3 3 4 4 6 3 6 6 3 4 6 6 6 4 6 6 6 3/3 4 4 4 4/236/1.2"
"""Once-for-All's ``flops@595M_top1@80.0_finetune@75``; the fourth block of its first stage is not used."""


@pytest.mark.parametrize(
    ("cell", "mmacs", "parameters"),
    [
        (BEST, 153.27, 1_073_466),
        (WIDEST, 220.12, 1_531_546),
        (OTHER, 113.95, 802_426),
        (LOWEST, 7.78, 73_306),
    ],
)
def test_nasbench201_matches_the_benchmark(count, cell, mmacs, parameters):
    found = count(f"nasbench201/{cell}")
    assert found.macs / 1e6 == pytest.approx(mmacs, abs=0.005)
    # The last normalization follows a sum: it stays, with mean and variance of 64 channels beside.
    assert found.parameters + found.folded - 2 * 64 == parameters


def test_fbnet_c_is_the_published_one(count):
    """The network for ImageNet; of HW-NAS-Bench's, with the same blocks for CIFAR-100, no figure is published.

    Parameters: timm 5.57 M, pytorchcv (``fbnet_cb``) to the last digit. Multiply-adds: mobile-vision 378.2 M, where
    blocks of expansion 1 have no first convolution; HW-NAS-Bench, timm and pytorchcv have it.
    """
    found = count(f"fbnet/{FBNET_C}@imagenet")
    assert found.parameters + found.folded == 5_572_200
    first = 112**2 * 16 * 16 + 2 * 56**2 * 24 * 24
    assert (found.macs - first) / 1e6 == pytest.approx(378.2, abs=0.1)
    assert found.outputs == ((1, 1000),)


def test_fbnet_of_one_operation_counts_as_its_definition(count):
    found = count("fbnet/" + " ".join(["k5_e3"] * 22))
    stages = [(16, 1, 32), (24, 4, 32), (32, 4, 16), (64, 4, 8), (112, 4, 8), (184, 4, 4), (352, 1, 4)]
    inner, size, macs = 16, 32, 27 * 16 * 32**2
    for channels, blocks, edge in stages:
        for _ in range(blocks):
            macs += 3 * inner * (inner * size**2 + (25 + channels) * edge**2)
            inner, size = channels, edge
    assert found.macs == macs + 352 * 1504 * 4**2 + 1504 * 100
    assert found.outputs == ((1, 100),)


def test_ofa_has_the_size_in_its_name(count):
    """Once-for-All's README: 595 M multiply-adds, 9.1 M parameters. Of the networks of width 1.0 it gives no blocks."""
    found = count(f"ofa_mbv3/{OFA_595M}")
    assert round(found.macs / 1e6) == 595
    assert round((found.parameters + found.folded) / 1e6, 1) == 9.1


def test_ofa_uses_the_first_blocks_of_each_stage_with_their_own_kernels(count):
    kernels, expansions = ["3"] * 20, ["6"] * 20
    kernels[4], kernels[5], kernels[7] = "7", "5", "7"  # second stage: the last one is beyond its depth
    found = count(f"ofa_mbv3/{' '.join(kernels)}/{' '.join(expansions)}/2 2 2 2 2/160")
    convolutions = [
        {item.name: list(item.ints) or item.i for item in node.attribute}
        for node in found.model.graph.node
        if node.op_type == "Conv"
    ]
    used = [item["kernel_shape"][0] for item in convolutions if item["group"] > 1]
    assert used == [3, 3, 3, 7, 5, 3, 3, 3, 3, 3, 3]
    assert found.outputs == ((1, 1000),)
    assert min(prod(shape[2:]) for shape in found.shapes.values() if len(shape) == 4 and shape[2] > 1) == 25
