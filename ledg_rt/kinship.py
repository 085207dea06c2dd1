"""Kinship: the vector of a platform that training never met, told from those that it met by how alike they are.

Training leaves a vector for each platform that it measured (see ``ledg_export.kinship``). What a new one would have got is
the mean of a Gaussian process over platforms, whose covariance is their likeness: a sum of products, over what they
have in common in words (kind, precision, runtime, vendor, architecture, the sentence of the hardware), in figures and in
name (chip, device, stack). A chip that is known under another runtime tells more than a stranger of the same cores,
and that more than any other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import PLATFORM_NUMBERS, PlatformEncoding
from ledg_rt.errors import BundleError

NAMES = 4
"""Names that may be shared: chip, device, stack, use (see ``encoding.platform_keys``)."""
TERMS = 2
"""Terms in which figures and words count together."""

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """What decides the likeness of two platforms; all are logarithms, but ``differ``. F figures.

    ``differ``: [TERMS + 3, len(PLATFORM_TRAITS)], the factor of a trait in which two differ is its logistic function; a row a term, then for
    figures in proportion, for the chip, for the device. ``figures``, ``missing``: [TERMS, F], how fast likeness fades with the
    distance of a figure, or with one that only one of them has. ``words``: [TERMS]. ``size``: [TERMS + NAMES + 1], of each
    term, of each name, of what all have in common. ``slope``: [F]. ``noise``: [2], of a platform, and of one row of it.
    """

    differ: Any
    figures: Any
    missing: Any
    words: Any
    size: Any
    slope: Any
    noise: Any


@dataclass(frozen=True)
class Pairs:
    """A platforms beside B others: what ``likeness`` reads, each [A, B] or [A, B, ...].

    ``apart``: squared distances of figures that both have; ``lacking``: 1 where only one has it; ``along``: products of figures;
    ``words``: 1 minus the cosine of the hardware sentences; ``differ``: 1 where a trait differs; ``name``: 1 where a name is shared.
    """

    apart: Any
    lacking: Any
    along: Any
    words: Any
    differ: Any
    name: Any


@dataclass(frozen=True)
class Described:
    """P platforms as ``Pairs`` compares them.

    ``figures``: [P, F], in units of their spread over the known platforms, 0 where unknown; ``known``: [P, F], 1 where known.
    ``words``: [P, text width], of length 1. ``traits``: [P, len(PLATFORM_TRAITS)] and ``names``: [P, NAMES], strings; "" is no name.
    """

    figures: Float
    known: Float
    words: Float
    traits: NDArray[np.str_]
    names: NDArray[np.str_]


@dataclass(frozen=True)
class Units:
    """Middle and spread of each figure [F] and middle of the sentence vectors [text width] of the known platforms."""

    middle: Float
    spread: Float
    words: Float

    @classmethod
    def of(cls, numeric: Float, words: Float) -> Units:
        """From all of their figures [P, PLATFORM_FEATURES] and hardware sentences [P, text width]."""
        count = len(PLATFORM_NUMBERS)
        values, known = numeric[:, :count], numeric[:, count : 2 * count]
        number = np.maximum(known.sum(0), 1)
        middle = (values * known).sum(0) / number
        spread = np.sqrt((((values - middle) * known) ** 2).sum(0) / number)
        return cls(middle, np.maximum(spread, 0.05), words.mean(0))

    def describe(self, platforms: Sequence[PlatformEncoding], words: Float) -> Described:
        """``words``: vectors of their hardware sentences, [P, text width]."""
        count = len(PLATFORM_NUMBERS)
        numeric = np.stack([platform.own for platform in platforms]).astype(np.float64)
        known = numeric[:, count : 2 * count]
        about = words - self.words
        length = np.maximum(np.linalg.norm(about, axis=1, keepdims=True), 1e-9)
        names = [[*platform.keys[:NAMES], *[""] * (NAMES - len(platform.keys))] for platform in platforms]
        return Described(
            (numeric[:, :count] - self.middle) / self.spread * known, known, about / length,
            np.array([platform.traits for platform in platforms]), np.array(names),
        )  # fmt: skip


def pairs(some: Described, others: Described) -> Pairs:
    """Each of A platforms beside each of B."""
    both = some.known[:, None] * others.known[None]
    apart = (some.figures[:, None] - others.figures[None]) ** 2 * both
    names = some.names[:, None] == others.names[None]
    return Pairs(
        apart, np.abs(some.known[:, None] - others.known[None]), some.figures[:, None] * others.figures[None],
        1 - some.words @ others.words.T, (some.traits[:, None] != others.traits[None]).astype(np.float64),
        (names & (some.names != "")[:, None]).astype(np.float64),
    )  # fmt: skip


def likeness(scales: Scales, pairs: Pairs, xp: ModuleType = np) -> Any:
    """Covariance [A, B] of the vectors of platforms. ``xp``: the module of the arrays, numpy or torch."""
    alike = [xp.exp(-(pairs.differ @ xp.log(1 + xp.exp(-scales.differ[row])))) for row in range(TERMS + 3)]
    size = xp.exp(scales.size)
    found = size[-1] + alike[TERMS] * (pairs.along @ xp.exp(2 * scales.slope))
    for term in range(TERMS):
        far = pairs.apart @ xp.exp(scales.figures[term]) + pairs.lacking @ xp.exp(scales.missing[term])
        far = far + pairs.words * xp.exp(scales.words[term])
        found = found + size[term] * alike[term] * xp.exp(-0.5 * far)
    of_names = (alike[TERMS + 1], alike[TERMS + 2], 1, 1)
    for name, factor in enumerate(of_names):
        found = found + size[TERMS + name] * factor * pairs.name[..., name]
    return found


def variance(scales: Scales, platforms: Described) -> Float:
    """Of the vector of each platform [P]: its likeness with itself. One without a name has a chip, too, that is not known."""
    along: Float = platforms.figures**2 @ np.exp(2 * scales.slope)
    found: Float = np.exp(scales.size).sum() + along
    return found


@dataclass(frozen=True)
class Kin:
    """The P platforms that training met.

    ``positions``: of their most exact names. ``vectors``: float32 [P, M, width], of each member of the ensemble. ``weights``:
    float64 [P, M * width], what likeness is multiplied by, beside ``middle`` [M * width]. ``doubt``: the standard deviation of log
    latency for each unit of that of the process.
    """

    positions: Mapping[str, int]
    vectors: NDArray[np.float32]
    weights: Float
    middle: Float
    doubt: float
    scales: Scales
    units: Units
    described: Described

    def vector(
        self, platform: PlatformEncoding, words: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float]:
        """The vectors of a platform float32 [M, width], and by how much they may move its log latency (0 for a known one).

        Args:
            platform: as encoded.
            words: vector of its hardware sentence.
        """
        if platform.keys and (at := self.positions.get(platform.keys[-1])) is not None:
            return self.vectors[at], 0.0
        own = self.units.describe([platform], words[None].astype(np.float64))
        near = likeness(self.scales, pairs(own, self.described))[0]
        return self._read(near).astype(np.float32), self.doubt * self._apart(near, own)

    def _read(self, near: Float) -> Float:
        found: Float = (self.middle + near @ self.weights).reshape(self.vectors.shape[1:])
        return found

    def _apart(self, near: Float, own: Described) -> float:
        """Standard deviation of the process, given the next of kin alone: an upper bound that needs no matrix."""
        told = near**2 / (variance(self.scales, self.described) + np.exp(self.scales.noise[0]))
        return float(np.sqrt(max(0.0, float(variance(self.scales, own)[0] - told.max()))))

    def save(self, path: Path) -> None:
        """Write a file for ``load``; the same bytes every time."""
        arrays: dict[str, Any] = {
            "names": np.array(list(self.positions), np.str_), "vectors": self.vectors, "weights": self.weights.astype(np.float32),
            "middle": self.middle, "doubt": np.array(self.doubt),
        }  # fmt: skip
        # Most platforms share the sentence of their hardware with others.
        words, which = np.unique(self.described.words.astype(np.float32), axis=0, return_inverse=True)
        arrays |= {"words": words, "which": which.ravel().astype(np.int32)}
        for prefix, table in (("scales", self.scales), ("units", self.units), ("described", self.described)):
            for field in fields(table):
                if (prefix, field.name) != ("described", "words"):
                    arrays[f"{prefix}_{field.name}"] = getattr(table, field.name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Kin:
        """What ``save`` wrote. Never unpickles.

        Raises:
            BundleError: the file is missing, damaged or no such table.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            words = found["words"][found["which"]].astype(np.float64)
            return cls(
                {name: at for at, name in enumerate(found["names"].tolist())}, found["vectors"],
                found["weights"].astype(np.float64), found["middle"], float(found["doubt"]),
                _table(Scales, "scales", found), _table(Units, "units", found),
                _table(Described, "described", found | {"described_words": words}),
            )  # fmt: skip
        except Exception as error:  # a damaged archive fails in many ways
            raise BundleError(
                "bundle", f"{path}: no table of platforms ({error})", "reinstall ledg-rt"
            ) from None


def _table(kind: Any, prefix: str, arrays: Mapping[str, Any]) -> Any:
    return kind(**{field.name: arrays[f"{prefix}_{field.name}"] for field in fields(kind)})
