"""The JSON schemas of a row, a report and a comparison, and a check of rows that needs no further package."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": Mapping, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None),
}  # fmt: skip


def row_schema() -> dict[str, Any]:
    """``row.schema.json`` (draft 2020-12), which describes one row."""
    return _schema("row")


def check_schema() -> dict[str, Any]:
    """``check.schema.json``, which describes a report of ``ledg check``; it refers to ``row.schema.json``."""
    return _schema("check")


def diff_schema() -> dict[str, Any]:
    """``diff.schema.json``, which describes a comparison of ``ledg diff``; it refers to ``row.schema.json``."""
    return _schema("diff")


@cache
def _schema(name: str) -> dict[str, Any]:
    text = (files(__package__) / f"{name}.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def fault(row: Any) -> str | None:
    """The first place where ``row`` differs from the schema, in words; ``None`` where it does not.

    Only types, keys and ranges are looked at: that an error row has no latency is for ``Row`` to check.
    """
    return _fault(row, row_schema(), "")


def _fault(value: Any, schema: Mapping[str, Any], where: str) -> str | None:
    place = where or "the row"
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(_is(value, name) for name in names):
        return f"{place} is not of type {' or '.join(names)}"
    if "const" in schema and value != schema["const"]:
        return f"{place} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{place} is none of {', '.join(map(str, schema['enum']))}"
    if "minimum" in schema and value is not None and value < schema["minimum"]:
        return f"{place} is below {schema['minimum']}"
    if isinstance(value, Mapping):
        return _fault_of_object(value, schema, where)
    if isinstance(value, list):
        found = (_fault(item, schema["items"], f"{where}[{at}]") for at, item in enumerate(value))
        return next((text for text in found if text), None)
    return None


def _fault_of_object(value: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> str | None:
    known = schema["properties"]
    if missing := [key for key in schema["required"] if key not in value]:
        return f"key {_join(where, missing[0])} is missing"
    if strange := [key for key in value if key not in known]:
        return f"key {_join(where, strange[0])!r} is unknown"
    found = (_fault(item, known[key], _join(where, key)) for key, item in value.items())
    return next((text for text in found if text), None)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else str(key)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return False
    return isinstance(value, _TYPES[name])
