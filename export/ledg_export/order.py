"""What must not be predicted faster: wider and larger-batch twins of graphs, platforms without their better figures.

Training sees such pairs without labels beside the measured ones and pays for each that it orders wrongly.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ledg_rt.encoding import PLATFORM_NUMBERS, QUANTITIES, TRAITS, GraphEncoding, rebatch

FACTOR = (1.1, 2.0)
"""One factor is raised by 10 to 100 %."""

FIGURES = tuple(PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs"))


def widen(encoding: GraphEncoding, factor: float) -> GraphEncoding:
    """The network with ``factor`` times the channels everywhere: weights and MACs of dense layers grow by its square."""
    column = {name: at for at, name in enumerate(QUANTITIES)}
    trait = {name: at for at, name in enumerate(TRAITS)}
    quantities, traits = encoding.quantities.copy(), encoding.traits.copy()
    dense = (quantities[:, column["weight_bytes"]] > 0) & (encoding.traits[:, trait["depthwise"]] == 0)
    squared = np.where(dense, factor**2, factor)
    weights = quantities[:, column["weight_bytes"]].copy()
    flowing = quantities[:, column["float_bytes"]] - weights
    for name in ("input_elements", "output_elements", "fixed_bytes"):
        quantities[:, column[name]] *= factor
    for name in ("macs", "flops", "weight_elements", "weight_bytes"):
        quantities[:, column[name]] *= squared
    quantities[:, column["float_bytes"]] = flowing * factor + weights * squared
    for name in ("channels_in", "channels_out"):
        traits[:, trait[name]] = np.log1p(np.expm1(traits[:, trait[name]]) * factor)
    return replace(encoding, quantities=quantities, traits=traits)


def heavier(encoding: GraphEncoding, rng: Generator) -> GraphEncoding:
    """A twin that has more to do: wider, or with a larger batch."""
    factor = rng.uniform(*FACTOR)
    if rng.random() < 0.5:
        return widen(encoding, factor)
    return rebatch(encoding, math.ceil(encoding.batch * factor))


def better(numeric: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """Platforms float32 [P, PLATFORM_FEATURES] with more throughput or bandwidth each, where it is known."""
    raised = numeric.copy()
    rows, figures = np.arange(len(numeric)), rng.choice(FIGURES, len(numeric))
    known = numeric[rows, len(PLATFORM_NUMBERS) + figures] > 0
    raised[rows[known], figures[known]] += np.log10(rng.uniform(*FACTOR, known.sum())).astype(np.float32)
    return raised
