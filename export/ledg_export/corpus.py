"""The corpus: samples and encoded graphs of all sources, built once into a cache folder.

Layout of the cache: ``samples/<source>.parquet`` (one row a measurement; its metadata has a fingerprint of what it was
read from and the rows left out, by reason), ``graphs/<family>/<digest of the ids>.npz`` (encodings at batch 1). What is
there is not built again, so an interrupted build goes on and a second one does nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zlib import crc32

from tqdm import tqdm

from ledg_export import zoo
from ledg_export.corpora import SOURCES, UNTRAINED
from ledg_export.corpora.sample import Sample
from ledg_export.graph_store import GraphStore, Part
from ledg_export.sample_store import read_metadata, read_table, to_samples, to_table, write_table
from ledg_export.zoo import timm_zip
from ledg_rt.encoding import encode_graph
from ledg_rt.errors import LedgError
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

PART = 400
"""Graphs of a part at most: what an interrupted build has to do again."""
OPERATORS = "operator"
"""Family of the zoo of graphs that are one operator."""
OPERATOR_SHARE = 16
"""One in so many of them is trained on: a third of the corpus's measurements are of single operators on nine GPUs."""


@dataclass(frozen=True)
class Corpus:
    """Samples beside the encoded graphs that they name (batch 1; see ``encoding.rebatch``)."""

    samples: tuple[Sample, ...]
    graphs: GraphStore


def data_root() -> Path:
    """Where the raw tables are: ``$LEDG_DATA``.

    Raises:
        LedgError: the variable is unset or names no folder.
    """
    root = os.environ.get("LEDG_DATA", "")
    if not root or not Path(root).is_dir():
        raise LedgError(
            "no_data", "LEDG_DATA names no folder with the raw tables", "export LEDG_DATA=/path/to/data"
        )
    return Path(root)


def build(cache: Path, sources: Iterable[str] = tuple(SOURCES), jobs: int | None = None) -> None:
    """Read the sources and encode every graph that they name, in parallel; resumes where it stopped."""
    root = data_root()
    fingerprint = _fingerprint(root)
    stale = [source for source in sources if not _is_current(cache, source, fingerprint)]
    with workers(jobs) as run:
        read = run(partial(_read_source, cache, root, fingerprint), stale)
        for _ in tqdm(read, total=len(stale), desc="samples", disable=not stale):
            pass
        encode_missing(cache, sources, run)


Run = Callable[[Callable[..., Any], Iterable[Any]], Iterator[Any]]
"""Results of a function for each of some arguments, in order."""


@contextmanager
def workers(jobs: int | None) -> Iterator[Run]:
    """``map`` over ``jobs`` processes (all cores where it is None); over none but this one for a single job."""
    if jobs == 1:
        yield map
        return
    # Started afresh: a copy of this process would hold locks of Arrow's threads that nobody releases.
    with ProcessPoolExecutor(jobs or os.cpu_count(), get_context("spawn")) as pool:
        yield pool.map


def encode_missing(cache: Path, sources: Iterable[str], run: Run) -> None:
    """Encode the graphs of the samples of ``sources`` that the cache has not got yet."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for source in sources:
        for graph_id in _distinct(cache, source, "graph_id"):
            wanted[zoo.family_of(graph_id)].add(graph_id)
    for family, ids in sorted(wanted.items()):
        folder = cache / "graphs" / family
        missing = sorted(ids - {str(name) for part in _parts(folder) for name in part.ids})
        size = min(PART, 1 + len(missing) // 16)
        chunks = [missing[at : at + size] for at in range(0, len(missing), size)]
        with tqdm(total=len(missing), desc=family, disable=not missing) as bar:
            for count in run(partial(_encode_part, folder), chunks):
                bar.update(count)


def load(cache: Path, sources: Iterable[str] | None = None) -> Corpus:
    """Read a built cache, or the part of it that ``sources`` name.

    Raises:
        LedgError: nothing was built there.
    """
    wanted = built_sources(cache) if sources is None else tuple(sources)
    return _with_graphs(cache, _samples(cache, wanted))


def load_training(cache: Path) -> Corpus:
    """What training reads of a built cache: its ``training_sources``, of single operators one graph in ``OPERATOR_SHARE``.

    Raises:
        LedgError: nothing was built there.
    """
    samples = _samples(cache, training_sources(cache))
    return _with_graphs(cache, (sample for sample in samples if _is_trained_on(sample.graph_id)))


def _samples(cache: Path, sources: Iterable[str]) -> Iterator[Sample]:
    for source in sources:
        yield from to_samples(read_table(sample_path(cache, source)))


def _is_trained_on(graph_id: str) -> bool:
    return zoo.family_of(graph_id) != OPERATORS or crc32(graph_id.encode()) % OPERATOR_SHARE == 0


def _with_graphs(cache: Path, samples: Iterable[Sample]) -> Corpus:
    found = tuple(samples)
    return Corpus(found, load_graphs(cache, {sample.graph_id for sample in found}))


def load_graphs(cache: Path, graph_ids: Set[str]) -> GraphStore:
    """The encoded graphs of the families of some ids: what these have before the first slash.

    Raises:
        LedgError: a graph is missing, since a build was interrupted.
    """
    families = sorted({graph_id.partition("/")[0] for graph_id in graph_ids})
    store = GraphStore(part for family in families for part in _parts(cache / "graphs" / family))
    if missing := graph_ids - store.keys():
        raise LedgError(
            "no_corpus", f"{cache}: {len(missing)} graphs are missing", "finish `ledg-export corpus build`"
        )
    return store


def built_sources(cache: Path) -> tuple[str, ...]:
    """The sources that a cache has samples of, sorted.

    Raises:
        LedgError: nothing was built there.
    """
    found = tuple(sorted(path.stem for path in (cache / "samples").glob("*.parquet")))
    if not found:
        raise LedgError("no_corpus", f"{cache}: no corpus was built here", "run `ledg-export corpus build`")
    return found


def training_sources(cache: Path) -> tuple[str, ...]:
    """The built sources that training reads, the user's own among them."""
    return tuple(source for source in built_sources(cache) if source not in UNTRAINED)


def sample_path(cache: Path, source: str) -> Path:
    """The file of a source's samples."""
    return cache / "samples" / f"{source}.parquet"


def dropped_rows(cache: Path, source: str) -> dict[str, int]:
    """Rows of a source that were left out, by reason."""
    return dict(json.loads(read_metadata(sample_path(cache, source))["dropped"]))


def _read_source(cache: Path, root: Path, fingerprint: str, source: str) -> None:
    dropped: Counter[str] = Counter()
    table = to_table(SOURCES[source](root, dropped))
    for platform in table["platform"].unique().to_pylist():
        resolve(platform)
    metadata = {"fingerprint": fingerprint, "dropped": json.dumps(dropped, sort_keys=True)}
    write_table(table, sample_path(cache, source), metadata)


def _encode_part(folder: Path, graph_ids: list[str]) -> int:
    name = sha256("\n".join(graph_ids).encode()).hexdigest()[:16]
    graphs = {
        graph_id: encode_graph(read_graph(zoo.build(graph_id).SerializeToString())) for graph_id in graph_ids
    }
    Part.of(graphs).write(folder / f"{name}.npz")
    return len(graph_ids)


def _parts(folder: Path) -> Iterator[Part]:
    for path in sorted(folder.glob("*.npz")):
        if (part := Part.read(path)) is not None:
            yield part


def _distinct(cache: Path, source: str, column: str) -> list[str]:
    return list(read_table(sample_path(cache, source))[column].unique().to_pylist())


def _is_current(cache: Path, source: str, fingerprint: str) -> bool:
    path = sample_path(cache, source)
    return path.exists() and read_metadata(path).get("fingerprint") == fingerprint


def _fingerprint(root: Path) -> str:
    """SHA-256 of everything that the samples follow from: raw tables, timm's graph names, the readers."""
    digest = sha256(json.dumps(sorted(timm_zip.architectures())).encode())
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    readers = [entry for entry in files("ledg_export.corpora").iterdir() if entry.is_file()]
    for reader in sorted(readers, key=lambda entry: entry.name):
        digest.update(reader.read_bytes())
    return digest.hexdigest()
