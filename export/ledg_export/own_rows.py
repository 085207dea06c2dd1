"""A user's own measurements: into the corpus with ``add``, and everything out of it with ``export``."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ledg_export.corpora import SOURCES
from ledg_export.corpora.sample import Sample
from ledg_export.corpus import built_sources, sample_path
from ledg_export.graph_store import Part
from ledg_export.sample_store import COLUMNS, read_table, to_table, write_table
from ledg_rt.encoding import GraphEncoding, encode_graph
from ledg_rt.errors import LedgError
from ledg_rt.graph import Graph
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

FAMILY = "own"
"""Graph ids of added networks are ``own/<digest of the graph>``."""

REQUIRED = ("model", "platform", "latency_ms")


def add(file: Path, cache: Path, name: str) -> int:
    """Add the rows of a CSV file to the corpus in ``cache`` as the source ``name``; returns how many.

    Columns: ``model`` (path of an .onnx file, relative to the file), ``platform`` (an id of the catalogue's devices),
    ``latency_ms`` of one run of the whole batch; optional ``batch`` (1) and ``family``, what must not be split
    between training and test (the network itself). The rows of an earlier ``add`` of that name are replaced.

    Raises:
        LedgError: the name is a public source's, or a row, a model or a platform cannot be used; nothing is added.
    """
    if name in SOURCES:
        raise LedgError("usage", f"{name!r} is the name of a public source", "choose another --name")
    graphs: dict[str, GraphEncoding] = {}
    known: dict[Path, str] = {}
    samples = []
    for line, row in _rows(file):
        where = f"{file}, line {line}"
        path = file.parent / row["model"]
        if path not in known:
            graph = _graph(path, where)
            known[path] = f"{FAMILY}/{graph_sha256(graph)[:16]}"
            graphs[known[path]] = encode_graph(graph)
        samples.append(
            Sample(
                graph_id=known[path], platform=_platform(row["platform"], where), batch=_batch(row, where),
                latency_ms=_latency(row, where), statistic="own", source=name, family=row.get("family") or known[path],
                isomorphism=known[path],
            )
        )  # fmt: skip
    if not samples:
        raise LedgError(
            "usage", f"{file}: no rows", f"a header with {', '.join(REQUIRED)}, then a row a measurement"
        )
    digest = sha256("\n".join(graphs).encode()).hexdigest()[:16]
    Part.of(graphs).write(cache / "graphs" / FAMILY / f"{digest}.npz")
    write_table(to_table(samples), sample_path(cache, name), {"dropped": "{}"})
    return len(samples)


def export(cache: Path, output: Path, sources: Iterable[str] | None = None) -> int:
    """Write the samples of a built corpus to one ``.csv`` or ``.parquet`` file; returns how many.

    Raises:
        LedgError: nothing was built, or the file is to be of another kind.
    """
    if output.suffix not in (".csv", ".parquet"):
        raise LedgError("usage", f"{output}: want .csv or .parquet", "name the file so")
    tables = [read_table(sample_path(cache, source)) for source in sources or built_sources(cache)]
    plain = pa.schema([(name, _plain(tables[0].schema.field(name).type)) for name in COLUMNS])
    whole = pa.concat_tables(table.replace_schema_metadata().cast(plain) for table in tables)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".csv":
        pyarrow.csv.write_csv(whole, output)
    else:
        pq.write_table(whole, output, compression="zstd")
    return len(whole)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _rows(file: Path) -> Iterable[tuple[int, Mapping[str, str]]]:
    try:
        stream = file.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        raise LedgError("usage", f"{file}: cannot be read", error.strerror or "check the path") from None
    with stream:
        reader = csv.DictReader(stream)
        if missing := [name for name in REQUIRED if name not in (reader.fieldnames or ())]:
            raise LedgError(
                "usage", f"{file}: no column {', '.join(missing)}", f"needed: {', '.join(REQUIRED)}"
            )
        for row in reader:
            yield reader.line_num, row


def _graph(path: Path, where: str) -> Graph:
    try:
        return read_graph(path, batch=1)
    except LedgError as error:
        raise LedgError(error.code, f"{where}: {path}: {error.message}", error.hint) from None


def _platform(text: str, where: str) -> str:
    platform = resolve(text or "")
    if platform.device is None:
        raise LedgError(
            "usage", f"{where}: {text!r} is no device of the catalogue", "see `ledg platforms list`"
        )
    return platform.id


def _batch(row: Mapping[str, str], where: str) -> int:
    text = row.get("batch") or "1"
    if not text.isdigit() or int(text) < 1:
        raise LedgError("usage", f"{where}: batch {text!r}", "a whole number from 1")
    return int(text)


def _latency(row: Mapping[str, str], where: str) -> float:
    try:
        value = float(row["latency_ms"])
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 < value < float("inf"):
        raise LedgError("usage", f"{where}: latency_ms {row['latency_ms']!r}", "milliseconds, more than 0")
    return value
