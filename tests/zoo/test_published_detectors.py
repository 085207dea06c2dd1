"""Multiply-accumulates and parameters of the zoo's detectors and segmentation against the published ones."""

from collections import Counter
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def test_ssd_mobilenet_is_the_published_one(count):
    """Operations: MLPerf (Reddi et al., arXiv 1911.02549, table 1). Parameters: OpenVINO's Open Model Zoo."""
    found = count("ssd_mobilenet_v1/300")
    assert 2 * found.macs / 1e9 == pytest.approx(2.47, rel=0.01)
    assert round(found.parameters / 1e6, 3) == 6.807
    assert found.outputs == ((1, 1917, 4), (1, 1917, 91))


def test_ssd_resnet34_is_the_published_one(count):
    """OpenVINO's Open Model Zoo (``ssd-resnet34-1200-onnx``): 433.411 G operations (MLPerf: 433), 20.058 M parameters.

    Its parameters have what decoding reads, which the zoo leaves out: of each default box the centre, and the size
    for both halves of a box (twice, two numbers each).
    """
    found = count("ssd_resnet34/1200")
    boxes = 15_130
    assert 2 * found.macs / 1e9 == pytest.approx(433.411, rel=0.01)
    assert round((found.parameters + (2 + 2 * 2) * boxes) / 1e6, 3) == 20.058
    assert found.outputs == ((1, 4, boxes), (1, 81, boxes))


def test_retinanet_follows_from_torchvision(count):
    """For MLPerf's network no published figure was found: torchvision's, with another backbone and more classes.

    torchvision's retinanet_resnet50_fpn has 91 classes, 34,014,999 parameters (normalization frozen, not counted)
    and 151.54 G multiply-adds at 800 pixels; its ResNet-50 4.089 and ResNeXt-50 32x4d 4.230 at 224.
    """
    normalized = 26_560 + 7_552
    resnet50 = 25_557_032 - 2_049_000 - 2 * 26_560
    resnext50 = 25_028_904 - 2_049_000 - 2 * normalized
    more, anchors, wide = 264 - 91, 9, 256 * 9
    places = sum(edge**2 for edge in (100, 50, 25, 13, 7))
    found = count("retinanet/800")
    assert found.parameters - normalized == 34_014_999 - resnet50 + resnext50 + anchors * more * (wide + 1)
    gmacs = 151.54 + (4.230 - 4.089) * (800 / 224) ** 2 + places * anchors * more * wide / 1e9
    assert found.macs / 1e9 == pytest.approx(gmacs, rel=0.01)
    assert found.outputs == ((1, anchors * places, 264), (1, anchors * places, 4))


class UNet(nn.Module):
    """MLPerf's network for KiTS19 in plain torch: normalization after each 3x3x3 convolution, none pools."""

    levels = (32, 64, 128, 256, 320, 320)

    def __init__(self) -> None:
        super().__init__()
        pairs = list(pairwise(self.levels))
        self.first = self.block(1, self.levels[0])
        self.down = nn.ModuleList(self.block(upper, lower, 2) for upper, lower in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose3d(lower, upper, 2, 2) for upper, lower in pairs)
        self.merge = nn.ModuleList(self.block(2 * upper, upper) for upper, _ in pairs)
        self.last = nn.Conv3d(self.levels[0], 3, 1)

    @staticmethod
    def block(before: int, after: int, stride: int = 1) -> nn.Sequential:
        """Two convolutions, the first with the stride."""
        sizes = ((before, stride), (after, 1))
        layers = [
            (
                nn.Conv3d(width, after, 3, step, 1, bias=False),
                nn.InstanceNorm3d(after, affine=True),
                nn.ReLU(),
            )
            for width, step in sizes
        ]
        return nn.Sequential(*(layer for three in layers for layer in three))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each voxel."""
        maps = [self.first(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up, merge, skip in reversed(list(zip(self.up, self.merge, maps, strict=True))):
            x = merge(torch.cat((up(x), skip), 1))
        return self.last(x)


def test_unet3d_is_the_same_in_plain_torch(count):
    """No published figure of a window of 128 voxels was found: counted by torch.

    The operators are those of MLPerf's own file, as EclipseAidge/3dunet on Hugging Face lists them.
    """
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        network = UNet()
        network(torch.empty(1, 1, 128, 128, 128))
    found = count("unet3d/128")
    assert 2 * found.macs == counter.get_total_flops()
    assert found.parameters == sum(weight.numel() for weight in network.parameters())
    assert found.outputs == ((1, 3, 128, 128, 128),)
    listed = {"Conv": 23, "ConvTranspose": 5, "InstanceNormalization": 22, "Relu": 22, "Concat": 5}
    assert Counter(found.operators) == listed


def test_unet3d_halves_five_times_and_comes_back(count):
    found = count("unet3d/128")
    edges = [shape[2] for name, shape in found.shapes.items() if name.startswith("t") and len(shape) == 5]
    assert min(edges) == 4
    assert max(edges) == edges[-1] == 128
