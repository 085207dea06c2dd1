"""Which models a budget is about: globs relative to a folder, on files there or on paths of saved rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path


def files(patterns: Sequence[str], folder: Path) -> tuple[list[str], list[str]]:
    """The files below ``folder`` that ``patterns`` name, sorted, and the patterns that name none.

    Paths are relative to ``folder``, with ``/``. ``**`` goes through folders; a leading ``!`` takes away.
    """
    found: set[str] = set()
    idle = []
    for pattern in patterns:
        if not pattern.startswith("!"):
            matches = glob(pattern, root_dir=folder, recursive=True)
            paths = {key_of(folder / match, folder) for match in matches if not (folder / match).is_dir()}
            found |= paths
            idle += [] if paths else [pattern]
    return sorted(kept(found, patterns)), idle


def matching(paths: Iterable[str], patterns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The same on ``paths`` that need not exist, as in saved rows; in their order."""
    paths = list(paths)
    positive = [pattern for pattern in patterns if not pattern.startswith("!")]
    idle = [pattern for pattern in positive if not any(fits(path, pattern) for path in paths)]
    found = [path for path in paths if any(fits(path, pattern) for pattern in positive)]
    return kept(found, patterns), idle


def kept(paths: Iterable[str], patterns: Sequence[str]) -> list[str]:
    """``paths`` without those that a ``!`` pattern takes away."""
    negative = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return [path for path in paths if not any(fits(path, pattern) for pattern in negative)]


def key_of(path: str | os.PathLike[str], folder: Path) -> str:
    """A path seen from ``folder``, with ``/``: what the same model is called in another checkout."""
    return os.path.relpath(os.path.normpath(path), folder).replace(os.sep, "/")


def fits(path: str, pattern: str) -> bool:
    """Whether ``path`` is what ``pattern`` would find as a file: the rules of ``glob`` without a file system."""
    steps = pattern.removeprefix("./").split("/")
    at = _through(steps, {0})
    for part in path.split("/"):
        inside = {step for step in at if step < len(steps)}
        stay = {step for step in inside if steps[step] == "**" and not part.startswith(".")}
        at = _through(steps, stay | {step + 1 for step in inside if _fits_part(part, steps[step])})
    return len(steps) in at


def _through(steps: Sequence[str], at: set[int]) -> set[int]:
    """Positions that ``**`` lets through without a folder."""
    for step in range(len(steps)):
        if step in at and steps[step] == "**":
            at = at | {step + 1}
    return at


def _fits_part(part: str, step: str) -> bool:
    hidden = part.startswith(".") and not step.startswith(".")
    return step != "**" and not hidden and fnmatchcase(part, step)
