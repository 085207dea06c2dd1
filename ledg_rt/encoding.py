"""Graphs and platforms as arrays: the last step that training and runtime share.

A node has a sentence, a row of quantities that grow with the batch or not, and neighbours under each
relation. Nodes are put in a canonical order first (depth, then a hash of everything above and below), so
that neither the order of nodes in the file nor a name can change a number.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ledg_rt.costs import is_view, node_cost
from ledg_rt.graph import Graph, Node
from ledg_rt.language import NODE_TEMPLATES, PLATFORM_TEMPLATES, channels, groups_of, kernel_of, stride_of
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.device import KINDS, PRECISION_BITS, Platform
from ledg_rt.platforms.instruction_sets import core_of
from ledg_rt.platforms.resolve import on_device
from ledg_rt.simplify import simplify

FORMAT = 1
"""Version of the arrays below; it is part of the bundle and changes when their meaning does."""

RELATIONS = ("sons", "fathers", "grandfathers", "siblings")
"""Each holds the node itself; the first three are the paper's (I+A, I+A^T, I+(A^T)^2), the last is ours."""

NEIGHBOURS = 12
"""Neighbours kept of a node under each relation, itself included; more are cut and counted."""

QUANTITIES = ("macs", "flops", "input_elements", "output_elements", "weight_elements", "float_bytes", "fixed_bytes", "weight_bytes")  # fmt: skip
"""Columns of ``GraphEncoding.quantities``. ``float_bytes`` counts every float element as 4 bytes (the
platform's precision scales it), ``fixed_bytes`` what the file itself stores in integers; ``weight_bytes``
is the part of ``float_bytes`` that does not grow with the batch."""

_GROWING = np.array([1, 1, 1, 1, 0, 1, 1, 0], dtype=bool)

TRAITS = ("channels_in", "channels_out", "spatial_out", "kernel", "stride", "groups", "depthwise", "view", "unknown", "unresolved")  # fmt: skip
"""Columns of ``GraphEncoding.traits``; sizes as natural logarithms of 1 + value, the rest 0 or 1."""

NODE_FEATURES = len(QUANTITIES) + len(TRAITS) + 2
PLATFORM_NUMBERS = ("peak_gops", "bandwidth_gbs", "memory_gb", "power_w", "cores", "clock_ghz", "threads", "process_nm", "year")  # fmt: skip
PLATFORM_FEATURES = 2 * len(PLATFORM_NUMBERS) + len(KINDS) + 3
PRESUMED = {"peak_gops": 4.0, "bandwidth_gbs": 3.0}
"""Natural logarithms of the figures that a roofline starts from where a platform does not say: those of a typical phone."""
OWN_MEMORY = ("npu",)
"""Kinds of devices that keep what flows between nodes in memory of their own, so that the model does not see the bandwidth of their board.
NPUs of one runtime differ by 10 % from what their peak and a microsecond a node say, by 30 % from a roofline with that bandwidth (benchmarks/LOG.md);
of other kinds there are too few."""
KEY_LEVELS = 5
"""Names of a catalogue platform, see ``platform_keys``."""
PLATFORM_TRAITS = (
    "runtime", "version", "kind", "precision", "tags", "threads", "vendor", "architecture", "pipeline", "decode",
)  # fmt: skip
"""What ``kinship`` compares in words; ``runtime`` without its version, ``version`` with it; ``pipeline`` and ``decode`` are those of the core."""
OUT_OF_ORDER = ("Intel", "AMD", "Apple")
"""Makers of whose processors nearly all run out of order; what a core says counts before."""
WIDEST = 5
"""Cores that decode more instructions a cycle count as alike."""


@dataclass(frozen=True, slots=True)
class GraphEncoding:
    """A graph as arrays; N nodes in canonical order.

    ``sentences``: the distinct ones; ``text``: int32 [N], index into them. ``quantities``: float64
    [N, len(QUANTITIES)]. ``traits``: float32 [N, len(TRAITS)]. ``neighbours``: int32
    [N, len(RELATIONS), NEIGHBOURS], -1 where there are fewer; the node itself comes first. ``cut``:
    neighbours left out by the limit. ``batch``: samples in one run. ``names``: of the nodes, for people;
    () in a corpus.
    """

    sentences: tuple[str, ...]
    text: NDArray[np.int32]
    quantities: NDArray[np.float64]
    traits: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    cut: int
    batch: int
    names: tuple[str, ...] = ()

    @property
    def numeric(self) -> NDArray[np.float32]:
        """Node features, float32 [N, NODE_FEATURES]: logs of quantities, traits, intensity, batch."""
        logs = np.log1p(self.quantities)
        intensity = logs[:, 1] - np.log1p(self.quantities[:, 5] + self.quantities[:, 6])
        batch = np.full(len(self.text), math.log(self.batch))
        return np.column_stack([logs, self.traits, intensity, batch]).astype(np.float32)

    @property
    def work(self) -> NDArray[np.float32]:
        """What the head's roofline reads, float32 [N, 3]: GFLOPs, float and fixed gigabytes."""
        return (self.quantities[:, [1, 5, 6]] * 1e-9).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PlatformEncoding:
    """A platform as arrays and words.

    ``sentences``: hardware, software. ``numeric``: float32 [PLATFORM_FEATURES]. ``own``: the same, of its device as the catalogue has it; what a
    description says beside that changes the roofline, not whose kin the device is. ``keys``: see ``platform_keys``; ``rates``: see
    ``rate_names``. ``traits``: its ``PLATFORM_TRAITS``.
    """

    sentences: tuple[str, str]
    numeric: NDArray[np.float32]
    own: NDArray[np.float32]
    keys: tuple[str, ...]
    rates: tuple[str, ...]
    traits: tuple[str, ...]


def encode_graph(graph: Graph, template: str = "rich") -> GraphEncoding:
    """Encode ``graph`` as every runtime would run it: see ``simplify`` for what is folded first."""
    graph = simplify(graph)
    batch = _batch_of(graph)
    labels = [_label(node) for node in graph.nodes]
    order = _order(graph, labels)
    position = {old: new for new, old in enumerate(order)}
    edges = sorted((position[a], position[b]) for a, b in graph.edges)
    # Networks repeat their nodes: equal ones are counted and put into words once.
    keys = [(label, node.repeats) for label, node in zip(labels, graph.nodes, strict=True)]
    kinds = dict(zip(keys, graph.nodes, strict=True))
    at = {key: row for row, key in enumerate(kinds)}
    rows = [at[keys[index]] for index in order]
    quantities = np.array([_quantities(node) for node in kinds.values()], dtype=np.float64)
    quantities = quantities.reshape(-1, len(QUANTITIES))[rows]
    traits = np.array([_traits(node) for node in kinds.values()], dtype=np.float32)
    traits = traits.reshape(-1, len(TRAITS))[rows]
    neighbours, cut = _neighbour_table(edges, len(order), quantities)
    words = [NODE_TEMPLATES[template](node) for node in kinds.values()]
    texts = [words[row] for row in rows]
    sentences = tuple(sorted(set(texts)))
    index = {sentence: at for at, sentence in enumerate(sentences)}
    text = np.array([index[sentence] for sentence in texts], dtype=np.int32)
    names = tuple(graph.nodes[old].name for old in order)
    return GraphEncoding(sentences, text, quantities, traits, neighbours, cut, batch, names)


def rebatch(encoding: GraphEncoding, batch: int) -> GraphEncoding:
    """The same network for another batch: what flows through it grows, weights do not."""
    factor = batch / encoding.batch
    quantities = encoding.quantities.copy()
    weights = quantities[:, [7]].copy()
    quantities[:, _GROWING] *= factor
    quantities[:, [5]] += weights * (1 - factor)
    return replace(encoding, quantities=quantities, batch=batch)


def encode_platform(platform: Platform, template: str = "rich") -> PlatformEncoding:
    """Encode ``platform``; an unknown figure is 0 with mask 0, never a guess."""
    numeric = _platform_numbers(platform)
    device = devices().get(platform.device or "")
    own = numeric
    if device is not None:
        usage = {name: getattr(platform, name) for name in ("runtime", "precision", "threads", "tags")}
        own = _platform_numbers(on_device(device, "", **usage))
    return PlatformEncoding(
        PLATFORM_TEMPLATES[template](platform), numeric, own, platform_keys(platform), rate_names(platform),
        _platform_traits(platform),
    )  # fmt: skip


def platform_keys(platform: Platform) -> tuple[str, ...]:
    """Names under which a model may know a platform from training, from the general to the exact.

    Chip, device, runtime and precision on it, threads and tags, version of the runtime; none for hardware
    that is no device of the catalogue.
    """
    if platform.device is None:
        return ()
    runtime = (platform.runtime or "unknown").split("-")[0]
    stack = "/".join((platform.device, runtime, platform.precision))
    use = "+".join((stack, f"{platform.threads or 0}t", *platform.tags))
    return (
        f"chip {platform.chip} {platform.kind}", f"device {platform.device}", f"stack {stack}", f"use {use}",
        f"platform {platform.runtime or 'unknown'} {use}",
    )  # fmt: skip


def rate_names(platform: Platform) -> tuple[str, ...]:
    """Names under which ``rates`` may know a platform: its runtime on its kind of device, its last key where it has keys."""
    runtime = (platform.runtime or "unknown").split("-")[0]
    general = " ".join(("runtime", runtime, platform.kind or "device", platform.precision, *platform.tags))
    return (general, *platform_keys(platform)[-1:])


def _platform_numbers(platform: Platform) -> NDArray[np.float32]:
    values, masks = [], []
    for name in PLATFORM_NUMBERS:
        felt = name != "bandwidth_gbs" or platform.kind not in OWN_MEMORY
        value = getattr(platform, name) if felt else None
        values.append(0.0 if value is None else _scaled(name, float(value)))
        masks.append(0.0 if value is None else 1.0)
    kinds = [float(platform.kind == kind) for kind in KINDS]
    bits = PRECISION_BITS[platform.precision]
    extra = [
        math.log2(bits) - 4,
        float(platform.precision.startswith(("int", "w"))),
        float("throughput" in platform.tags),
    ]
    return np.array([*values, *masks, *kinds, *extra], dtype=np.float32)


def _platform_traits(platform: Platform) -> tuple[str, ...]:
    version = platform.runtime or "unknown"
    found = (
        version.split("-")[0], version, platform.kind, platform.precision, "+".join(platform.tags), platform.threads or "",
        platform.vendor, platform.architecture, *_pipeline(platform),
    )  # fmt: skip
    return tuple(str(trait or "") for trait in found)


def _pipeline(platform: Platform) -> tuple[str | None, int | None]:
    """Whether the cores of a processor keep their instructions in order, and how many they decode a cycle, ``WIDEST`` at most."""
    if platform.kind not in (None, "cpu"):
        return None, None
    core = core_of(platform.core) if platform.core else None
    pipeline = core.pipeline if core else None
    if platform.kind and platform.vendor in OUT_OF_ORDER:
        pipeline = pipeline or "out of order"
    return pipeline, min(core.decode, WIDEST) if core and core.decode else None


def _label(node: Node) -> bytes:
    own = (node.op, node.domain, sorted(node.attributes.items()), node.inputs, node.outputs)
    return _digest(repr(own).encode())


def _order(graph: Graph, labels: Sequence[bytes]) -> list[int]:
    """Positions of ``graph.nodes`` sorted by depth, then by a hash of all that is above and below."""
    sons: list[list[int]] = [[] for _ in graph.nodes]
    fathers: list[list[int]] = [[] for _ in graph.nodes]
    for a, b in graph.edges:
        sons[a].append(b)
        fathers[b].append(a)
    depth = [0] * len(labels)
    above, below = list(labels), list(labels)
    for node in range(len(labels)):
        depth[node] = 1 + max((depth[father] for father in fathers[node]), default=-1)
        above[node] = _digest(labels[node] + b"".join(sorted(above[father] for father in fathers[node])))
    for node in reversed(range(len(labels))):
        below[node] = _digest(labels[node] + b"".join(sorted(below[son] for son in sons[node])))
    return sorted(range(len(labels)), key=lambda node: (depth[node], above[node], below[node]))


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=12).digest()


def _neighbour_table(
    edges: Sequence[tuple[int, int]], count: int, quantities: NDArray[np.float64]
) -> tuple[NDArray[np.int32], int]:
    """Neighbours under each relation; beyond the limit the dearest stay (FLOPs + bytes, then order)."""
    sons: list[list[int]] = [[] for _ in range(count)]
    fathers: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        sons[a].append(b)
        fathers[b].append(a)
    dearness = quantities[:, 1] + quantities[:, 5] + quantities[:, 6]
    rank = np.empty(count, dtype=np.int64)
    rank[np.lexsort((np.arange(count), -dearness))] = np.arange(count)
    table = np.full((count, len(RELATIONS), NEIGHBOURS), -1, dtype=np.int32)
    cut = 0
    for node in range(count):
        grandfathers = {a for father in fathers[node] for a in fathers[father]}
        siblings = {b for father in fathers[node] for b in sons[father]}
        for relation, found in enumerate((sons[node], fathers[node], grandfathers, siblings)):
            others = sorted(set(found) - {node}, key=rank.__getitem__)
            kept = [node, *sorted(others[: NEIGHBOURS - 1])]
            cut += max(0, len(others) - NEIGHBOURS + 1)
            table[node, relation, : len(kept)] = kept
    return table, cut


def _quantities(node: Node) -> tuple[float, ...]:
    cost = node_cost(node)
    inputs = sum(slot.type.elements for slot in node.inputs if slot is not None and not slot.constant)
    outputs = sum(out.elements for out in node.outputs)
    weights = sum(slot.type.elements for slot in node.inputs if slot is not None and slot.constant)
    repeats = node.repeats
    return (
        float(cost.macs), float(cost.flops), float(inputs * repeats), float(outputs * repeats), float(weights),
        4.0 * cost.float_elements, float(cost.fixed_bytes), 4.0 * cost.float_weights,
    )  # fmt: skip


def _traits(node: Node) -> tuple[float, ...]:
    cost = node_cost(node)
    first = next((slot.type for slot in node.inputs if slot is not None), None)
    out = node.outputs[0] if node.outputs else None
    spatial = (
        math.prod(size or 1 for size in (out.shape or ())[2:])
        if out and out.shape and len(out.shape) > 3
        else 1
    )
    groups = groups_of(node)
    return (
        math.log1p(channels(first)), math.log1p(channels(out)), math.log(max(1, spatial)),
        math.log(math.prod(kernel_of(node)) or 1), math.log(math.prod(stride_of(node)) or 1),
        math.log(groups), float(groups > 1 and groups == channels(first)), float(is_view(node)),
        float(not cost.known), float(not cost.resolved),
    )  # fmt: skip


def _batch_of(graph: Graph) -> int:
    """Leading dimension of the first input that has one."""
    leading = (tensor.shape[0] for tensor in graph.inputs if tensor.shape)
    return next((size for size in leading if size), 1)


def _scaled(name: str, value: float) -> float:
    return (value - 2015) / 5 if name == "year" else math.log10(value)
