"""Finding the module of an output format: one a name, loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any


def load(package: str, formats: Sequence[str], name: str) -> Any:
    """The ``render`` of the module ``name`` of ``package``; only that module is loaded.

    Raises:
        ValueError: ``name`` is none of ``formats``.
    """
    if name not in formats:
        raise ValueError(f"no format {name!r}, only {', '.join(formats)}")
    return import_module(f"{package}.{name}").render
