"""The corpus: samples and encoded graphs of all sources, built once into a cache folder.

Layout of the cache: ``samples.parquet`` (one row a measurement), ``graphs/<family>.npz`` (encodings at
batch 1, concatenated), ``dropped.json`` (rows left out, by source and reason). A second build does nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from ledg_export import zoo
from ledg_export.corpora import SOURCES
from ledg_export.corpora.sample import Sample
from ledg_rt.encoding import FORMAT, GraphEncoding, encode_graph
from ledg_rt.errors import LedgError
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.reading import read_graph


@dataclass(frozen=True)
class Corpus:
    """Samples beside the encoded graphs that they name (batch 1; see ``encoding.rebatch``)."""

    samples: tuple[Sample, ...]
    graphs: dict[str, GraphEncoding]


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
    (cache / "graphs").mkdir(parents=True, exist_ok=True)
    dropped: dict[str, Counter[str]] = {}
    samples: list[Sample] = []
    for source in sources:
        dropped[source] = Counter()
        samples.extend(SOURCES[source](root, dropped[source]))
    by_family: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        by_family[sample.graph_id.split("/", 1)[0]].add(sample.graph_id)
    with ProcessPoolExecutor(jobs or os.cpu_count()) as pool:
        for family, wanted in sorted(by_family.items()):
            _encode_family(cache / "graphs" / f"{family}.npz", sorted(wanted), pool)
    for sample_platform in {sample.platform for sample in samples}:
        resolve(sample_platform)
    columns = {name: [getattr(sample, name) for sample in samples] for name in asdict(samples[0])}
    pq.write_table(pa.table(columns), cache / "samples.parquet", compression="zstd")
    (cache / "dropped.json").write_text(json.dumps(dropped, indent=1, sort_keys=True) + "\n")


def load(cache: Path, sources: Iterable[str] | None = None) -> Corpus:
    """Read a built cache, or the part of it that ``sources`` name."""
    rows = pq.read_table(cache / "samples.parquet").to_pylist()
    wanted = set(sources) if sources is not None else None
    samples = tuple(Sample(**row) for row in rows if wanted is None or row["source"] in wanted)
    families = {sample.graph_id.split("/", 1)[0] for sample in samples}
    graphs: dict[str, GraphEncoding] = {}
    for family in sorted(families):
        graphs.update(load_graphs(cache / "graphs" / f"{family}.npz"))
    return Corpus(samples, graphs)


def _encode_family(path: Path, wanted: Sequence[str], pool: ProcessPoolExecutor) -> None:
    known = load_graphs(path) if path.exists() else {}
    missing = [graph_id for graph_id in wanted if graph_id not in known]
    if not missing:
        return
    encoded = pool.map(_encode, missing, chunksize=16)
    for graph_id, encoding in tqdm(zip(missing, encoded, strict=True), total=len(missing), desc=path.stem):
        known[graph_id] = encoding
    save_graphs(path, known)


def _encode(graph_id: str) -> GraphEncoding:
    return encode_graph(read_graph(zoo.build(graph_id).SerializeToString()))


_ARRAYS = ("text", "quantities", "traits", "neighbours")


def save_graphs(path: Path, graphs: dict[str, GraphEncoding]) -> None:
    """Write encodings as concatenated arrays; sentences of all graphs share one list."""
    sentences = sorted({sentence for graph in graphs.values() for sentence in graph.sentences})
    at = {sentence: index for index, sentence in enumerate(sentences)}
    encodings = list(graphs.values())
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(graph, name) for graph in encodings]) for name in _ARRAYS[1:]
    }
    arrays["text"] = np.concatenate(
        [
            np.array([at[sentence] for sentence in graph.sentences], dtype=np.int32)[graph.text]
            for graph in encodings
        ]
    )
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(
        temporary, format=np.array(FORMAT), ids=np.array(list(graphs)), sentences=np.array(sentences),
        sizes=np.array([len(graph.text) for graph in encodings]), cut=np.array([graph.cut for graph in encodings]),
        batch=np.array([graph.batch for graph in encodings]), **arrays,
    )  # fmt: skip
    temporary.replace(path)


def load_graphs(path: Path) -> dict[str, GraphEncoding]:
    """Read what ``save_graphs`` wrote; an older encoding format is ignored, so that it is built again."""
    with np.load(path, allow_pickle=False) as file:
        if int(file["format"]) != FORMAT:
            return {}
        table = {name: file[name] for name in file.files}
    ends = np.cumsum(table["sizes"])
    graphs = {}
    for index, graph_id in enumerate(table["ids"]):
        part = slice(ends[index] - table["sizes"][index], ends[index])
        used, text = np.unique(table["text"][part], return_inverse=True)
        graphs[str(graph_id)] = GraphEncoding(
            sentences=tuple(map(str, table["sentences"][used])), text=text.astype(np.int32),
            quantities=table["quantities"][part], traits=table["traits"][part], neighbours=table["neighbours"][part],
            cut=int(table["cut"][index]), batch=int(table["batch"][index]),
        )  # fmt: skip
    return graphs


def stats(cache: Path) -> str:
    """A Markdown table: source, samples, graphs, devices, chips, median latency; then rows left out, by reason."""
    rows: dict[str, list[Sample]] = defaultdict(list)
    for row in pq.read_table(cache / "samples.parquet").to_pylist():
        rows[row["source"]].append(Sample(**row))
    lines = [
        "| source | samples | graphs | platforms | devices | chips | median ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for source, samples in sorted(rows.items()):
        names = {sample.platform for sample in samples}
        owners = {name.split("/")[0] for name in names}
        chips = {devices()[owner].chip for owner in owners}
        graphs = len({sample.graph_id for sample in samples})
        middle = float(np.median([sample.latency_ms for sample in samples]))
        lines.append(
            f"| {source} | {len(samples)} | {graphs} | {len(names)} | {len(owners)} | {len(chips)} | {middle:.4g} |"
        )
    dropped = json.loads((cache / "dropped.json").read_text())
    lines += [
        "",
        *(
            f"- {source}: {count} x {reason}"
            for source, by in sorted(dropped.items())
            for reason, count in sorted(by.items())
        ),
    ]
    return "\n".join(lines)
