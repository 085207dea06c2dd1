"""What must not be predicted faster: wider and larger-batch twins of graphs, platforms without their better figures.

Training sees such pairs without labels beside the measured ones and pays for each that it orders wrongly.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ledg_rt.encoding import PLATFORM_NUMBERS, QUANTITIES, RELATIONS, TRAITS, GraphEncoding, rebatch

FACTOR = (1.1, 2.0)
"""One factor is raised by 10 to 100 %."""

EVEN = 8
"""Networks have multiples of it as channels."""

FIGURES = tuple(PLATFORM_NUMBERS.index(name) for name in ("peak_gops", "bandwidth_gbs"))


def widen(encoding: GraphEncoding, factor: float) -> GraphEncoding:
    """The network with at least ``factor`` times the channels everywhere; multiples of eight stay multiples of eight, as those who
    design networks keep them. What the first nodes read is what it was.
    """
    column = {name: at for at, name in enumerate(QUANTITIES)}
    trait = {name: at for at, name in enumerate(TRAITS)}
    quantities, traits = encoding.quantities.copy(), encoding.traits.copy()
    ratio = {}
    for name in ("channels_in", "channels_out"):
        channels = np.expm1(traits[:, trait[name]].astype(np.float64)).round()
        wide = channels * factor
        wide = np.where(channels % EVEN == 0, np.ceil(wide / EVEN) * EVEN, wide)
        ratio[name] = np.where(channels > 0, wide / np.maximum(channels, 1), factor)
        traits[:, trait[name]] = np.log1p(wide)
    first = encoding.neighbours[:, RELATIONS.index("fathers"), 1] < 0
    into, out = np.where(first, 1.0, ratio["channels_in"]), ratio["channels_out"]
    traits[first, trait["channels_in"]] = encoding.traits[first, trait["channels_in"]]
    dense = (quantities[:, column["weight_bytes"]] > 0) & (encoding.traits[:, trait["depthwise"]] == 0)
    work = np.where(dense, into * out, out)
    weights = quantities[:, column["weight_bytes"]].copy()
    flowing = quantities[:, column["float_bytes"]] - weights
    for names, grown in (
        (("input_elements",), into), (("output_elements",), out), (("fixed_bytes",), np.maximum(into, out)),
        (("macs", "flops", "weight_elements", "weight_bytes"), work),
    ):  # fmt: skip
        for name in names:
            quantities[:, column[name]] *= grown
    quantities[:, column["float_bytes"]] = flowing * np.maximum(into, out) + weights * work
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
