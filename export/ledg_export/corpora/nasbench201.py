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
        first = self._first_of_key[network_key(self.strings[index])]
        return f"{FAMILY}/{first}{_at(dataset)}"

    @cached_property
    def _first_of_key(self) -> Mapping[bytes, str]:
        found: dict[bytes, str] = {}
        for string in self.strings.values():
            found.setdefault(network_key(string), string)
        return found

    def eager(self, index: str) -> str:
        """The graph id of a cell of which every edge is run."""
        return f"{FAMILY}/{self.strings[index]}@cifar10+eager"

    def sample(
        self, index: str, platform: str, latency_ms: float, source: str, dataset: str = "cifar10"
    ) -> Sample:
        """A mean latency in ms of one image on a platform that runs nothing dead."""
        return Sample(
            graph_id=self.lean(index, dataset), platform=platform, batch=1, latency_ms=latency_ms,
            statistic="mean", source=source, family=FAMILY, isomorphism=self.isomorphism(index),
        )  # fmt: skip


def _at(dataset: str) -> str:
    return "" if dataset == "cifar10" else f"@{dataset}"


def _column(path: Path, name: str) -> Mapping[str, str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["arch_idx"]: row[name] for row in csv.DictReader(stream)}
