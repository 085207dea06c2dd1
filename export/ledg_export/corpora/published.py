"""Sources that name published networks: the name -> a graph of the zoo, or the reason why there is none.

Each such source has a ``<source>.toml`` beside its reader: ``[graphs]`` maps names to graph ids, ``[left_out]``
reasons to names; the devices of the source follow in tables of their own.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ledg_export.corpora.timm_families import family_of_timm

_FAMILIES: Mapping[str, str] = {"efficientnet_lite": "efficientnet", "inception_v3": "inception"}
"""Families that have another name in the zoo than across sources."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of a source: graph ids by name, and reasons for those without a graph, by name."""

    graphs: Mapping[str, str]
    left_out: Mapping[str, str]

    def find(self, name: str) -> tuple[str, None] | tuple[None, str]:
        """(graph id, None), or (None, the reason why there is no graph).

        Raises:
            KeyError: a name in neither table.

        """
        if graph := self.graphs.get(name):
            return graph, None
        return None, self.left_out[name]


@cache
def tables(source: str) -> Mapping[str, Any]:
    """The mapping file of a source, read once."""
    return tomllib.loads((files("ledg_export.corpora") / f"{source}.toml").read_text(encoding="utf-8"))


@cache
def networks(source: str) -> Networks:
    """The networks of a source.

    Raises:
        ValueError: a name that has a graph and a reason, or two reasons (a fault of the table).

    """
    graphs: Mapping[str, str] = tables(source)["graphs"]
    left_out: dict[str, str] = {}
    for reason, names in tables(source)["left_out"].items():
        for name in names:
            if name in graphs or name in left_out:
                raise ValueError(f"{source}.toml: {name!r} is there twice")
            left_out[name] = f"no graph: {reason}"
    return Networks(graphs, left_out)


def family(graph_id: str) -> str:
    """Architecture family of a graph, by the name that all sources share."""
    name, _, arch = graph_id.partition("/")
    own = family_of_timm(arch.partition("@")[0]) if name == "timm" else name
    return _FAMILIES.get(own, own)
