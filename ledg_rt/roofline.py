"""Analytic estimates from the costs of an encoded graph: what the hardware's two peaks alone would give."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import QUANTITIES, TRAITS, GraphEncoding
from ledg_rt.graph import Graph
from ledg_rt.platforms.device import PRECISION_BITS, Platform

WINOGRAD_SAVING = 2.25
"""F(2x2, 3x3) needs 2.25 times fewer multiplications (Lavin and Gray, arXiv 1509.09308)."""

REFERENCE_INTENSITY = 10.0
"""FLOPs a byte at which compute and memory balance on a typical device, where the platform is silent."""

_FLOPS, _FLOAT_BYTES, _FIXED_BYTES = (
    QUANTITIES.index(name) for name in ("flops", "float_bytes", "fixed_bytes")
)


def node_bytes(encoding: GraphEncoding, precision: str) -> NDArray[np.float64]:
    """Bytes each node moves at ``precision`` [N]: floats take its bits, integers what the file says."""
    share = PRECISION_BITS[precision] / 32
    return encoding.quantities[:, _FLOAT_BYTES] * share + encoding.quantities[:, _FIXED_BYTES]


def log_intensity(encoding: GraphEncoding, precision: str) -> float:
    """Natural log of the FLOPs that the whole network has for each byte it moves at ``precision``."""
    flops = float(encoding.quantities[:, _FLOPS].sum())
    return math.log(max(flops, 1.0) / max(float(node_bytes(encoding, precision).sum()), 1.0))


def roofline_ms(encoding: GraphEncoding, platform: Platform) -> float | None:
    """Sum over nodes of max(FLOPs / peak, bytes / bandwidth); None where either figure is unknown."""
    if platform.peak_gops is None or platform.bandwidth_gbs is None:
        return None
    compute = encoding.quantities[:, _FLOPS] / (platform.peak_gops * 1e6)
    memory = node_bytes(encoding, platform.precision) / (platform.bandwidth_gbs * 1e6)
    return float(np.maximum(compute, memory).sum())


def bound_ms(encoding: GraphEncoding, graph: Graph, platform: Platform) -> float | None:
    """What nothing can beat: arithmetic with Winograd's saving, or reading inputs and weights and writing outputs.

    None where a figure of the platform is unknown or a shape of the graph is unresolved.
    """
    return bound_from(encoding, sum(tensor.elements for tensor in (*graph.inputs, *graph.outputs)), platform)


def bound_from(encoding: GraphEncoding, ends: int, platform: Platform) -> float | None:
    """``bound_ms`` where the inputs and outputs of the graph have ``ends`` elements in all.

    A throughput is measured in batches of unknown size, which share one reading of the weights: it is not counted.
    """
    if (
        platform.peak_gops is None
        or platform.bandwidth_gbs is None
        or encoding.traits[:, TRAITS.index("unresolved")].any()
    ):
        return None
    flops = 2 * encoding.quantities[:, QUANTITIES.index("macs")]
    winograd = np.isclose(encoding.traits[:, TRAITS.index("kernel")], np.log(9)) & (
        encoding.traits[:, TRAITS.index("stride")] == 0
    )
    flops = np.where(winograd, flops / WINOGRAD_SAVING, flops)
    share = PRECISION_BITS[platform.precision] / 32
    weights = encoding.quantities[:, QUANTITIES.index("weight_elements")].sum()
    if "throughput" in platform.tags:
        weights = 0.0
    compute = flops.sum() / (platform.peak_gops * 1e6)
    return float(max(compute, (ends + weights) * 4 * share / (platform.bandwidth_gbs * 1e6)))


def coverage(encoding: GraphEncoding) -> float:
    """Share of the roofline cost on nodes whose operator is known and whose shapes are resolved, 0 to 1."""
    cost = np.maximum(encoding.quantities[:, _FLOPS], REFERENCE_INTENSITY * node_bytes(encoding, "fp32"))
    doubtful = (encoding.traits[:, TRAITS.index("unknown")] > 0) | (
        encoding.traits[:, TRAITS.index("unresolved")] > 0
    )
    total = cost.sum()
    if doubtful.any() and not total:
        return 0.0
    return float(1 - cost[doubtful].sum() / total) if total else 1.0
