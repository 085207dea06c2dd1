"""The published corpus: all that a clone needs to train and evaluate, without the raw tables.

Layout: ``samples/<source>.parquet`` as in the cache, ``graphs/<family>/*.npz`` for the families that the zoo cannot build
from a name alone, ``README.md`` with the origin of each table. What the zoo can build is built again.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ledg_export import zoo
from ledg_export.corpora import SOURCES
from ledg_export.corpus import built_sources, dropped_rows, encode_missing, load_graphs, sample_path, workers
from ledg_export.graph_store import Part
from ledg_export.sample_store import read_table, write_table
from ledg_rt.errors import LedgError

LIMIT = 40_000_000
"""Bytes of the whole folder at most."""

PART = 2_000
"""Graphs of a published part."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A public table: the ``sources`` read from it, its repository and commit, licence, what was changed."""

    sources: tuple[str, ...]
    upstream: str
    licence: str
    changes: str


def origins() -> Mapping[str, Origin]:
    """Every table, by name."""
    table = tomllib.loads((files("ledg_export.corpora") / "origins.toml").read_text(encoding="utf-8"))
    return {name: Origin(tuple(entry.pop("sources")), **entry) for name, entry in table.items()}


def publish(cache: Path, output: Path) -> int:
    """Write the published corpus of a built cache; returns its size in bytes.

    Raises:
        LedgError: nothing was built, a source has no origin, or the folder is larger than ``LIMIT``.
    """
    built = built_sources(cache)
    known = {source for origin in origins().values() for source in origin.sources}
    sources = [source for source in built if source in SOURCES]
    if unknown := sorted(set(sources) - known):
        raise LedgError("no_origin", f"no origin of {', '.join(unknown)}", "add it to corpora/origins.toml")
    ids: set[str] = set()
    for source in sources:
        table = read_table(sample_path(cache, source))
        ids.update(table["graph_id"].unique().to_pylist())
        metadata = {"dropped": json.dumps(dropped_rows(cache, source), sort_keys=True)}
        write_table(table, sample_path(output, source), metadata)
    for family in sorted({zoo.family_of(graph_id) for graph_id in ids} & zoo.FROM_FILES):
        _publish_graphs(cache, output, family, sorted(name for name in ids if zoo.family_of(name) == family))
    readme = output / "README.md"
    readme.write_text(_readme(output, sources) + _sections(readme), encoding="utf-8")
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    if size > LIMIT:
        raise LedgError(
            "too_large",
            f"{output}: {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}",
            "publish fewer sources",
        )
    return size


def build_published(
    published: Path, cache: Path, sources: Iterable[str] | None = None, jobs: int | None = None
) -> None:
    """Build a cache from a published corpus, all of it or some ``sources``; what is there is not built again.

    Raises:
        LedgError: there is no published corpus, or its graphs are of another encoding format.
    """
    wanted = built_sources(published) if sources is None else tuple(sources)
    families: set[str] = set()
    for source in wanted:
        _copy(sample_path(published, source), sample_path(cache, source))
        ids = read_table(sample_path(cache, source))["graph_id"].unique().to_pylist()
        families |= {zoo.family_of(graph_id) for graph_id in ids}
    for family in families & zoo.FROM_FILES:
        for path in (published / "graphs" / family).glob("*.npz"):
            if Part.read(path) is None:
                raise LedgError(
                    "format", f"{path}: graphs of another version", "check out the commit that published them"
                )
            _copy(path, cache / "graphs" / family / path.name)
    with workers(jobs) as run:
        encode_missing(cache, wanted, run)


def _publish_graphs(cache: Path, output: Path, family: str, ids: list[str]) -> None:
    folder = output / "graphs" / family
    shutil.rmtree(folder, ignore_errors=True)
    graphs = load_graphs(cache, set(ids))
    for number, at in enumerate(range(0, len(ids), PART)):
        graphs.part(ids[at : at + PART]).write(folder / f"{number}.npz")


def _copy(source: Path, target: Path) -> None:
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".tmp")
    shutil.copyfile(source, temporary)
    temporary.replace(target)


def _sections(readme: Path) -> str:
    """What people wrote below the table: of other files in the folder."""
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    _, heading, below = text.partition("\n## ")
    return heading + below


def _readme(output: Path, sources: Iterable[str]) -> str:
    lines = [
        "# The published corpus",
        "",
        "Measured latencies with what is needed to rebuild their graphs, written by `ledg-export corpus publish`.",
        "`samples/`: one row a measurement (Parquet; columns as in `ledg_export.corpora.sample`). `graphs/`: encoded graphs",
        "of the families that no name rebuilds; `ledg-export corpus build` makes the others anew where `LEDG_DATA` is unset.",
        "Everywhere: one row a measurement, milliseconds, rows left out as `ledg-export corpus stats` counts them.",
        "",
        "| table | in samples/ | samples | upstream and commit | licence | changes |",
        "|---|---|---|---|---|---|",
    ]
    for name, origin in origins().items():
        here = [source for source in origin.sources if source in set(sources)]
        if here:
            count = sum(len(read_table(sample_path(output, source))) for source in here)
            cells = (name, ", ".join(here), str(count), origin.upstream, origin.licence, origin.changes)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
