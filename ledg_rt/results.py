"""What ledg-rt answers: one ``Row`` for a model on a platform, and its versioned JSON form.

The fields of the dataclasses are the keys of the JSON form, in its order; ``ledg_rt/schema/row.schema.json``
describes the same for other programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from ledg_rt.errors import LedgError
from ledg_rt.schema import fault

SCHEMA_VERSION = 1
DISTRIBUTION = "ledg-rt"


class Status(StrEnum):
    """How far a row can be trusted: ``partial`` has a number that does not cover the whole graph."""

    OK = "ok"
    PARTIAL = "partial"
    ERROR = "error"


class Flag(StrEnum):
    """What a reader of a number should know; each is explained in docs/errors.md."""

    UNKNOWN_HARDWARE = "unknown_hardware"
    UNKNOWN_OPS = "unknown_ops"
    UNRESOLVED_SHAPE = "unresolved_shape"
    BELOW_BOUND = "below_bound"
    OUTSIDE_TRAINING_RANGE = "outside_training_range"
    PRECISION_MISMATCH = "precision_mismatch"
    TEXT_CUT = "text_cut"
    BRANCH_CHOSEN = "branch_chosen"
    BATCH_FIXED = "batch_fixed"
    SHAPE_IGNORED = "shape_ignored"
    OPSET_UNKNOWN = "opset_unknown"


class Code(StrEnum):
    """Why a model has no number; each is explained in docs/errors.md."""

    EMPTY_FILE = "empty_file"
    NOT_ONNX = "not_onnx"
    LFS_POINTER = "lfs_pointer"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    NO_NODES = "no_nodes"
    CYCLE = "cycle"
    SYMBOLIC_DIM = "symbolic_dim"
    LIMIT_EXCEEDED = "limit_exceeded"
    READER_CRASHED = "reader_crashed"
    READER_TIMEOUT = "reader_timeout"


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """Which trained model answered. ``sha256``: of its manifest."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class UnknownOp:
    """An operator whose cost is not known, and how many nodes of the graph call it."""

    domain: str
    op: str
    count: int


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model file and its graph; all but ``path`` may be unknown in an error row.

    ``path`` is as the user gave it (bytes that are not UTF-8 as surrogates). ``graph_sha256`` leaves out
    weights, names and order. ``macs`` count the whole batch. ``coverage``: share of the roofline cost
    that lies on known operators with known shapes, 0 to 1.
    """

    path: str
    bytes: int | None = None
    graph_sha256: str | None = None
    nodes: int | None = None
    macs: int | None = None
    weight_bytes: int | None = None
    unknown_ops: tuple[UnknownOp, ...] = ()
    coverage: float | None = None


@dataclass(frozen=True, slots=True)
class PlatformInfo:
    """A platform as the user wrote it (``text``) and what it was taken for: ``id`` has the newest version that the
    bundle knows of a runtime where the user named none. ``sha256``: of the platform as described, under any bundle.
    """

    id: str
    text: str
    sha256: str


LATENCIES_MS = (1e-60, 1e60)
"""No latency is beyond these; differences of those within are finite numbers."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one run of the whole batch: ``p50`` the median run, ``p10`` and ``p90`` its uncertainty.

    Raises:
        ValueError: a figure beyond all hardware (``LATENCIES_MS``), or quantiles out of order.
    """

    p10: float
    p50: float
    p90: float

    def __post_init__(self) -> None:
        if not (LATENCIES_MS[0] < self.p10 <= self.p50 <= self.p90 < LATENCIES_MS[1]):
            raise ValueError(f"no latency: p10 {self.p10}, p50 {self.p50}, p90 {self.p90}")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no number: a stable ``code``, what happened, and what to do about it."""

    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The answer for one model on one platform.

    ``roofline_ms`` is an estimate and ``bound_ms`` what nothing is faster than; both are ``None`` where a
    figure of the platform is unknown. ``batch`` is ``None`` where the file could not be read.

    Raises:
        ValueError: an error row with a latency or without an error, any other row without a latency or
            with an error, or a partial row without a flag that says why.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    bundle: BundleInfo
    model: ModelInfo
    platform: PlatformInfo
    mode: str = "predicted"
    batch: int | None
    precision: str
    threads: int | None
    latency_ms: Latency | None
    roofline_ms: float | None
    bound_ms: float | None
    flags: tuple[str, ...] = ()
    status: Status
    error: Failure | None = None

    def __post_init__(self) -> None:
        failed = self.status is Status.ERROR
        if failed != (self.latency_ms is None) or failed != (self.error is not None):
            raise ValueError("an error row has an error and no latency, every other row the reverse")
        if self.status is Status.PARTIAL and not self.flags:
            raise ValueError("a partial row needs a flag that says why")


@dataclass(frozen=True, slots=True)
class NodeShare:
    """A node's part of a prediction: its ``name`` in the file, ``sentence``: what the model reads of it,
    ``share``: of the cost of all nodes, 0 to 1. ``digest``: of all that is known of the node but its name and
    neighbours, so that an unchanged node is found again in another version of the file; "" in saved rows.
    """

    name: str
    sentence: str
    share: float
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """A row and the nodes that cost most in it, the dearest first; none in an error row or a saved one.
    ``log_intensity``: natural log of the network's FLOPs a byte on that platform, ``None`` in the same rows.
    """

    row: Row
    nodes: tuple[NodeShare, ...] = ()
    log_intensity: float | None = None


def to_dict(row: Row) -> dict[str, Any]:
    """The JSON form of a row: exactly the keys of the schema, floats to four significant digits."""
    table: dict[str, Any] = _plain(row)
    return table


def from_dict(table: Mapping[str, Any]) -> Row:
    """The row of its JSON form.

    Raises:
        LedgError: not a row, or one of another schema version; the message names the key.
    """
    hint = "rows are what `ledg predict --format json` or `jsonl` writes"
    if isinstance(table, Mapping) and table.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        version = table["schema_version"]
        raise LedgError(
            "usage", f"a row of schema version {version!r}, not {SCHEMA_VERSION}", "predict again"
        )
    if found := fault(table):
        raise LedgError("usage", f"not a row: {found}", hint)
    model = dict(table["model"])
    model["unknown_ops"] = tuple(UnknownOp(**op) for op in model["unknown_ops"])
    latency, error = table["latency_ms"], table["error"]
    parts = {
        "bundle": BundleInfo(**table["bundle"]),
        "model": ModelInfo(**model),
        "platform": PlatformInfo(**table["platform"]),
        "flags": tuple(table["flags"]),
        "status": Status(table["status"]),
        "error": None if error is None else Failure(**error),
    }
    try:
        return Row(**{**table, **parts, "latency_ms": None if latency is None else Latency(**latency)})
    except ValueError as reason:
        raise LedgError("usage", f"not a row: {reason}", hint) from None


def four_digits(value: float) -> float:
    """``value`` to four significant digits: what a prediction is worth at most."""
    return float(f"{value:.4g}")


@cache
def tool_version() -> str:
    """Version of ledg-rt, or ``0+unknown`` where its sources are used without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0+unknown"


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return four_digits(value)
    return str(value) if isinstance(value, StrEnum) else value
