"""Strict reading of a TOML table: every key is asked for, of the right type, or an error names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from ledg_rt.errors import LedgError

Parsed = TypeVar("Parsed")
Choice = TypeVar("Choice", bound=StrEnum)

EXAMPLE = """\
[platform.phone]
text = "phone with an octa core Arm CPU at 2.8 GHz, fp32, tflite, 4 threads"

[[budget]]
name = "vision on the phone"
models = ["models/*.onnx", "!models/old-*.onnx"]
platform = "phone"
limit = "35 ms"
"""
RIGHT = "a right one: " + " | ".join(line for line in EXAMPLE.splitlines() if line)
"""The example on one line, for hints."""


class Table:
    """A table, where it stands, and which of its keys nobody asked for yet.

    Every reading method raises ``LedgError`` with the code ``config`` for a value that is not as it says.
    """

    def __init__(self, where: str, value: Any) -> None:
        self.where = where
        if not isinstance(value, Mapping):
            raise self.wrong("is not a table")
        self._rest: dict[str, Any] = dict(value)
        self._asked: list[str] = []

    def wrong(self, what: str, hint: str = RIGHT) -> LedgError:
        """The error that something in this table is wrong."""
        return LedgError("config", f"{self.where}: {what}", hint)

    def text(self, key: str) -> str | None:
        """A text that is not blank; ``None`` where there is none."""
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"{key} is not a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or a list of them, each once; at least one is needed."""
        value = self._take(key)
        values = value if isinstance(value, list) else [value]
        if value is None or not values:
            raise self.wrong(f"{key} is missing")
        if not all(isinstance(item, str) and item.strip() for item in values):
            raise self.wrong(f"{key} is neither a text nor a list of texts")
        return tuple(dict.fromkeys(values))

    def parsed(self, key: str, parse: Callable[[str], Parsed]) -> Parsed | None:
        """A text as ``parse`` reads it; what its ValueError says becomes the error."""
        value = self._take(key)
        if value is None:
            return None
        try:
            return parse(value if isinstance(value, str) else "")
        except ValueError as error:
            raise self.wrong(f"{key} = {value!r} {error}") from None

    def choice(self, key: str, default: Choice) -> Choice:
        """A member of the enumeration of ``default``."""
        kinds = type(default)
        text = self.text(key)
        if text is not None and text not in list(kinds):
            raise self.wrong(f"{key} = {text!r} is none of {', '.join(kinds)}")
        return default if text is None else kinds(text)

    def tables(self, key: str) -> dict[str, Table]:
        """The tables ``[key.NAME]`` by name."""
        value = self._take(key)
        if value is not None and not isinstance(value, Mapping):
            raise self.wrong(f"{key} is not a table, as in [{key}.name]")
        return {name: Table(f"{self.where}: [{key}.{name}]", item) for name, item in (value or {}).items()}

    def list_of_tables(self, key: str) -> list[Table]:
        """The tables ``[[key]]``."""
        value = self._take(key) or []
        if not isinstance(value, list):
            raise self.wrong(f"{key} is not a list of tables, as in [[{key}]]")
        return [Table(f"{self.where}: [[{key}]] {at}", item) for at, item in enumerate(value, 1)]

    def values(self, key: str) -> dict[str, Any]:
        """The keys and values of a table within this one, whatever they are."""
        value = self._take(key)
        if value is not None and not isinstance(value, Mapping):
            raise self.wrong(f"{key} is not a table")
        return dict(value or {})

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        strange = next(iter(self._rest), None)
        if strange is not None:  # a key may be empty
            near = get_close_matches(strange, self._asked, n=1)
            known = f"perhaps {near[0]}" if near else f"known keys: {', '.join(self._asked)}"
            raise self.wrong(f"unknown key {strange!r}", f"{known}; {RIGHT}")

    def _take(self, key: str) -> Any:
        self._asked.append(key)
        return self._rest.pop(key, None)
