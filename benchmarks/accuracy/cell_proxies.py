"""What cells say of themselves before any training and without any data: proxies of small random networks.

A stem of stride 2, two cells of 8 channels, a convolution of stride 2, a cell of 16, a linear head; all classes of a space share
their weights, images and labels, all of them random, so that they differ in the cell alone. Five proxies:
NASWOT, the log-determinant of how often two images agree in the sign of what a ReLU reads (Mellor et al., Neural Architecture Search
without Training, ICML 2021); the log-determinant of the correlations of input gradients (its first version, arXiv 2006.04647v1);
SNIP, the log of sum |w dL/dw| (Lee et al., ICLR 2019) for random labels; SynFlow, the log of sum w dR/dw with absolute weights, without batch norm, on
ones (Tanaka et al., NeurIPS 2020); Zen-score, the log of what small noise on the images changes plus the logs of the variances that batch norm takes away (Lin
et al., ICCV 2021). Gradients of weights are of cells alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import norm, rankdata
from torch import Tensor
from torch.nn import functional as F

from benchmarks.accuracy.cell_space import AVERAGE, CONV1, CONV3, MAXIMUM, OUTPUT, SKIP, CellSpace

NAMES = ("naswot", "zen", "synflow", "jacob", "snip")
SIZE, IMAGES, LABELS = 16, 32, 10
STAGES = ((8, 8), (8, 8), (16, 4))
"""Channels and pixels of each cell."""
NOISE = 0.05
"""Deviation of what Zen-score adds to images of deviation 1."""
CHUNK = 64
"""Classes that are run at once."""
_KERNELS = {CONV1: 1, CONV3: 3}
_EPSILON = 1e-5


def cell_proxies(space: CellSpace, seed: int = 0) -> NDArray[np.float64]:
    """Normal scores of the ranks of ``NAMES`` among the classes of ``space``: [classes, 5]."""
    first = np.unique(space.classes, return_index=True)[1]
    kinds, adjacency = torch.from_numpy(space.kinds[first]), torch.from_numpy(space.adjacency[first])
    nodes = (kinds >= 0).sum(1)
    given = drawn_inputs(seed)
    found = torch.zeros(len(kinds), len(NAMES))
    for rows in torch.argsort(nodes, stable=True).split(CHUNK):
        most = int(nodes[rows].max())
        found[rows] = _proxies(kinds[rows, :most], adjacency[rows, :most, :most], kinds.shape[1], given, seed)
    ranks = rankdata(found.numpy(), axis=0)
    return np.asarray(norm.ppf((ranks - 0.5) / len(ranks)))


@dataclass(frozen=True)
class Inputs:
    """``images`` and ``noise`` [B, 3, SIZE, SIZE], ``labels`` [B]."""

    images: Tensor
    noise: Tensor
    labels: Tensor


def drawn_inputs(seed: int) -> Inputs:
    """Images are sums of Gaussian noise of every power of two of resolutions, as natural ones have more of the coarse."""
    generator = torch.Generator().manual_seed(1000 + seed)
    images, size = torch.zeros(IMAGES, 3, SIZE, SIZE), 1
    while size <= SIZE:
        layer = torch.randn(IMAGES, 3, size, size, generator=generator)
        images = images + F.interpolate(layer, (SIZE, SIZE), mode="bilinear" if size > 1 else "nearest")
        size *= 2
    images = (images - images.mean()) / images.std()
    noise = NOISE * torch.randn(images.shape, generator=generator)
    return Inputs(images, noise, torch.randint(LABELS, (IMAGES,), generator=generator))


@dataclass
class _Trace:
    """What a pass leaves: rows of the networks that an operation is of, and the signs it read or its log variance."""

    signs: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    logs: list[tuple[Tensor, Tensor]] = field(default_factory=list)


class _Networks:
    """G networks side by side as groups of channels, each with its own copy of the shared weights.

    ``kinds`` [G, N], ``adjacency`` [G, N, N]; weights are drawn for ``positions`` nodes. ``linear``: absolute weights, neither
    ReLU nor batch norm in the cells.
    """

    def __init__(
        self, kinds: Tensor, adjacency: Tensor, positions: int, seed: int, linear: bool = False
    ) -> None:
        self.count, self.nodes, self.linear = *kinds.shape, linear
        generator = torch.Generator().manual_seed(seed)

        def weight(out: int, into: int, kernel: int) -> Tensor:
            found = (
                torch.randn(out, into, kernel, kernel, generator=generator)
                * (2 / (into * kernel * kernel)) ** 0.5
            )
            return found.abs() if linear else found

        (first, _), (last, _) = STAGES[0], STAGES[-1]
        self.stem, self.reduction = weight(first, 3, 3), weight(last, first, 3)
        shared = {
            (at, node, kind): weight(width, width, kernel)
            for at, (width, _) in enumerate(STAGES)
            for node in range(1, positions)
            for kind, kernel in _KERNELS.items()
        }
        self.head = torch.randn(LABELS, last, generator=generator) / last**0.5
        steps = [
            (node, kind)
            for node in range(1, self.nodes)
            for kind in (SKIP, CONV1, CONV3, AVERAGE, MAXIMUM, OUTPUT)
        ]
        rows = {step: (kinds[:, step[0]] == step[1]).nonzero().flatten() for step in steps}
        self.rows = {step: found for step, found in rows.items() if len(found)}
        self.edges = {
            (a, b): adjacency[:, a, b].nonzero().flatten() for b in range(1, self.nodes) for a in range(b)
        }
        self.weights = {
            (at, *step): shared[at, *step].repeat(len(found), 1, 1, 1).requires_grad_()
            for at in range(len(STAGES))
            for step, found in self.rows.items()
            if step[1] in _KERNELS
        }

    def run(self, images: Tensor, trace: _Trace) -> Tensor:
        """Output of the last cell [B, G, width, pixels, pixels] of ``images`` [B, 3 or G * 3, SIZE, SIZE]."""
        if images.shape[1] == 3:
            images = images.repeat(1, self.count, 1, 1)
        x = self._outside(images, self.stem)
        for at, (width, _) in enumerate(STAGES):
            if at and STAGES[at - 1][0] != width:
                x = self._outside(x.relu(), self.reduction)
            x = self._cell(x, at, trace)
        width, pixels = STAGES[-1]
        return x.view(len(x), self.count, width, pixels, pixels)

    def pooled(self, x: Tensor) -> Tensor:
        """Means over the pixels [B, G, width] of what ``run`` gives, after batch norm and ReLU."""
        flat = x.flatten(1, 2)
        return (flat if self.linear else _normal(flat)[0]).relu().view(x.shape).mean((3, 4))

    def _outside(self, x: Tensor, weight: Tensor) -> Tensor:
        found = F.conv2d(x, weight.repeat(self.count, 1, 1, 1), padding=1, stride=2, groups=self.count)
        return found if self.linear else _normal(found)[0]

    def _cell(self, x: Tensor, at: int, trace: _Trace) -> Tensor:
        width, pixels = STAGES[at]
        x = x.view(len(x), self.count, width, pixels, pixels)
        outs, final = [x], 0 * x  # What no path reaches is a constant whose gradient is 0.
        for node in range(1, self.nodes):
            read, out = torch.zeros_like(x), torch.zeros_like(x)
            for before in range(node):
                rows = self.edges[before, node]
                if len(rows):
                    read = read.index_add(1, rows, outs[before].index_select(1, rows))
            for (place, kind), rows in self.rows.items():
                if place != node:
                    continue
                some = read.index_select(1, rows)
                if kind == OUTPUT:
                    final = final.index_add(1, rows, some)
                elif kind == SKIP:
                    out = out.index_add(1, rows, some)
                else:
                    done = self._operation(some.flatten(1, 2), (at, node, kind), rows, trace)
                    out = out.index_add(1, rows, done.view(some.shape))
            outs.append(out)
        return final.flatten(1, 2)

    def _operation(self, x: Tensor, step: tuple[int, int, int], rows: Tensor, trace: _Trace) -> Tensor:
        kind = step[2]
        if kind == AVERAGE:
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if kind == MAXIMUM:
            return F.max_pool2d(x, 3, 1, 1)
        if not self.linear:
            trace.signs.append((rows, (x.detach() > 0).view(len(x), len(rows), -1)))
            x = x.relu()
        x = F.conv2d(x, self.weights[step], padding=_KERNELS[kind] // 2, groups=len(rows))
        if self.linear:
            return x
        x, variance = _normal(x)
        trace.logs.append((rows, (variance.view(len(rows), -1).mean(1) + 1e-12).log()))
        return x


def _normal(x: Tensor) -> tuple[Tensor, Tensor]:
    """Batch norm of ``x`` [B, C, H, W] without weights, and the variances [1, C, 1, 1]."""
    variance = x.var((0, 2, 3), keepdim=True, unbiased=False)
    return (x - x.mean((0, 2, 3), keepdim=True)) * torch.rsqrt(variance + _EPSILON), variance.detach()


def _log_determinant(matrices: Tensor) -> Tensor:
    size = matrices.shape[-1]
    return torch.linalg.slogdet(matrices.double() + 1e-3 * torch.eye(size).double())[1].float()


def _proxies(kinds: Tensor, adjacency: Tensor, positions: int, given: Inputs, seed: int) -> Tensor:
    """``NAMES`` of G cells: [G, 5]."""
    networks, trace = _Networks(kinds, adjacency, positions, seed), _Trace()
    count, many = networks.count, len(given.images)
    images = given.images.repeat(1, count, 1, 1).requires_grad_()
    last = networks.run(images, trace)
    logits = networks.pooled(last).transpose(0, 1) @ networks.head.T
    loss = F.cross_entropy(logits.flatten(0, 1), given.labels.repeat(count), reduction="sum") / many
    by_weights = torch.autograd.grad(loss, [images, *networks.weights.values()], allow_unused=True)

    agreement, variances = torch.zeros(count, many, many), torch.zeros(count)
    for rows, signs in trace.signs:
        signed = signs.transpose(0, 1).float() * 2 - 1
        agreement.index_add_(0, rows, (signed @ signed.transpose(1, 2) + signed.shape[-1]) / 2)
    for rows, logs in trace.logs:
        variances.index_add_(0, rows, logs)
    by_images = by_weights[0].view(many, count, -1).transpose(0, 1)
    by_images = by_images - by_images.mean(-1, keepdim=True)
    by_images = by_images / (by_images.norm(dim=-1, keepdim=True) + 1e-12)
    with torch.no_grad():
        change = networks.run(given.images + given.noise, _Trace()) - last
        changes = (change.transpose(0, 1).flatten(1).square().mean(1) + 1e-12).log()

    linear = _Networks(kinds, adjacency, positions, seed, linear=True)
    ones = torch.ones(1, 3, SIZE, SIZE, requires_grad=True)
    flow = linear.pooled(linear.run(ones, _Trace())).double().sum()
    by_flow = torch.autograd.grad(flow, [ones, *linear.weights.values()], allow_unused=True)
    return torch.stack(
        [
            _log_determinant(agreement),
            changes + variances,
            (_saliency(linear, by_flow[1:]).abs() + 1e-6).log(),
            _log_determinant(by_images @ by_images.transpose(1, 2)),
            (_saliency(networks, by_weights[1:], absolute=True) + 1e-9).log(),
        ],
        dim=1,
    )


def _saliency(networks: _Networks, gradients: tuple[Tensor | None, ...], absolute: bool = False) -> Tensor:
    """Sum of weights times their ``gradients`` for each network [G]; no gradient where nothing is read."""
    found = torch.zeros(networks.count)
    for (step, weight), gradient in zip(networks.weights.items(), gradients, strict=True):
        if gradient is not None:
            rows = networks.rows[step[1:]]
            parts = (gradient * weight.detach()).view(len(rows), -1)
            found.index_add_(0, rows, (parts.abs() if absolute else parts).sum(1))
    return found
