"""Which cores a text says that a processor has: ``Cortex-A76 2.4GHz x 4 + Cortex-A55 1.8GHz x 4``.

The text becomes tokens (a core, a clock, a count, another unit, a separator), the tokens become groups of one core,
clock and count each. People write them in every order (``4x A76 @ 2.4 GHz``, ``Quad Core A76 2.4GHz``, ``2x2.4 GHz
Cortex-A76 & 6x...``) and leave out what repeats (``Cortex-X4 3.25 GHz + 2.85 GHz x 3``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ledg_rt.platforms.core_names import TIERS, core_names, named_core
from ledg_rt.platforms.device import Cluster
from ledg_rt.platforms.figures import COUNT_WORDS, checked, count_of
from ledg_rt.platforms.instruction_sets import STAND_IN, shares_cores, speaks_of_x86
from ledg_rt.platforms.peaks import cluster_rate
from ledg_rt.platforms.product_lines import Product

MOST_CORES = 1_000_000

_MASK = "\x01"
_CORTEX = r"(?:35|53|55|57|72|73|75|76|77|78ae|78|510|520|710|715|720|725)"
_NUMBER = r"(?:(?<![\w.])|(?<=\d[x×*]))(\d{1,9}(?:[.,]\d{1,9})?)"
_RANGE = re.compile(
    rf"{_NUMBER}\s*([gm]hz)?\s*(?:\([a-z]+\)\s*)?(?:~|-|to\b|/)\s*(\d{{1,9}}(?:[.,]\d{{1,9}})?)\s*([gm])hz\b"
)
_CLOCK = re.compile(rf"{_NUMBER}\s*([gm])hz\b")
_BASE = re.compile(r"(?:base|min)\w*[\s:]*(?:clock|freq\w*)?[\s:]*$")
_BOOST = re.compile(r"(?:turbo|boost|max|up to)\w*[\s:]*(?:clock|freq\w*|up to|of|to)?[\s:]*$")
_AFTER_BASE = re.compile(r"\s*\(?(?:base|min)")
_AFTER_BOOST = re.compile(r"\s*\(?(?:turbo|boost|max)")
_WORD = "|".join(COUNT_WORDS)
_CORES = re.compile(
    rf"(?<![\w.])x?(\d{{1,7}}|{_WORD})[\s-]*(?:(?:high )?(performance|p|prime|gold|big|efficient|efficiency|e|silver|little)[\s-]*)?"
    r"(?:cpu[\s-]*)?(?:cores?|kerne|c(?:oe|œ)urs|n[uú]cleos)\b"
)
_VIRTUAL = re.compile(r"(?<![\w.])(\d{1,4})[\s-]*vcpus?\b")
# Only with the family: models are called bert.large.
_SIZE = re.compile(
    r"(?<![\w.-])(?:[cimrx]\d[a-z]*(?:-flex)?|t[234][ag]?)\.(\d{0,2})(medium|x?large)(?![a-z0-9])"
)
_SHORT_COUNT = re.compile(rf"(?<![\w.])({_WORD})(?=[\s-]*(?:{_MASK}|a\d\d))")
_PREFIX = re.compile(rf"(?<![\w.])(\d{{1,4}})\s*[x×*]\s*(?=[{_MASK}(]|[ax]\d{{1,3}}(?!\w))")
_SUFFIX = re.compile(r"(?<!pcie )(?<![a-z0-9])[x×*]\s*(?!86\b|64\b)(\d{1,4})(?![\w.])")
_MULTI = re.compile(r"(?<![a-z0-9])m[pc](\d{1,3})(?!\w)")
_BARE = re.compile(
    rf"(?<=[{_MASK}])[\s(+/&-]*(a{_CORTEX}|x(?:1|2|3|4|925))(?!\w)|(?<![\w-])(a{_CORTEX})(?=[\s@(-]*{_MASK})"
)
_UNIT = re.compile(
    r"(?<![a-z0-9])(?:i?gpus?|graphics|npu|dsp|tensor[\s-]*cores?|cuda[\s-]*cores?|dla)(?![a-z])"
)
_LANES = re.compile(
    r"(?<![\w.])(\d{1,6})[\s-]*(?:cuda[\s-]*cores|shad(?:er|ing)[\s-]*(?:units|cores)|stream[\s-]*processors|alus|lanes)"
)
_CPU = re.compile(r"(?<![a-z0-9])(?:cpus?|processor)(?![a-z])")
_APART = re.compile(r"(?<=[\s)\x01])\+|\+(?=\s*[\x01(])|[&;|]|(?<![a-z])(?:and|und|et|plus)(?![a-z])")
_LABEL = re.compile(r"\s*\(?(?:big|little)\b")
_OWNERS = re.compile(r"[\s-]*(?:nvidia|amd|arm|intel|apple|qualcomm)?[\s-]*")


@dataclass(frozen=True, slots=True)
class Composition:
    """``clusters`` from the fastest to the slowest, empty unless core, count and clock of all are known.

    ``cores``: how many there are; ``clock_ghz``: of the fastest. ``core``: id of the fastest one that is named.
    ``unit_cores``, ``unit_clock_ghz``: of another unit of the chip, a GPU. ``spans``: what was read, in the text; ``core_at``:
    where its first core is named, which instruction sets do not.
    """

    clusters: tuple[Cluster, ...] = ()
    cores: int | None = None
    clock_ghz: float | None = None
    core: str | None = None
    unit_cores: int | None = None
    unit_clock_ghz: float | None = None
    spans: tuple[tuple[int, int], ...] = ()
    core_at: int | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    kind: str
    value: float | str = ""


@dataclass(slots=True)
class _Group:
    """One cluster as far as it is read. ``joined``: it followed a separator, so that it may repeat a core."""

    core: str | None = None
    clock: float | None = None
    count: int | None = None
    unit: bool = False
    joined: bool = False

    @property
    def empty(self) -> bool:
        return self.core is None and self.clock is None and self.count is None


@dataclass(slots=True)
class _Scanner:
    """Text of which every part is read once: what is taken becomes ``_MASK``."""

    text: str
    tokens: list[_Token] = field(default_factory=list)

    def take(self, start: int, end: int, kind: str, value: float | str = "") -> None:
        self.tokens.append(_Token(start, end, kind, value))
        self.text = self.text[:start] + _MASK * (end - start) + self.text[end:]


def composition(
    text: str, found: Sequence[Product], *, generic: str | None = None, threads: int | None = None
) -> Composition:
    """What ``text`` (lower case, plain hyphens) says of cores, counts and clocks.

    Args:
        text: a description without its memory and threads.
        found: the products that it names; their cores count, their other units are kept apart.
        generic: the core of the instruction sets at ``STAND_IN``, which counts where no other is named.
        threads: that run; the clusters have as many cores where only their number is missing, ``cores`` says nothing then.

    Raises:
        PlatformError: a clock or count that no hardware has.
    """
    tokens = _tokens(text, found, generic)
    groups = list(_groups(text, tokens))
    units = [group for group in groups if group.unit]
    unit_cores = next((group.count for group in units if group.count), None)
    unit_clock = next((group.clock for group in units if group.clock), None)
    spans = tuple(
        (token.start, token.end)
        for token in tokens
        if token.kind in ("clock", "count", "prefix", "core", "lanes", "labelled", "boost", "base", "virtual")
    )
    lanes = next((int(token.value) for token in tokens if token.kind == "lanes"), None)
    if any(token.kind == "generic" for token in tokens):
        for group in groups:
            if not group.unit and group.core is None and group.clock and group.count:
                group.core = generic  # sets are those of all cores, wherever they stand
    mine = _named([group for group in groups if not group.unit])
    total = next((group.count for group in mine if group.core is None and group.clock is None), None)
    parts = [group for group in mine if group.core or group.clock]
    labelled = [float(token.value) for token in tokens if token.kind == "labelled"]
    if len(labelled) == len(parts) and not any(group.clock for group in parts):
        for group, clock in zip(parts, labelled, strict=True):
            group.clock = clock
    clusters = _clusters(parts, total, threads)
    counts = [group.count for group in parts]
    cores_ = None
    if total or any(counts):
        cores_ = sum(cluster.count for cluster in clusters) or total or sum(count or 1 for count in counts)
    named = max((group.core for group in parts if group.core), key=_order, default=None)
    clocks = [group.clock for group in parts if group.clock]
    return Composition(
        clusters=clusters, cores=cores_, clock_ghz=clusters[0].clock_ghz if clusters else max(clocks, default=None),
        core=clusters[0].core if clusters else named, unit_cores=lanes or unit_cores, unit_clock_ghz=unit_clock, spans=spans,
        core_at=next((token.start for token in tokens if token.kind == "core"), None),
    )  # fmt: skip


def virtual_cores(text: str, core: str) -> int | None:
    """How many cores of a known kind ``4 vCPU`` or ``.xlarge`` in ``text`` (lower case) means; None where neither is there.

    Raises:
        PlatformError: a count that no hardware has.
    """
    if match := _VIRTUAL.search(text):
        return _physical(int(match[1]), shared=shares_cores(core))
    if match := _SIZE.search(text):
        return _physical(_of_size(match), shared=shares_cores(core))
    return None


def _order(core: str) -> float:
    return cluster_rate(Cluster(core, 1, 1.0))


def _tokens(text: str, found: Sequence[Product], generic: str | None) -> list[_Token]:
    """Cores, clocks, counts, other units and separators of ``text``, in its order."""
    scanner = _Scanner(text)
    machine = next((product for product in found if product.line.clock_ghz), None)
    maker = machine.line if machine else next((product.line for product in found if product.line.core), None)
    for product in found:
        if product.line.kind not in ("cpu", "mcu"):
            scanner.take(product.start, product.end, "unit")
        elif product.line.core:
            # Of a model and its architecture the model is more exact: "Xeon Silver 4210R (Cascade Lake)".
            value = product.line.core if maker is None or maker.efficient is None else ""
            other = product.line is not maker or (product.line.clock_ghz and product is not machine)
            scanner.take(product.start, product.end, "" if other else "model", value)
    for match in core_names().finditer(scanner.text):
        if maker is None or not (maker.core and shares_cores(maker.core)):
            scanner.take(match.start(), match.end(), "core", named_core(match))
    cores = [str(token.value) for token in scanner.tokens if token.kind in ("core", "model") and token.value]
    if generic and maker is None and not cores and (at := scanner.text.find(STAND_IN)) >= 0:
        cores = [generic]
        scanner.take(at, at + 1, "generic", generic)
    for match in _LANES.finditer(scanner.text):
        scanner.take(match.start(), match.end(), "lanes", int(match[1]))
    _take_clocks(scanner)
    for match in _CORES.finditer(scanner.text):
        if match[2] and maker is not None and maker.efficient:
            kind = maker.core if match[2] in ("performance", "p", "prime", "gold", "big") else maker.efficient
            middle = match.start(2)
            scanner.take(match.start(), middle, "prefix", count_of(match[1]))
            scanner.take(middle, match.end(), "core", kind or "")
        else:
            scanner.take(match.start(), match.end(), "count", count_of(match[1]))
    told = any(token.kind == "count" for token in scanner.tokens)
    shared = shares_cores(cores[0]) if cores else speaks_of_x86(text)
    for match in _VIRTUAL.finditer(scanner.text):
        count = _physical(int(match[1]), shared=shared)
        scanner.take(match.start(), match.end(), "virtual" if told else "count", count)
    if machine and not any(token.kind in ("count", "virtual") for token in scanner.tokens):
        size = _SIZE.search(text[machine.start : machine.end])
        if size and machine.line.core:
            count = _physical(_of_size(size), shared=shares_cores(machine.line.core))
            scanner.tokens.append(_Token(machine.end, machine.end, "count", count))
    for pattern, kind in (
        (_SHORT_COUNT, "prefix"),
        (_PREFIX, "prefix"),
        (_SUFFIX, "count"),
        (_MULTI, "count"),
    ):
        for match in pattern.finditer(scanner.text):
            scanner.take(match.start(), match.end(), kind, count_of(match[1]))
    for match in _BARE.finditer(scanner.text):
        number = 1 if match[1] else 2
        scanner.take(match.start(number), match.end(number), "core", f"cortex-{match[number]}")
    for pattern, kind in ((_UNIT, "unit"), (_CPU, "cpu"), (_APART, "apart")):
        for match in pattern.finditer(scanner.text):
            scanner.take(match.start(), match.end(), kind)
    for match in re.finditer(",", scanner.text):
        scanner.take(match.start(), match.end(), "comma")
    known = [
        token
        for token in scanner.tokens
        if token.kind and (token.kind not in ("core", "model") or token.value)
    ]
    if any(token.kind == "core" for token in known):
        known = [token for token in known if token.kind != "generic"]
    return sorted(known, key=lambda token: token.start)


def _of_size(match: re.Match[str]) -> int:
    """Virtual processors of a machine whose name ends so (AWS, EC2 instance types)."""
    return {"medium": 1, "large": 2, "xlarge": 4}[match[2]] * int(match[1] or 1)


def _physical(virtual: int, *, shared: bool) -> int:
    """Cores behind ``virtual`` processors. Clouds count threads: two where they are ``shared``, on x86, one of a core of Arm.

    Raises:
        PlatformError: there are none.
    """
    return count_of(str(-(-virtual // (2 if shared else 1))))


def _take_clocks(scanner: _Scanner) -> None:
    """Clocks; of a range the highest, which is that of the catalogue; a base clock only where it stands alone."""
    for match in _RANGE.finditer(scanner.text):
        if match[2] or "." in match[1] or "," in match[1]:
            low = _ghz(match[1], (match[2] or match[4])[0])
            scanner.take(match.start(), match.end(), "clock", max(low, _ghz(match[3], match[4])))
    for match in _CLOCK.finditer(scanner.text):
        before, after = (
            scanner.text[max(0, match.start() - 24) : match.start()],
            scanner.text[match.end() :][:12],
        )
        kind = "labelled" if _LABEL.match(after) else "clock"
        if _BASE.search(before) or _AFTER_BASE.match(after):
            kind = "base"
        elif _BOOST.search(before) or _AFTER_BOOST.match(after):
            kind = "boost"
        scanner.take(match.start(), match.end(), kind, _ghz(match[1], match[2]))


def _ghz(number: str, unit: str) -> float:
    value = round(float(number.replace(",", ".")) * (1.0 if unit == "g" else 1e-3), 9)
    return checked("clock_ghz", value, f"{number} {unit.upper()}Hz")


def _groups(text: str, tokens: Sequence[_Token]) -> Iterator[_Group]:
    """One group for every core, clock and count that belong together."""
    now = _Group()
    last = _Group()
    for at, token in enumerate(tokens):
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        new: _Group | None = None
        match token.kind:
            case "apart":
                new = _Group(joined=True)
            case "unit":
                new = _Group(unit=True)
            case "comma" | "cpu" if now.unit:
                new = _Group()
            case "core" | "model" | "generic":
                if now.unit or (now.core is not None and not (now.core == token.value and now.clock is None)):
                    new = _Group()
                (new or now).core = str(token.value)
            case "clock" | "boost" | "base":
                value = float(token.value)
                if token.kind != "clock" and now.empty and not last.empty:
                    # "2.3 GHz (base); 3.0 GHz (turbo)": of the cluster before the separator.
                    last.clock = (
                        max(last.clock or 0.0, value) if token.kind == "boost" else last.clock or value
                    )
                elif now.clock is None:
                    now.clock = value
                elif token.kind == "boost":
                    now.clock = max(now.clock, value)
                elif token.kind == "clock" and not now.unit:
                    new = _Group(clock=value)
            case "count" | "prefix":
                count = int(token.value)
                owned = following is not None and following.kind == "unit"
                if owned and following is not None and _OWNERS.fullmatch(text[token.end : following.start]):
                    yield _Group(unit=True, count=count)
                    continue
                begins = token.kind == "prefix" and (
                    now.clock is not None
                    or (
                        now.core is not None
                        and following is not None
                        and following.kind in ("core", "model", "generic")
                    )
                )
                if now.unit and token.kind == "count":
                    now.count = now.count or count
                elif now.unit or begins or now.count is not None:
                    new = _Group(count=count, joined=now.joined)
                else:
                    now.count = count
        if new is not None:
            if not now.empty:
                last = now
                yield now
            now = new
    if not now.empty:
        yield now


def _named(groups: Sequence[_Group]) -> list[_Group]:
    """``groups`` with the core that one of them leaves out because it repeats the one before, and Kryos as their cores."""
    core = None
    kept = []
    for group in groups:
        if group.core is None and group.clock is not None and core is not None:
            if not group.joined and group.count is None:
                continue  # a clock of something else
            group.core = core
        core = group.core or core
        kept.append(group)
    whole = {group.core for group in kept if group.core and group.clock and group.count}
    kept = [group for group in kept if group.clock or group.count or group.core not in whole]
    tiered = [group for group in kept if group.core and group.core.startswith("kryo-")]
    for at, group in enumerate(sorted(tiered, key=lambda group: -(group.clock or 0.0))):
        tiers = TIERS[str(group.core)[5:]]
        last = at == len(tiered) - 1 and len(tiered) > 1
        group.core = tiers[-1] if last else tiers[min(at, max(len(tiers) - 2, 0))]
    return kept


def _clusters(parts: Sequence[_Group], total: int | None, threads: int | None) -> tuple[Cluster, ...]:
    """Clusters of which all is known, from the fastest to the slowest; a lone one has all of the ``total`` cores."""
    counts = [group.count for group in parts]
    if len(parts) == 1 and counts[0] is None:
        counts = [total or threads]
    elif any(counts):
        rest = (total or 0) - sum(count or 0 for count in counts)
        spare = rest if counts.count(None) == 1 and rest > 0 else 1
        counts = [count or spare for count in counts]
    clusters = [
        Cluster(group.core, count, group.clock)
        for group, count in zip(parts, counts, strict=True)
        if group.core and count and group.clock
    ]
    if len(clusters) < len(parts):
        return ()
    return tuple(sorted(clusters, key=lambda cluster: (-cluster_rate(cluster), -cluster.clock_ghz)))
