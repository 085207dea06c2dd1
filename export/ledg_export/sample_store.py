"""Samples as Parquet: one file a source, repeated texts stored once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ledg_export.corpora.sample import Sample

COLUMNS = tuple(field.name for field in fields(Sample))
_TYPES = {"batch": pa.int32(), "latency_ms": pa.float64()}
SCHEMA = pa.schema(
    [(name, _TYPES.get(name, pa.dictionary(pa.int32(), pa.string()))) for name in COLUMNS],
)
"""Columns of a file: the fields of ``Sample``."""


def to_table(samples: Iterable[Sample]) -> pa.Table:
    """Samples as columns."""
    rows = list(samples)
    columns = [pa.array([getattr(row, name) for row in rows], _TYPES.get(name)) for name in COLUMNS]
    return pa.table(
        [column if name in _TYPES else column.cast(pa.string()).dictionary_encode() for name, column in zip(COLUMNS, columns, strict=True)],
        schema=SCHEMA,
    )  # fmt: skip


def write_table(table: pa.Table, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a file, all of it or nothing, with ``metadata`` beside the schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    pq.write_table(table.replace_schema_metadata(dict(metadata)), temporary, compression="zstd")
    temporary.replace(path)


def read_table(path: Path) -> pa.Table:
    """A file's columns; texts stay dictionaries."""
    return pq.read_table(path, read_dictionary=[name for name in COLUMNS if name not in _TYPES])


def read_metadata(path: Path) -> dict[str, str]:
    """What ``write_table`` was given."""
    found = pq.read_schema(path).metadata or {}
    return {key.decode(): value.decode() for key, value in found.items()}


def to_samples(table: pa.Table) -> list[Sample]:
    """Columns as samples; equal texts are one object."""
    return [Sample(*row) for row in zip(*(_values(table[name]) for name in COLUMNS), strict=True)]


def _values(column: pa.ChunkedArray) -> list[object]:
    if not pa.types.is_dictionary(column.type):
        return list(column.to_pylist())
    found: list[object] = []
    for chunk in column.chunks:
        words = chunk.dictionary.to_pylist()
        found.extend(map(words.__getitem__, chunk.indices.to_pylist()))
    return found
