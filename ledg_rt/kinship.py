"""Kinship: the vector of a platform that training never met, told from those that it met by how alike they are.

Training leaves a vector for each platform that it measured (see ``ledg_export.kinship``). What a new one would have got is
the mean of a Gaussian process over platforms, whose covariance is their likeness: a sum of products, over what they
have in common in words (kind, precision, runtime, vendor, architecture, the sentence of the hardware), in figures and in
name (chip, device, stack). A chip that is known under another runtime tells more than a stranger of the same cores,
and that more than any other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ledg_rt.encoding import OWN_MEMORY, PLATFORM_NUMBERS, PLATFORM_TRAITS, PRESUMED, PlatformEncoding
from ledg_rt.errors import BundleError

NAMES = 4
"""Names that may be shared: chip, device, stack, use (see ``encoding.platform_keys``)."""
TERMS = 2
"""Terms in which figures and words count together."""

Float = NDArray[np.float64]

STARTS = tuple(PRESUMED)
"""Figures that the head's roofline starts from. A vector says how far off its platform is from there; of a platform without a
figure it makes up for how far ``PRESUMED`` is from the truth. So where a new platform does not have one, its start is a mean over its kin as its vector is."""

MEMORY_GROWTH = 0.4
"""The power of its peak that memory of a processor's own grows with."""

COMPARED = np.array([float(name not in STARTS) for name in PLATFORM_NUMBERS])
"""Figures that count in likeness. The head divides by the starts itself; were they a sign
of kin as well, faster hardware could have slower kin. Chips are told as well without them (benchmarks/LOG.md)."""

USUAL_TRAITS = {"kind": 4.0, "architecture": 2.0, "vendor": 1.0}
USUAL_WORDS, USUAL_FIGURES = 4.0, 0.15
"""What makes another platform less of a model for figures that one does not have, as exponents: a trait that differs, the distance of the sentences, of the figures that both have."""


@dataclass(frozen=True)
class Scales:
    """What decides the likeness of two platforms; all are logarithms, but ``differ``. F figures.

    ``differ``: [TERMS + 3, len(PLATFORM_TRAITS)], the factor of a trait in which two differ is its logistic function; a row a term, then for
    figures in proportion, for the chip, for the device. ``figures``: [TERMS, F], how fast likeness fades with the
    distance of a figure. ``words``: [TERMS]. ``size``: [TERMS + NAMES + 1], of each
    term, of each name, of what all have in common. ``slope``: [F]. ``noise``: [2], of a platform, and of one row of it.
    """

    differ: Any
    figures: Any
    words: Any
    size: Any
    slope: Any
    noise: Any


@dataclass(frozen=True)
class Pairs:
    """A platforms beside B others: what ``likeness`` reads, each [A, B] or [A, B, ...].

    ``apart``: squared distances of figures; ``along``: products of figures; ``words``: 1 minus the cosine of the hardware sentences; ``differ``: 1 where a trait differs; ``name``: 1 where a name is shared.
    """

    apart: Any
    along: Any
    words: Any
    differ: Any
    name: Any


@dataclass(frozen=True)
class Described:
    """P platforms as ``Pairs`` compares them.

    ``figures``: [P, F], in units of their spread over the known platforms, 0 where not ``COMPARED``, see ``usual`` where unknown; ``known``: [P, F], 1 where known.
    ``words``: [P, text width], of length 1. ``traits``: int64 [P, len(PLATFORM_TRAITS)] and ``names``: int64 [P, NAMES], see ``Units.codes``.
    """

    figures: Float
    known: Float
    words: Float
    traits: NDArray[np.int64]
    names: NDArray[np.int64]


NO_NAME, NEW, NOTHING = -1, -2, -3
"""Codes of a name that a platform does not have, of a trait or name that no known platform has (neither is shared), and of one of ``GUESSED`` that a platform does not say."""
GUESSED = tuple(map(PLATFORM_TRAITS.index, ("pipeline", "decode")))
"""Traits that are taken to be what is usual where a platform does not say them; the first of them decides whose second one counts."""


@dataclass(frozen=True)
class Units:
    """Middle and spread of each figure [F], middle of the sentence vectors [text width] and numbers of all traits and names of the known platforms."""

    middle: Float
    spread: Float
    words: Float
    codes: Mapping[str, int]

    @classmethod
    def of(cls, platforms: Sequence[PlatformEncoding], words: Float) -> Units:
        """``words``: vectors of their hardware sentences, [P, text width]."""
        numeric = np.stack([platform.own for platform in platforms]).astype(np.float64)
        seen = sorted({text for platform in platforms for text in (*platform.traits, *platform.keys[:NAMES])})
        count = len(PLATFORM_NUMBERS)
        values, known = numeric[:, :count], numeric[:, count : 2 * count]
        number = np.maximum(known.sum(0), 1)
        middle = (values * known).sum(0) / number
        spread = np.sqrt((((values - middle) * known) ** 2).sum(0) / number)
        codes = {text: at for at, text in enumerate(seen)}
        return cls(middle, np.maximum(spread, 0.05), words.mean(0), codes)

    def describe(self, platforms: Sequence[PlatformEncoding], words: Float) -> Described:
        """``words``: vectors of their hardware sentences, [P, text width]."""
        count = len(PLATFORM_NUMBERS)
        numeric = np.stack([platform.own for platform in platforms]).astype(np.float64)
        known = numeric[:, count : 2 * count]
        about = words - self.words
        length = np.maximum(np.linalg.norm(about, axis=1, keepdims=True), 1e-9)
        traits = [[self.codes.get(text, NEW) for text in platform.traits] for platform in platforms]
        for own, platform in zip(traits, platforms, strict=True):
            for at in GUESSED:
                own[at] = own[at] if platform.traits[at] else NOTHING
        names = np.full((len(platforms), NAMES), NO_NAME)
        for row, platform in zip(names, platforms, strict=True):
            keys = platform.keys[:NAMES]
            row[: len(keys)] = [self.codes.get(name, NEW) for name in keys]
        return Described(
            (numeric[:, :count] - self.middle) / self.spread * known * COMPARED, known, about / length,
            np.array(traits), names,
        )  # fmt: skip


def pairs(some: Described, others: Described) -> Pairs:
    """Each of A platforms beside each of B."""
    apart = (some.figures[:, None] - others.figures[None]) ** 2
    names = some.names[:, None] == others.names[None]
    return Pairs(
        apart, some.figures[:, None] * others.figures[None],
        1 - some.words @ others.words.T, (some.traits[:, None] != others.traits[None]).astype(np.float64),
        (names & (some.names >= 0)[:, None]).astype(np.float64),
    )  # fmt: skip


def usual(some: Described, others: Described) -> Described:
    """``some`` with what is usual for a figure that they do not have: its mean over ``others`` that have it, these alike counting most.

    So with the traits ``GUESSED``, of which the one counts that most others of the kind have. Hardware of which a description says little is then no stranger to
    all of whose figures are known. What training's own platforms lack is found in the same way.
    """
    both = some.known[:, None] * others.known[None] * COMPARED
    apart = (both * (some.figures[:, None] - others.figures[None]) ** 2).sum(-1)
    far = USUAL_FIGURES * apart + USUAL_WORDS * (1 - some.words @ others.words.T)
    for trait, weight in USUAL_TRAITS.items():
        column = PLATFORM_TRAITS.index(trait)
        far += weight * (some.traits[:, None, column] != others.traits[None, :, column])
    figures = some.figures.copy()
    for at in np.flatnonzero(COMPARED):
        having = others.known[:, at] > 0
        if having.any():
            near = np.exp(far[:, having].min(1, keepdims=True) - far[:, having])
            found = near @ others.figures[having, at] / near.sum(1)
            figures[:, at] = np.where(some.known[:, at] > 0, some.figures[:, at], found)
    return replace(some, figures=figures, traits=_usual_traits(some.traits, others.traits, far))


def _usual_traits(some: NDArray[np.int64], others: NDArray[np.int64], far: Float) -> NDArray[np.int64]:
    """``some`` [A, T] with those of ``GUESSED`` that most of ``others`` [B, T] have that are of their kind, near ones by [A, B] ``far`` counting most."""
    found, kind = some.copy(), PLATFORM_TRAITS.index("kind")
    for row in np.flatnonzero((some[:, GUESSED] == NOTHING).any(1)):
        like = others[:, kind] == some[row, kind]
        for at in GUESSED:
            votes = np.flatnonzero(like & (others[:, at] != NOTHING))
            if found[row, at] == NOTHING and len(votes):
                said, which = np.unique(others[votes, at], return_inverse=True)
                near = np.exp(far[row, votes].min() - far[row, votes])
                found[row, at] = said[np.bincount(which, near).argmax()]
            like &= others[:, at] == found[row, at]
    return found


def likeness(scales: Scales, pairs: Pairs, xp: ModuleType = np) -> Any:
    """Covariance [A, B] of the vectors of platforms. ``xp``: the module of the arrays, numpy or torch."""
    alike = [xp.exp(-(pairs.differ @ xp.log(1 + xp.exp(-scales.differ[row])))) for row in range(TERMS + 3)]
    size = xp.exp(scales.size)
    found = size[-1] + alike[TERMS] * (pairs.along @ xp.exp(2 * scales.slope))
    for term in range(TERMS):
        far = pairs.apart @ xp.exp(scales.figures[term]) + pairs.words * xp.exp(scales.words[term])
        found = found + size[term] * alike[term] * xp.exp(-0.5 * far)
    of_names = (alike[TERMS + 1], alike[TERMS + 2], 1, 1)
    for name, factor in enumerate(of_names):
        found = found + size[TERMS + name] * factor * pairs.name[..., name]
    return found


@dataclass(frozen=True)
class Told:
    """``vectors``: float32 [M, width]; ``numeric``: float32 [PLATFORM_FEATURES], in which a stranger has all of ``STARTS``."""

    vectors: NDArray[np.float32]
    numeric: NDArray[np.float32]


def starts(numeric: NDArray[Any]) -> Float:
    """Logarithms to base 10 of the figures that a roofline starts from, [P, len(STARTS)], ``numeric`` [P, PLATFORM_FEATURES]."""
    columns = [PLATFORM_NUMBERS.index(name) for name in STARTS]
    known = numeric[:, [len(PLATFORM_NUMBERS) + column for column in columns]] > 0
    presumed = [PRESUMED[name] / math.log(10) for name in STARTS]
    return np.where(known, numeric[:, columns], presumed).astype(np.float64)


def _as_trained(platform: PlatformEncoding) -> NDArray[np.float32]:
    """Numbers of a platform without starts that its device in the catalogue lacks: a figure that a description adds to it says nothing of
    its vector, which belongs to what is presumed or told.
    """
    found = platform.numeric.copy()
    for column in map(PLATFORM_NUMBERS.index, STARTS):
        both = [column, len(PLATFORM_NUMBERS) + column]
        if not platform.own[both[1]]:
            found[both] = 0
    return found


def _started(numeric: NDArray[np.float32], told: Float) -> NDArray[np.float32]:
    """``numeric`` with what was ``told`` of the starts that it does not have."""
    found = numeric.copy()
    for name, value in zip(STARTS, told, strict=True):
        both = [PLATFORM_NUMBERS.index(name), len(PLATFORM_NUMBERS) + PLATFORM_NUMBERS.index(name)]
        if not found[both[1]]:
            found[both] = value, 1
    return found


def _in_proportion(platform: PlatformEncoding, told: Float) -> Float:
    """What was ``told``, of kinds with ``OWN_MEMORY`` with a bandwidth that is higher where their peak is: who builds more multipliers feeds them."""
    peak = PLATFORM_NUMBERS.index("peak_gops")
    kind = platform.traits[PLATFORM_TRAITS.index("kind")]
    if kind not in OWN_MEMORY or not platform.own[len(PLATFORM_NUMBERS) + peak]:
        return told
    found = told.copy()
    found[STARTS.index("bandwidth_gbs")] += MEMORY_GROWTH * (
        platform.numeric[peak] - told[STARTS.index("peak_gops")]
    )
    return found


@dataclass(frozen=True)
class Kin:
    """The P platforms that training met.

    ``positions``: of their most exact names. ``vectors``: float32 [P, M, width], of each member of the ensemble. ``weights``:
    float64 [P, M * width + len(STARTS)], what likeness is multiplied by to tell vectors and starts, beside ``middle``
    [M * width + len(STARTS)].
    """

    positions: Mapping[str, int]
    vectors: NDArray[np.float32]
    weights: Float
    middle: Float
    scales: Scales
    units: Units
    described: Described

    def tell(self, platform: PlatformEncoding, words: NDArray[np.float32]) -> Told:
        """What the head reads of a platform: its own where it is known.

        Args:
            platform: as encoded.
            words: vector of its hardware sentence.
        """
        if platform.keys and (at := self.positions.get(platform.keys[-1])) is not None:
            return Told(self.vectors[at], _as_trained(platform))
        own = usual(self.units.describe([platform], words[None].astype(np.float64)), self.described)
        near = likeness(self.scales, pairs(own, self.described))[0]
        found: Float = self.middle + near @ self.weights
        vectors, told = np.split(found, [len(found) - len(STARTS)])
        return Told(
            vectors.reshape(self.vectors.shape[1:]).astype(np.float32),
            _started(_as_trained(platform), _in_proportion(platform, told)),
        )

    def save(self, path: Path) -> None:
        """Write a file for ``load``; the same bytes every time."""
        # Most platforms share the sentence of their hardware with others.
        words, which = np.unique(self.described.words.astype(np.float32), axis=0, return_inverse=True)
        arrays: dict[str, Any] = {
            "names": np.array(list(self.positions), np.str_), "rows": np.array(list(self.positions.values())),
            "codes": np.array(list(self.units.codes), np.str_), "vectors": self.vectors,
            "weights": self.weights.astype(np.float32), "middle": self.middle, "words": words,
            "which": which.ravel().astype(np.int32),
        }  # fmt: skip
        for prefix, table in self._tables():
            for field in fields(table):
                if field.name not in _APART.get(prefix, ()):
                    arrays[f"{prefix}_{field.name}"] = getattr(table, field.name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.savez(file, **arrays)
        temporary.replace(path)

    def _tables(self) -> Iterator[tuple[str, Any]]:
        yield from (("scales", self.scales), ("units", self.units), ("described", self.described))

    @classmethod
    def load(cls, path: Path) -> Kin:
        """What ``save`` wrote. Never unpickles.

        Raises:
            BundleError: the file is missing, damaged or no such table.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in arrays.files}
            found["described_words"] = found["words"][found["which"]].astype(np.float64)
            found["units_codes"] = {text: at for at, text in enumerate(found["codes"].tolist())}
            positions = dict(zip(found["names"].tolist(), found["rows"].tolist(), strict=True))
            count, members, width = found["vectors"].shape
            if (
                found["weights"].shape != (count, members * width + len(STARTS))
                or max(positions.values()) >= count
            ):
                raise ValueError("its parts do not belong together")
            return cls(
                positions, found["vectors"], found["weights"].astype(np.float64), found["middle"],
                _table(Scales, "scales", found), _table(Units, "units", found), _table(Described, "described", found),
            )  # fmt: skip
        except Exception as error:  # a damaged archive fails in many ways
            raise BundleError(
                "bundle", f"{path}: no table of platforms ({error})", "reinstall ledg-rt"
            ) from None


_APART = {"units": ("codes",), "described": ("words",)}
"""Fields that a file holds in another form."""


def _table(kind: Any, prefix: str, arrays: Mapping[str, Any]) -> Any:
    return kind(**{field.name: arrays[f"{prefix}_{field.name}"] for field in fields(kind)})
