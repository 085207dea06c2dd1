"""Whether predictions move as physics says: how often a pair that differs in one factor is in the wrong order.

    python -m benchmarks.accuracy.sense

1,000 pairs of each of five kinds, one factor raised by 10 to 100 %: more bandwidth or throughput must not predict
slower; a larger batch, a wider or a deeper network must not predict faster. Networks are of the zoo, platforms of the
catalogue, half of them without their names, drawn by a fixed seed, and evaluated through the runtime that ships. Prints the rates and writes
``benchmarks/results/sense.json``.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator

from ledg_export import zoo
from ledg_rt.bundles import Bundle, open_bundle
from ledg_rt.encoding import OWN_MEMORY, GraphEncoding, encode_graph, encode_platform, rebatch
from ledg_rt.network import Network
from ledg_rt.platforms import Platform, resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.device import Device
from ledg_rt.platforms.resolve import default_precision
from ledg_rt.reading import read_graph

RESULTS = Path(__file__).parents[1] / "results" / "sense.json"
PAIRS = 1000
GRAPHS = 100
"""Pairs of networks of a kind; each meets ``PAIRS / GRAPHS`` platforms."""
STRANGERS = 0.5
"""Share of the platforms that keep their figures and lose their names."""

RESOLUTIONS = (128, 160, 192, 224)
FACTOR = (1.1, 2.0)
TOLERANCE = 1e-5
"""Of a log latency: what single precision leaves open."""

USES = {
    "cpu": ("ncnn/fp32/1t", "ncnn/int8/4t", "tflite/fp32/4t", "tflite/int8/1t", "onnxruntime/fp32"),
    "NVIDIA gpu": ("tensorrt/fp16", "tensorrt/int8", "pytorch/fp32", "ncnn-vulkan/fp16"),
    "gpu": ("ncnn-vulkan/fp16", "tflite/fp16"),
}
"""How devices of a kind are used; accelerators in their own precision."""


@dataclass(frozen=True)
class Case:
    """A network at a batch size on a platform."""

    graph_id: str
    platform: Platform
    batch: int = 1


@dataclass(frozen=True)
class Pair:
    """``slow`` must not be predicted faster than ``fast``."""

    fast: Case
    slow: Case


@dataclass(frozen=True)
class Rate:
    """``worst_percent``: how much faster the slow one was in the worst pair; 0 where there is no violation."""

    kind: str
    pairs: int
    violations: int
    percent: float
    worst_percent: float


def pairs(seed: int = 0, count: int = PAIRS) -> dict[str, list[Pair]]:
    """``count`` pairs of each kind, the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    known = [device for device in devices().values() if device.bandwidth_gbs]
    platforms = [platform for device in known for platform in _platforms(device) if platform.peak_gops]

    def draw() -> Platform:
        platform = platforms[rng.integers(len(platforms))]
        # Hardware that no catalogue names: here a figure also says whose kin it is.
        return replace(platform, device=None, name=None, chip=None) if rng.random() < STRANGERS else platform

    graphs = max(1, min(GRAPHS, count))
    plain = [_width(rng)[0] if at % 2 else _depth(rng)[0] for at in range(graphs)]
    wide, deep = ([twins(rng) for _ in range(graphs)] for twins in (_width, _depth))
    found: dict[str, list[Pair]] = {
        kind: [] for kind in ("bandwidth", "throughput", "batch", "width", "depth")
    }
    for at in range(count):
        graph_id = plain[at % graphs]
        for kind, figure in (("bandwidth", "bandwidth_gbs"), ("throughput", "peak_gops")):
            platform = draw()
            while kind == "bandwidth" and platform.kind in OWN_MEMORY:
                platform = draw()  # the model does not see it, so that no order could be wrong
            better = replace(platform, **{figure: getattr(platform, figure) * rng.uniform(*FACTOR)})
            found[kind].append(Pair(fast=Case(graph_id, better), slow=Case(graph_id, platform)))
        platform, batch = draw(), int(rng.integers(1, 33))
        larger = int(rng.integers(math.ceil(FACTOR[0] * batch), 2 * batch + 1))
        found["batch"].append(Pair(Case(graph_id, platform, batch), Case(graph_id, platform, larger)))
        for kind, twins in (("width", wide), ("depth", deep)):
            platform = draw()
            small, large = twins[at % graphs]
            found[kind].append(Pair(Case(small, platform), Case(large, platform)))
    return found


def _platforms(device: Device) -> list[Platform]:
    kind = f"{device.vendor} {device.kind}"
    uses = USES.get(kind) or USES.get(device.kind) or (f"unknown/{default_precision(device)}",)
    return [resolve(f"{device.id}/{use}") for use in uses]


def _width(rng: Generator) -> tuple[str, str]:
    """A network and its twin with more channels: families that take any multiplier."""
    pattern, resolutions = (
        ("mobilenet_v1/{}-{}", (128, 160, 192, 224)), ("mobilenet_v2/{}-{}", (96, 128, 160, 224)),
        ("mobilenet_v3/large-{1}-{0}", (160, 224)), ("mnasnet/{}-{}", (160, 192, 224)),
    )[rng.integers(4)]  # fmt: skip
    narrow, resolution = rng.uniform(0.3, 1.0), resolutions[rng.integers(len(resolutions))]
    wide = narrow * rng.uniform(*FACTOR)
    return pattern.format(f"{narrow:.3f}", resolution), pattern.format(f"{wide:.3f}", resolution)


def _depth(rng: Generator) -> tuple[str, str]:
    """A network and its twin with more layers: published depths, or blocks of Once-for-All added."""
    chosen = rng.integers(4)
    if chosen == 0:
        return _stacked("resnet", [(18, 34), (101, 152)], rng)
    if chosen == 1:
        return _stacked("vgg", [(11, 13), (11, 16), (11, 19), (13, 16), (13, 19), (16, 19)], rng, (224, 240))
    if chosen == 2:
        return _stacked("densenet", [(121, 169), (121, 201), (169, 201)], rng)
    kernels, expansions = rng.choice([3, 5, 7], 20), rng.choice([3, 4, 6], 20)
    depths = rng.integers(2, 4, 5)
    deeper = depths.copy()
    added = rng.integers(math.ceil((FACTOR[0] - 1) * depths.sum()), (4 - depths).sum() + 1)
    for _ in range(added):
        open_stages = np.flatnonzero(deeper < 4)
        deeper[open_stages[rng.integers(len(open_stages))]] += 1
    resolution = RESOLUTIONS[rng.integers(len(RESOLUTIONS))]
    head = f"ofa_mbv3/{' '.join(map(str, kernels))}/{' '.join(map(str, expansions))}"
    shallow, deep = (f"{head}/{' '.join(map(str, which))}/{resolution}" for which in (depths, deeper))
    return shallow, deep


def _stacked(
    family: str, depths: Sequence[tuple[int, int]], rng: Generator, resolutions: Sequence[int] = RESOLUTIONS
) -> tuple[str, str]:
    small, large = depths[rng.integers(len(depths))]
    resolution = resolutions[rng.integers(len(resolutions))]
    return f"{family}/{small}-{resolution}", f"{family}/{large}-{resolution}"


class Judge:
    """Log latencies of cases by the shipped runtime; each network is built and encoded once."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle, self._network = bundle, Network(bundle)
        self._encoding = cache(self._encode)
        self._states = cache(lambda graph_id, batch: self._network.states(self._batched(graph_id, batch)))

    def log_ms(self, case: Case) -> float:
        """Natural log of the median in ms."""
        words = encode_platform(self._network.meant(case.platform), self._bundle.template)
        states = self._states(case.graph_id, case.batch)
        return self._network.estimate(states, self._batched(case.graph_id, case.batch), words).log_ms

    def _encode(self, graph_id: str) -> GraphEncoding:
        return encode_graph(read_graph(zoo.build(graph_id).SerializeToString()), self._bundle.template)

    def _batched(self, graph_id: str, batch: int) -> GraphEncoding:
        return rebatch(self._encoding(graph_id), batch)


def rates(found: dict[str, list[Pair]], judge: Judge) -> Iterator[Rate]:
    """The rate of each kind as it is there."""
    for kind, members in found.items():
        ahead = np.array([judge.log_ms(pair.fast) - judge.log_ms(pair.slow) for pair in members])
        wrong = ahead > TOLERANCE
        worst = float(100 * np.expm1(ahead.max())) if wrong.any() else 0.0
        yield Rate(kind, len(members), int(wrong.sum()), float(100 * wrong.mean()), worst)


def main() -> None:
    """Parse the command line, judge, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help="instead of the shipped one")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    options = parser.parse_args()
    print("| one factor raised | pairs | violations | % | worst % |\n|---|---|---|---|---|", flush=True)
    bundle = open_bundle(options.bundle)
    found = []
    for rate in rates(pairs(count=options.pairs), Judge(bundle)):
        print(
            f"| {rate.kind} | {rate.pairs} | {rate.violations} | {rate.percent:.1f} | {rate.worst_percent:.1f} |",
            flush=True,
        )
        found.append(asdict(rate))
    RESULTS.write_text(json.dumps({"bundle": bundle.name, "rates": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
