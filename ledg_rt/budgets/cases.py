"""From budgets to what is to be judged: every model that a budget names on every platform, with its row."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ledg_rt.budgets.configuration import Budget, Configuration
from ledg_rt.budgets.globs import files, key_of, matching
from ledg_rt.errors import LedgError, PlatformError
from ledg_rt.platforms import Platform, resolve
from ledg_rt.platforms.resolve import from_id
from ledg_rt.results import Explained

if TYPE_CHECKING:
    from ledg_rt.predictor import Predictor

Shapes = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A model under a budget. ``platform``: its name there; ``model``: its path seen from the configuration."""

    budget: Budget
    platform: str
    model: str
    answer: Explained


def platforms_of(configuration: Configuration) -> dict[str, Platform]:
    """The platforms of a configuration by name.

    Raises:
        LedgError: an id that is none, or a text or file that cannot be understood.
    """
    return {name: _resolved(configuration, name, *given) for name, given in configuration.platforms.items()}


def predicted(
    predictor: Predictor, configuration: Configuration, folder: Path, *, strict: bool = True
) -> list[Case]:
    """The cases of the models below ``folder``, sorted by path within a budget; each file is read once.

    Args:
        predictor: makes the rows.
        configuration: says which models on which platforms.
        folder: stands for the folder of the configuration; another checkout of it, perhaps.
        strict: whether a glob that matches no file is an error.

    Raises:
        LedgError: nothing matched, or a platform cannot be understood.
    """
    platforms = platforms_of(configuration)
    found: list[tuple[Budget, list[str]]] = []
    for budget in configuration.budgets:
        paths, idle = files(budget.models, folder)
        if strict:
            _refuse_nothing(budget, paths, idle, f"file below {os.path.abspath(folder)}")
        found.append((budget, paths))
    answers = _answers(predictor, found, platforms, folder)
    return [
        Case(budget, name, path, answers[_shapes(budget), path, name])
        for budget, paths in found
        for name in budget.platforms
        for path in paths
    ]


def saved(
    rows: Iterable[Explained], configuration: Configuration, folder: Path, *, strict: bool = True
) -> list[Case]:
    """The same of rows that were saved; their paths are relative to the current folder, or absolute.

    Rows belong to a platform if they were predicted for the very same figures. ``shapes`` of a budget do
    not matter: the row is judged as it is.
    """
    by_platform: dict[str, dict[str, list[Explained]]] = {}
    for item in rows:
        models = by_platform.setdefault(item.row.platform.sha256, {})
        models.setdefault(key_of(item.row.model.path, folder), []).append(item)
    platforms = platforms_of(configuration)
    cases = []
    for budget in configuration.budgets:
        for name in budget.platforms:
            models = by_platform.get(platforms[name].sha256, {})
            paths, idle = matching(sorted(models), budget.models)
            if strict:
                _refuse_nothing(budget, paths, idle, f"saved row for [platform.{name}]")
            cases += [Case(budget, name, path, item) for path in paths for item in models[path]]
    return cases


def _resolved(configuration: Configuration, name: str, key: str, value: str) -> Platform:
    where = f"{configuration.path}: [platform.{name}]: {key} = {value!r}"
    if key == "id" and from_id(value) is None:
        raise LedgError(
            "config", f"{where} is no platform id", "as in nvidia-t4/tensorrt/fp16; words go into text"
        )
    if key == "file" and not value.endswith(".toml"):
        raise LedgError("config", f"{where} is no .toml file", "see `ledg platforms` for what is in one")
    try:
        return resolve(str(configuration.folder / value) if key == "file" else value)
    except PlatformError as error:
        raise LedgError("config", f"{where}: {error.message}", error.hint) from None


def _refuse_nothing(budget: Budget, paths: list[str], idle: list[str], what: str) -> None:
    if idle or not paths:
        pattern = idle[0] if idle else ", ".join(budget.models)
        raise LedgError(
            "config",
            f"budget {budget.name!r}: models = {pattern!r} matches no {what}",
            'globs are relative to the configuration, as in models = ["models/**/*.onnx", "!models/old/**"]',
        )


def _answers(
    predictor: Predictor,
    found: list[tuple[Budget, list[str]]],
    platforms: Mapping[str, Platform],
    folder: Path,
) -> dict[tuple[Shapes, str, str], Explained]:
    """A prediction for each model, shapes and platform that any budget asks for, once."""
    wanted: dict[tuple[Shapes, str], dict[str, None]] = {}
    for budget, paths in found:
        for path in paths:
            wanted.setdefault((_shapes(budget), path), {}).update(dict.fromkeys(budget.platforms))
    runs: dict[tuple[Shapes, tuple[str, ...]], list[str]] = {}
    for (shapes, path), names in wanted.items():
        runs.setdefault((shapes, tuple(names)), []).append(path)
    answers: dict[tuple[Shapes, str, str], Explained] = {}
    for (shapes, together), paths in runs.items():
        rows = predictor.iter_explain(
            [_shown(folder / path) for path in paths],
            [platforms[name] for name in together],
            shapes=dict(shapes),
            top=None,
        )
        asked = ((shapes, path, name) for path in paths for name in together)
        answers.update(zip(asked, rows, strict=True))
    return answers


def _shapes(budget: Budget) -> Shapes:
    return tuple(sorted(budget.shapes.items()))


def _shown(path: Path) -> str:
    """A path as a user of the current folder writes it, where it is inside of that."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
