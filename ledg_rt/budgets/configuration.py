"""``ledg.toml``, or ``[tool.ledg]`` in ``pyproject.toml``: read strictly into a ``Configuration``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from ledg_rt.budgets.quantities import parse_ms, parse_percent
from ledg_rt.budgets.tables import RIGHT, Table
from ledg_rt.errors import LedgError

_SIZE = re.compile("[1-9][0-9]{0,17}")  # fits 64 bits
FILE, PROJECT_FILE = "ledg.toml", "pyproject.toml"


class Basis(StrEnum):
    """Which figure of a row is judged: the median, or the upper end of the interval (p90)."""

    P50 = "p50"
    UPPER = "upper"


class Level(StrEnum):
    """What a broken budget does: fail the check, warn, or nothing."""

    ERROR = "error"
    WARN = "warn"
    OFF = "off"


class OnUnknown(StrEnum):
    """What a number that does not cover the whole graph (a ``partial`` row) does to a budget."""

    ERROR = "error"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Budget:
    """One ``[[budget]]``. At least one of ``limit_ms`` and ``max_increase`` (a share of the base) is given.

    ``models``: globs relative to the configuration, those with a leading ``!`` take away. ``platforms``:
    names in ``Configuration.platforms``. ``shapes``: dimensions of graph inputs by name.
    """

    name: str
    models: tuple[str, ...]
    platforms: tuple[str, ...]
    limit_ms: float | None = None
    max_increase: float | None = None
    basis: Basis = Basis.P50
    level: Level = Level.ERROR
    on_unknown_ops: OnUnknown = OnUnknown.WARN
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Configuration:
    """Budgets and the platforms that they name. ``platforms``: (key, value) by name, key id, text or file."""

    path: Path
    platforms: Mapping[str, tuple[str, str]]
    budgets: tuple[Budget, ...]

    @property
    def folder(self) -> Path:
        """What globs and platform files are relative to."""
        return self.path.parent


def find(folder: Path = Path()) -> Path:
    """The configuration of ``folder``: its ``ledg.toml``, or its ``pyproject.toml`` with ``[tool.ledg]``.

    Raises:
        LedgError: there is neither, or there are both.
    """
    own, project = folder / FILE, folder / PROJECT_FILE
    in_project = project.is_file() and _section(project) is not None
    if own.is_file() and in_project:
        raise LedgError("config", f"{own} and [tool.ledg] of {project} both have budgets", "keep one of them")
    if not (own.is_file() or in_project):
        raise LedgError(
            "config",
            f"no {FILE}, and no [tool.ledg] in a {PROJECT_FILE} here",
            "write one with `ledg init`, or name it with --config",
        )
    return own if own.is_file() else project


def load(path: Path) -> Configuration:
    """Read a configuration; every key is known and of the right type, or an error names it.

    Raises:
        LedgError: code ``config``: unreadable, not TOML, an unknown key, a wrong type, a missing unit, a
            platform that is not defined; the hint shows a right example.
    """
    table = _section(path)
    if table is None:
        raise LedgError("config", f"{path}: no [tool.ledg] in it", RIGHT)
    top = Table(str(path), table)
    platforms = {name: _platform(entry) for name, entry in top.tables("platform").items()}
    budgets = tuple(_budget(entry, platforms) for entry in top.list_of_tables("budget"))
    top.finish()
    if not budgets:
        raise top.wrong("has no [[budget]]")
    names = [budget.name for budget in budgets]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise top.wrong(f"two budgets are named {twice!r}", "give each its own name")
    return Configuration(path, platforms, budgets)


def _section(path: Path) -> Any:
    """The part of a file that is ours; ``None`` where a pyproject.toml has none."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise LedgError("config", f"{path}: {error.strerror}", "name a readable file with --config") from None
    except (ValueError, RecursionError) as error:
        raise LedgError("config", f"{path}: not valid TOML: {error}", RIGHT) from None
    if path.name != PROJECT_FILE:
        return table
    tool = table.get("tool", {})
    return tool.get("ledg") if isinstance(tool, Mapping) else None


def _platform(table: Table) -> tuple[str, str]:
    given = [(key, text) for key in ("id", "text", "file") if (text := table.text(key)) is not None]
    table.finish()
    if len(given) != 1:
        raise table.wrong("needs one of id, text and file")
    return given[0]


def _budget(table: Table, platforms: Mapping[str, tuple[str, str]]) -> Budget:
    name = table.text("name")
    if name is None:
        raise table.wrong("name is missing")
    budget = Budget(
        name=name,
        models=table.texts("models"),
        platforms=table.texts("platform"),
        limit_ms=table.parsed("limit", parse_ms),
        max_increase=table.parsed("max_increase", parse_percent),
        basis=table.choice("basis", Basis.P50),
        level=table.choice("level", Level.ERROR),
        on_unknown_ops=table.choice("on_unknown_ops", OnUnknown.WARN),
        shapes={name: _shape(table, name, value) for name, value in table.values("shapes").items()},
    )
    table.finish()
    if budget.limit_ms is None and budget.max_increase is None:
        raise table.wrong("needs limit, max_increase or both")
    if all(pattern.startswith("!") for pattern in budget.models):
        raise table.wrong("models takes away and names nothing")
    if unknown := next((name for name in budget.platforms if name not in platforms), None):
        known = f"defined: {', '.join(platforms)}" if platforms else f"define it as in {RIGHT}"
        raise table.wrong(f"no [platform.{unknown}]", known)
    return budget


def _shape(table: Table, name: str, value: Any) -> tuple[int, ...]:
    sizes = value.lower().split("x") if isinstance(value, str) else []
    if not sizes or not all(map(_SIZE.fullmatch, sizes)):
        raise table.wrong(f"shapes.{name} = {value!r} is not a shape", 'write shapes = { x = "1x3x224x224" }')
    return tuple(map(int, sizes))
