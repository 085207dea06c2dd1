"""Rates: by which factor nodes with a trait cost more on a platform than its vector says.

The vector of a platform has few numbers and has to be right for every network at once; measurements of one platform say
more than it can hold. So what they say beyond it is kept apart, as the logarithm of a factor for each trait of a node: its
operator, its sentence, its sizes, what comes before it. Rates have the names of a runtime on a kind of
device, which new hardware has too, and of exact platforms.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import QUANTITIES, RELATIONS, TRAITS, GraphEncoding, PlatformEncoding
from ledg_rt.errors import BundleError

NODE_TRAITS = 14
"""Traits of a node, two for each size; see ``node_traits``."""
LARGEST = 3.0
"""Bound of the logarithm of what the rates of one node come to: nothing that was measured asks for more."""


@dataclass(frozen=True)
class NodeTraits:
    """``names``: the distinct traits of a graph. ``traits``: int64 [N, NODE_TRAITS], which of them each node has, and
    float32 ``shares``, how much of each.
    """

    names: list[str]
    traits: NDArray[np.int64]
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class Rates:
    """What is known of some names; everything else has the rate 0.

    ``names`` and ``traits``: positions by name. ``starts``: int32 [len(names) + 1], where the rates of each name begin in
    ``columns`` (int32, positions of traits) and ``values`` (float16, natural logarithms).
    """

    names: Mapping[str, int]
    traits: Mapping[str, int]
    starts: NDArray[np.int32]
    columns: NDArray[np.int32]
    values: NDArray[np.float16]

    @classmethod
    def of(cls, found: Mapping[str, Mapping[str, float]]) -> Rates:
        """Rates by trait, by name."""
        names = _positions(sorted(found))
        traits = _positions(sorted({trait for rates in found.values() for trait in rates}))
        rows = [sorted((traits[trait], rate) for trait, rate in found[name].items()) for name in names]
        starts = np.cumsum([0, *map(len, rows)], dtype=np.int32)
        columns = np.array([column for row in rows for column, _ in row], dtype=np.int32)
        values = np.array([rate for row in rows for _, rate in row], dtype=np.float16)
        return cls(names, traits, starts, columns, values)

    def save(self, path: Path) -> None:
        """Write a file for ``load``; the same bytes every time."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.savez_compressed(
                file, names=np.array(list(self.names), np.str_), traits=np.array(list(self.traits), np.str_),
                starts=self.starts, columns=self.columns, values=self.values,
            )  # fmt: skip
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Rates:
        """What ``save`` wrote. Never unpickles.

        Raises:
            BundleError: the file is missing, damaged or no such table.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                names, traits, starts, columns, values = (
                    arrays[name] for name in ("names", "traits", "starts", "columns", "values")
                )
        except Exception as error:  # a damaged archive fails in many ways
            raise BundleError(
                "bundle", f"{path}: not a table of rates ({error})", "reinstall ledg-rt"
            ) from None
        return cls(_positions(names.tolist()), _positions(traits.tolist()), starts, columns, values)

    def log_rates(
        self, encoding: GraphEncoding, platforms: Sequence[PlatformEncoding]
    ) -> NDArray[np.float32]:
        """Natural logarithm of the factor on the cost of each node on P platforms, float32 [P, N]."""
        found = node_traits(encoding)
        # One column more than there are traits: those without a name here have it.
        columns = np.array([self.traits.get(name, len(self.traits)) for name in found.names], dtype=np.int64)
        table = np.stack([self._table(platform) for platform in platforms])
        total = (table[:, columns][:, found.traits] * found.shares).sum(-1, dtype=np.float32)
        clipped: NDArray[np.float32] = np.clip(total, -LARGEST, LARGEST)
        return clipped

    def _table(self, platform: PlatformEncoding) -> NDArray[np.float32]:
        """The rate of each trait on a platform, the sum over its names, and a zero."""
        table = np.zeros(len(self.traits) + 1, dtype=np.float32)
        for name in platform.rates:
            if (at := self.names.get(name)) is not None:
                here = slice(self.starts[at], self.starts[at + 1])
                table[self.columns[here]] += self.values[here].astype(np.float32)
        return table


def node_traits(encoding: GraphEncoding) -> NodeTraits:
    """The traits of the nodes of a graph.

    They are its operator with the form of its weights, its sentence, whether its channels are multiples of eight, the
    operator before it, and five sizes: output elements, channels in and out, pixels, multiplications a result. A size
    lies between two powers of two and has part of both, so that rates are continuous in it. Each trait but
    the sentence is one of the operator's own.
    """
    quantities = dict(zip(QUANTITIES, encoding.quantities.T, strict=True))
    traits = dict(zip(TRAITS, encoding.traits.T.astype(np.float64), strict=True))
    words = [sentence.split(" kernel")[0].split(" stride")[0] for sentence in encoding.sentences]
    operators = sorted(set(words))
    operator = np.array([operators.index(word) for word in words], dtype=np.int64)[encoding.text]
    into, out = np.expm1(traits["channels_in"]).round(), np.expm1(traits["channels_out"]).round()
    groups = np.exp(traits["groups"]).round()
    form = np.select([traits["depthwise"] > 0, groups > 1, traits["kernel"] > 0], [0, 1, 2], 3)
    depth = quantities["macs"] / np.maximum(quantities["output_elements"], 1)
    father = encoding.neighbours[:, RELATIONS.index("fathers"), 1]
    before = np.where(father >= 0, operator[father], -1)
    sizes = (quantities["output_elements"], into, out, np.exp(traits["spatial_out"]).round(), depth)
    columns = [operator, form, encoding.text, (into % 8 == 0) & (out % 8 == 0), before, *map(_power, sizes)]
    kinds, node = np.unique(np.column_stack(columns).astype(np.float64), axis=0, return_inverse=True)
    names: dict[str, int] = {}
    rows, shares = [], []
    for own, form_at, text, even, after, *powers in kinds.tolist():
        kind = f"{operators[int(own)]} {_FORMS[int(form_at)]}"
        found = [
            (kind, 1.0), (f"says {encoding.sentences[int(text)]}", 1.0), (f"{kind} even {int(even)}", 1.0),
            (f"{kind} after {operators[int(after)] if after >= 0 else 'nothing'}", 1.0),
        ]  # fmt: skip
        for size, power in zip(_SIZES, powers, strict=True):
            low, high = math.floor(power), math.ceil(power)
            found += [(f"{kind} {size} {low}", 1 - (power - low)), (f"{kind} {size} {high}", power - low)]
        rows.append([names.setdefault(name, len(names)) for name, _ in found])
        shares.append([share for _, share in found])
    node = node.ravel()
    return NodeTraits(
        list(names), np.array(rows, dtype=np.int64).reshape(-1, NODE_TRAITS)[node],
        np.array(shares, dtype=np.float32).reshape(-1, NODE_TRAITS)[node],
    )  # fmt: skip


def _positions(names: Sequence[str]) -> dict[str, int]:
    return {name: at for at, name in enumerate(names)}


_FORMS = ("depthwise", "grouped", "spatial", "pointwise")


_SIZES = ("elements", "in", "out", "pixels", "depth")


def _power(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms to base two, rounded so that no machine sees another neighbour of a whole one."""
    return np.log2(np.maximum(values, 1)).round(6)


NOTHING = Rates.of({})
"""No rates at all."""
