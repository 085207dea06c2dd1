"""The two ONNX models of a bundle and the embedder: encoded graphs and platforms to numbers."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ledg_rt.bundles import KIN, RATES, Bundle
from ledg_rt.embedding import Embedder, load_table, session_options
from ledg_rt.encoding import GraphEncoding, PlatformEncoding
from ledg_rt.errors import BundleError
from ledg_rt.kinship import Kin, Told
from ledg_rt.platforms.device import Platform
from ledg_rt.rates import Rates
from ledg_rt.versions import newest_version

REMEMBERED = 1_000
"""Platforms whose vectors are kept."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """``log_ms``: natural log of the median latency in ms. ``log_spread``: log of the scale of its error in
    log space. ``log_cost``: float32 [N], log ms of each node in canonical order, up to a common factor.
    """

    log_ms: float
    log_spread: float
    log_cost: NDArray[np.float32]


class Network:
    """LeDG-Former as shipped. A graph and a platform are always run alone: no number depends on a batch."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self._encoder = _session(bundle, "encoder.onnx", threads)
        self._head = _session(bundle, "head.onnx", threads)
        self.known = bundle.known()
        self.kin = Kin.load(bundle.path(KIN))
        self._told: dict[Hashable, Told] = {}
        self.rates = Rates.load(bundle.path(RATES))
        self.embedder = Embedder(
            bundle.folder, load_table(bundle.path("sentences.npz")), threads, bundle.files
        )

    def meant(self, platform: Platform) -> Platform:
        """``platform`` with the newest known version of its runtime, where that is left open."""
        return newest_version(platform, self.known)

    def states(self, encoding: GraphEncoding) -> NDArray[np.float32]:
        """States of the nodes [N, width]: once a graph, for any number of platforms."""
        text = self.embedder.embed(encoding.sentences)[encoding.text]
        feeds = {
            "text": text,
            "numeric": encoding.numeric,
            "neighbours": encoding.neighbours.astype(np.int64),
        }
        return np.asarray(self._encoder.run(["states"], feeds)[0])

    def estimate(
        self, states: NDArray[np.float32], encoding: GraphEncoding, platform: PlatformEncoding
    ) -> Estimate:
        """The latency of one run of the whole batch."""
        told = self._kin_of(platform)
        feeds = {
            "states": states, "work": encoding.work, "platform_vectors": told.vectors, "platform_numeric": told.numeric,
            "rates": self.rates.log_rates(encoding, [platform])[0],
        }  # fmt: skip
        log_ms, log_spread, log_cost = self._head.run(["log_ms", "log_spread", "log_cost"], feeds)
        return Estimate(float(np.ravel(log_ms)[0]), float(np.ravel(log_spread)[0]), np.asarray(log_cost))

    def _kin_of(self, platform: PlatformEncoding) -> Told:
        """Told once for all the graphs that meet a platform."""
        key = (
            platform.sentences, platform.keys, platform.traits, platform.own.tobytes(), platform.numeric.tobytes(),
        )  # fmt: skip
        if key not in self._told:
            if len(self._told) >= REMEMBERED:
                self._told.clear()
            self._told[key] = self.kin.tell(platform, self.embedder.embed(platform.sentences[:1])[0])
        return self._told[key]


def _session(bundle: Bundle, name: str, threads: int) -> onnxruntime.InferenceSession:
    path = bundle.path(name)
    try:
        return onnxruntime.InferenceSession(path, session_options(threads), ["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors have no base class of their own
        raise BundleError("bundle", f"{path}: not a usable model ({error})", "reinstall ledg-rt") from None
