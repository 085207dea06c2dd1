"""One measurement as training sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured latency of one graph on one platform.

    ``graph_id`` is a recipe that ``ledg_export.zoo.build`` turns into an ONNX model, e.g.
    ``mobilenet_v1/0.25-128``. ``platform`` is a platform id of the catalogue. ``latency_ms`` is for one
    run of the whole ``batch``. ``family`` groups graphs that must not be split between training and test;
    ``isomorphism`` names graphs that compute the same (equal to ``graph_id`` where nothing is known).
    """

    graph_id: str
    platform: str
    batch: int
    latency_ms: float
    statistic: str
    source: str
    family: str
    isomorphism: str
