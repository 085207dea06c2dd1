"""``Predictor``: model files and platforms to rows, in input order, whatever goes wrong with one of them."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ledg_rt.bundles import Bundle, open_bundle
from ledg_rt.errors import ModelError, PlatformError
from ledg_rt.evidence import evidence
from ledg_rt.graph import Graph
from ledg_rt.platforms import Platform, resolve
from ledg_rt.reading.reader import Reader
from ledg_rt.results import (
    BundleInfo,
    Explained,
    Failure,
    Flag,
    Latency,
    ModelInfo,
    NodeShare,
    PlatformInfo,
    Row,
    Status,
    UnknownOp,
    tool_version,
)

if TYPE_CHECKING:
    from ledg_rt.encoding import GraphEncoding
    from ledg_rt.network import Estimate

LARGEST_LOG = 50.0
"""A prediction beyond e^50 ms is no prediction."""

QUANTIZED = ("int8", "uint8", "int4", "uint4")
"""Stored types of weights that make a file a quantized one."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A platform as the bundle takes it, and what rows say of it."""

    meant: Platform
    info: PlatformInfo


class Predictor:
    """Predicts latencies with one bundle. Use it as a context manager, or ``close`` it.

    Args:
        bundle: a bundle folder; ``$LEDG_BUNDLE`` or the shipped one without it.
        threads: threads of the predictor itself. Numbers do not depend on it.
        jobs: processes that read model files.
        timeout_s: seconds that reading one file may take.

    Raises:
        BundleError: the bundle is missing, damaged or of another format.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] | None = None,
        *,
        threads: int = 1,
        jobs: int = 1,
        timeout_s: float = 30,
    ) -> None:
        # The readers import onnx while this process imports ONNX Runtime.
        self._reader = Reader(jobs=jobs, timeout_s=timeout_s)
        try:
            self._bundle: Bundle = open_bundle(Path(bundle) if bundle is not None else None)
            from ledg_rt.network import Network

            self.bundle = BundleInfo(self._bundle.name, self._bundle.sha256)
            self._network = Network(self._bundle, threads)
        except BaseException:
            self._reader.close()
            raise

    def predict(
        self,
        models: Sequence[str | os.PathLike[str]],
        platforms: Sequence[str | Platform],
        *,
        batch: int | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> list[Row]:
        """One row a model and platform, models first, in the order given; see ``iter_predict``."""
        return list(self.iter_predict(models, platforms, batch=batch, shapes=shapes))

    def iter_predict(
        self,
        models: Sequence[str | os.PathLike[str]],
        platforms: Sequence[str | Platform],
        *,
        batch: int | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
    ) -> Iterator[Row]:
        """Rows as they come, models first, in the order given.

        Args:
            models: paths of .onnx files. One that cannot be read gives error rows; the others go on.
            platforms: catalogue ids, .toml paths, free text, or resolved platforms.
            batch: samples in one run; the file's own (1 where it is dynamic) without it.
            shapes: dimensions of graph inputs by name.

        Raises:
            PlatformError: a platform cannot be understood, or is calibrated for another bundle (before any
                model is read).
        """
        explained = self.iter_explain(models, platforms, batch=batch, shapes=shapes, top=0)
        return (item.row for item in explained)

    def iter_explain(
        self,
        models: Sequence[str | os.PathLike[str]],
        platforms: Sequence[str | Platform],
        *,
        batch: int | None = None,
        shapes: Mapping[str, Sequence[int]] | None = None,
        top: int | None = 3,
    ) -> Iterator[Explained]:
        """The rows of ``iter_predict``, each with the ``top`` nodes that cost most, or all (``None``)."""
        resolved = [resolve(platform) if isinstance(platform, str) else platform for platform in platforms]
        for platform in resolved:
            self._check_calibration(platform)
        paths = [os.fspath(model) for model in models]
        return self._rows(paths, [self._asked(platform) for platform in resolved], batch, shapes, top)

    def _rows(
        self,
        paths: Sequence[str],
        platforms: Sequence[_Asked],
        batch: int | None,
        shapes: Mapping[str, Sequence[int]] | None,
        top: int | None,
    ) -> Iterator[Explained]:
        for path, found in zip(paths, self._reader.read_many(paths, shapes, batch), strict=True):
            try:
                rows = (
                    []
                    if isinstance(found, ModelError)
                    else list(self._graph_rows(path, found, platforms, top))
                )
            except OverflowError:  # sizes that no float holds
                found = ModelError(
                    "limit_exceeded",
                    "the network is larger than any that can be predicted",
                    "check its shapes",
                )
            if isinstance(found, ModelError):
                rows = [Explained(self._error_row(path, asked, found, batch)) for asked in platforms]
            yield from rows

    def _graph_rows(
        self, path: str, graph: Graph, platforms: Sequence[_Asked], top: int | None
    ) -> Iterator[Explained]:
        from ledg_rt.costs import graph_cost
        from ledg_rt.encoding import encode_graph, encode_platform
        from ledg_rt.reading.identity import graph_sha256
        from ledg_rt.roofline import bound_ms, coverage, log_intensity, roofline_ms

        encoding = encode_graph(graph, self._bundle.template)
        states = self._network.states(encoding)
        totals = graph_cost(graph)
        model = ModelInfo(
            path=path, bytes=_size(path), graph_sha256=graph_sha256(graph), nodes=len(graph.nodes), macs=totals.macs,
            weight_bytes=totals.weight_bytes,
            unknown_ops=tuple(UnknownOp(domain, op, count) for (domain, op), count in sorted(totals.unknown_ops.items())),
            coverage=coverage(encoding),
        )  # fmt: skip
        for asked in platforms:
            platform = asked.meant
            words = encode_platform(platform, self._bundle.template)
            estimate = self._network.estimate(states, encoding, words)
            intensity = log_intensity(encoding, platform.precision)
            latency = self._latency(estimate, platform, intensity, evidence(words.keys, self._network.known))
            bound = bound_ms(encoding, graph, platform)
            flags = self._flags(
                graph, encoding, platform, words.sentences[0], latency, bound, unknown=bool(model.unknown_ops)
            )
            partial = Flag.UNKNOWN_OPS in flags or Flag.UNRESOLVED_SHAPE in flags
            row = Row(
                tool_version=tool_version(), bundle=self.bundle, model=model, platform=asked.info,
                batch=encoding.batch, precision=platform.precision, threads=platform.threads, latency_ms=latency,
                roofline_ms=roofline_ms(encoding, platform), bound_ms=bound, flags=flags,
                status=Status.PARTIAL if partial else Status.OK, error=None,
            )  # fmt: skip
            yield Explained(row, _dearest(encoding, estimate, top), intensity)

    def _check_calibration(self, platform: Platform) -> None:
        calibration = platform.calibration
        if calibration is not None and calibration.bundle != self.bundle.sha256:
            raise PlatformError(
                "usage",
                f"{platform.text}: calibrated for another bundle than {self.bundle.name}",
                "run `ledg calibrate` again, or name its bundle with --bundle",
            )

    def _latency(self, estimate: Estimate, platform: Platform, intensity: float, found: str) -> Latency:
        """``found``: what training knew of the platform, see ``evidence``."""
        if not (abs(estimate.log_ms) < LARGEST_LOG and abs(estimate.log_spread) < 10):
            raise OverflowError
        factors = self._bundle.interval[found]
        factor = factors.get(platform.kind or "", factors["all"])
        log_ms, half = estimate.log_ms, factor * math.exp(estimate.log_spread)
        if platform.calibration is not None:
            log_ms, half = platform.calibration.apply(log_ms, intensity, half)
            if not (abs(log_ms) < LARGEST_LOG and half < LARGEST_LOG):
                raise OverflowError
        return Latency(*(math.exp(log_ms + shift) for shift in (-half, 0.0, half)))

    def _flags(
        self,
        graph: Graph,
        encoding: GraphEncoding,
        platform: Platform,
        hardware: str,
        latency: Latency,
        bound: float | None,
        *,
        unknown: bool,
    ) -> tuple[str, ...]:
        """Flags of a row in the order of design: each says why the number deserves less trust."""
        flops, nodes = float(encoding.quantities[:, 1].sum()), len(encoding.text)
        outside = any(
            not low <= value <= high
            for value, (low, high) in (
                (flops, self._bundle.ranges["flops"]), (nodes, self._bundle.ranges["nodes"]),
                (encoding.batch, self._bundle.ranges["batch"]),
            )
        )  # fmt: skip
        cut = Flag.TEXT_CUT in platform.notes or self._network.embedder.was_cut(hardware)
        found = {
            # Measurements of one's own are better evidence than a place in the training set.
            Flag.UNKNOWN_HARDWARE: platform.device not in self._bundle.devices
            and platform.calibration is None,
            Flag.UNKNOWN_OPS: unknown,
            Flag.UNRESOLVED_SHAPE: Flag.UNRESOLVED_SHAPE in graph.notes,
            Flag.BELOW_BOUND: bound is not None and latency.p50 < bound,
            Flag.OUTSIDE_TRAINING_RANGE: outside,
            Flag.PRECISION_MISMATCH: _is_quantized(graph)
            and platform.precision.startswith(("fp", "bf", "tf", "amp")),
            Flag.TEXT_CUT: cut,
            **{Flag(note): True for note in graph.notes if note != Flag.UNRESOLVED_SHAPE},
        }
        return tuple(flag for flag, holds in found.items() if holds)

    def _asked(self, platform: Platform) -> _Asked:
        meant = self._network.meant(platform)
        # The digest of the description: what belongs together is the same under every bundle.
        return _Asked(meant, PlatformInfo(id=meant.id, text=platform.text, sha256=platform.sha256))

    def _error_row(self, path: str, asked: _Asked, error: ModelError, batch: int | None) -> Row:
        platform = asked.meant
        return Row(
            tool_version=tool_version(), bundle=self.bundle,
            model=ModelInfo(path=path, bytes=_size(path)), platform=asked.info, batch=batch,
            precision=platform.precision, threads=platform.threads, latency_ms=None, roofline_ms=None, bound_ms=None,
            flags=(), status=Status.ERROR, error=Failure(error.code, error.message, error.hint),
        )  # fmt: skip

    def close(self) -> None:
        """Stop the processes that read files."""
        self._reader.close()

    def __enter__(self) -> Predictor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def _dearest(encoding: GraphEncoding, estimate: Estimate, top: int | None) -> tuple[NodeShare, ...]:
    """The ``top`` nodes of the largest cost; among equals, the first in canonical order."""
    import numpy as np

    if top == 0:
        return ()
    cost = np.exp(estimate.log_cost.astype(np.float64) - estimate.log_cost.max())
    shares = cost / cost.sum()
    return tuple(
        NodeShare(
            encoding.names[node],
            encoding.sentences[encoding.text[node]],
            float(shares[node]),
            _node_digest(encoding, int(node)),
        )
        for node in np.argsort(-shares, kind="stable")[:top]
    )


def _node_digest(encoding: GraphEncoding, node: int) -> str:
    sentence = encoding.sentences[encoding.text[node]].encode("utf-8", "surrogatepass")
    seen = (encoding.quantities[node].tobytes(), encoding.traits[node].tobytes(), sentence)
    return hashlib.blake2b(b"".join(seen), digest_size=16).hexdigest()


def _is_quantized(graph: Graph) -> bool:
    """Whether a matrix or kernel of the file is stored in integers."""
    return any(
        slot.constant and slot.type.dtype in QUANTIZED and len(slot.type.shape or ()) > 1
        for node in graph.nodes
        for slot in node.inputs
        if slot is not None
    )
