"""The nearest known device: what the same network takes there, scaled by the two rooflines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ledg_export.corpora.sample import Sample
from ledg_rt.encoding import PLATFORM_NUMBERS, GraphEncoding, encode_platform
from ledg_rt.platforms import resolve
from ledg_rt.roofline import roofline_ms

OTHER_KIND, OTHER_RUNTIME, OTHER_PRECISION = 10.0, 1.0, 1.0
"""Distances that are added to that of the figures (in decades) where two platforms differ so."""


class NearestKnown:
    """Measurements of the training set, by network; platforms by distance."""

    def __init__(self, trained: Sequence[Sample], graphs: Mapping[str, GraphEncoding]) -> None:
        self.graphs = graphs
        self.names = sorted({sample.platform for sample in trained})
        self.platforms = [resolve(name) for name in self.names]
        self._figures = np.stack([encode_platform(platform).numeric for platform in self.platforms])
        position = {name: at for at, name in enumerate(self.names)}
        self._measured: dict[tuple[str, int], dict[int, float]] = defaultdict(dict)
        for sample in trained:
            here = self._measured[sample.graph_id, sample.batch]
            here[position[sample.platform]] = float(np.log(sample.latency_ms))
        self._order: dict[str, NDArray[np.int64]] = {}

    def log_ms(self, sample: Sample, encoding: GraphEncoding) -> float | None:
        """Log milliseconds of ``sample``; None for a network that no known platform ran.

        Args:
            sample: graph, batch and platform of it; its latency is not read.
            encoding: its graph at its batch size.
        """
        here = self._measured.get((sample.graph_id, sample.batch))
        if not here:
            return None
        nearest = next(at for at in self._by_distance(sample.platform) if at in here)
        ours = roofline_ms(encoding, resolve(sample.platform))
        theirs = roofline_ms(encoding, self.platforms[nearest])
        return here[nearest] + (float(np.log(ours / theirs)) if ours and theirs else 0.0)

    def _by_distance(self, name: str) -> NDArray[np.int64]:
        """Positions of the known platforms, the nearest first."""
        if name not in self._order:
            platform, count = resolve(name), len(PLATFORM_NUMBERS)
            figures = encode_platform(platform).numeric
            both = (figures[count : 2 * count] > 0) & (self._figures[:, count : 2 * count] > 0)
            apart = np.abs(self._figures[:, :count] - figures[:count])
            # A figure that either lacks counts as a factor of three.
            distance = np.where(both, apart, 0.5).sum(1)
            for at, other in enumerate(self.platforms):
                distance[at] += OTHER_KIND * (other.kind != platform.kind)
                distance[at] += OTHER_RUNTIME * (_name(other.runtime) != _name(platform.runtime))
                distance[at] += OTHER_PRECISION * (other.precision != platform.precision)
            self._order[name] = np.argsort(distance, kind="stable")
        return self._order[name]


def _name(runtime: str | None) -> str:
    return (runtime or "unknown").split("-")[0]
