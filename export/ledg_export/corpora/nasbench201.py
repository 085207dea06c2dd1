"""What all tables of NAS-Bench-201 latencies share: architecture strings and which of them compute the same."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ledg_export.corpora.sample import Sample
from ledg_export.zoo.nasbench201 import network_key

FAMILY = "nasbench201"
FOLDER = "nasbench201"


@dataclass(frozen=True)
class Cells:
    """The 15,625 cells by architecture index: ``strings``, and ``representatives`` (least index that computes the same)."""

    strings: Mapping[str, str]
    representatives: Mapping[str, str]

    @classmethod
    def of(cls, data: Path) -> Cells:
        """The tables below the data root ``data``."""
        return cls(
            _column(data / FOLDER / "nb201_accuracy.csv", "arch_str"),
            _column(data / FOLDER / "isomorphism.csv", "rep_arch_idx"),
        )

    def isomorphism(self, index: str) -> str:
        """The name of the class of a cell."""
        return f"{FAMILY}/rep-{self.representatives[index]}"

    def lean(self, index: str, dataset: str = "cifar10") -> str:
        """The graph id of a cell where nothing dead is run; cells with one graph share the id of the first.

        A class has more graphs than one where its cells add in another order or share a sum.
        """
        return self.run(index, "", dataset)

    def run(self, index: str, way: str, dataset: str = "cifar10") -> str:
        """The graph id of a cell run in a way of ``zoo.nasbench201_runs``; cells with one graph share an id.

        It is that of a cell of which nothing dead is run, where there is one with the same graph.
        """
        text, own = self._graphs(way)[index]
        setting = f"{dataset}+{own}" if own else dataset
        return f"{FAMILY}/{text}" + ("" if setting == "cifar10" else f"@{setting}")

    def _graphs(self, way: str) -> Mapping[str, tuple[str, str]]:
        """Index -> string and way of the first cell with the same graph."""
        if way not in self._known:
            firsts: dict[bytes, tuple[str, str]] = {}
            for own in ("", way):
                for text in self.strings.values():
                    firsts.setdefault(network_key(text, own), (text, own))
            self._known[way] = {index: firsts[network_key(text, way)] for index, text in self.strings.items()}
        return self._known[way]

    @cached_property
    def _known(self) -> dict[str, Mapping[str, tuple[str, str]]]:
        return {}

    def eager(self, index: str) -> str:
        """The graph id of a cell of which every edge is run."""
        return f"{FAMILY}/{self.strings[index]}@cifar10+eager"

    def sample(
        self, index: str, platform: str, latency_ms: float, source: str, dataset: str = "cifar10", way: str = ""
    ) -> Sample:  # fmt: skip
        """A mean latency in ms of one image on a platform that runs cells in a way; without, nothing dead."""
        return Sample(
            graph_id=self.run(index, way, dataset), platform=platform, batch=1, latency_ms=latency_ms,
            statistic="mean", source=source, family=FAMILY, isomorphism=self.isomorphism(index),
        )  # fmt: skip


def _column(path: Path, name: str) -> Mapping[str, str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["arch_idx"]: row[name] for row in csv.DictReader(stream)}
