"""Measurements that a larger image of the same network contradicts."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import inf

from ledg_export.corpora.sample import Sample

DISTURBED = 1.5
"""How many times slower than a larger image a measurement must be to be left out.

Repeats differ by a median half a percent; above this factor only other work on the machine is left, which adds time and never
takes any, so that the slower of the two is the wrong one. Below it are kernels that suit one size better than
another: Arm NN on a Jetson Xavier is up to 1.46 times slower than for a larger image, in every repeat.
"""

_SIZE = re.compile(r"-(\d+)(?=-|$)")
"""Image size in the grids' graph ids: ``mobilenet_v1/0.75-160``, ``mobilenet_v3/large-224-1.0``."""


def contradicted(samples: Iterable[Sample]) -> Iterator[bool]:
    """For each sample, whether a larger image of its network was ``DISTURBED`` times faster on its platform."""
    samples = list(samples)
    fastest: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    keys = [(sample.platform, _SIZE.sub("", sample.graph_id), _size(sample)) for sample in samples]
    for (platform, network, size), sample in zip(keys, samples, strict=True):
        sizes = fastest[platform, network]
        sizes[size] = min(sizes.get(size, inf), sample.latency_ms)
    for (platform, network, size), sample in zip(keys, samples, strict=True):
        larger = (ms for other, ms in fastest[platform, network].items() if other > size)
        yield sample.latency_ms > DISTURBED * min(larger, default=inf)


def _size(sample: Sample) -> int:
    found = _SIZE.search(sample.graph_id)
    return int(found[1]) if found else 0
