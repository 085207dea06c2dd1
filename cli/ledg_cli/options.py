"""Options that several commands share, and their parsing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ledg_rt.errors import LedgError

_SIZE = re.compile("[1-9][0-9]{0,17}")  # fits 64 bits


class RowFormat(StrEnum):
    """Formats of rows."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"


class PageFormat(StrEnum):
    """Formats of everything that is not rows."""

    TABLE = "table"
    JSON = "json"


Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODELS", help="Files, folders, globs, @list.txt, or - for paths on standard input."
    ),
]
Platforms = Annotated[
    list[str],
    typer.Option("--platform", metavar="P", help="Catalogue id, .toml file or free text; repeat for more."),
]
Measured = Annotated[
    Path, typer.Argument(metavar="MEASURED.CSV", help="Table with the columns model and latency_ms.")
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write to FILE, whole or not at all.")
]
BundleFolder = Annotated[
    Path | None,
    typer.Option(
        "--bundle", metavar="DIR", envvar="LEDG_BUNDLE", help="Trained model to use instead of our own."
    ),
]
Threads = Annotated[int, typer.Option(metavar="N", min=1, help="Threads of the predictor; same numbers.")]
Jobs = Annotated[int, typer.Option(metavar="N", min=1, help="Model files to read at the same time.")]

AcrossBundles = Annotated[
    bool,
    typer.Option("--across-bundles", help="Compare although another trained model predicted the base."),
]


def parse_shapes(arguments: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """``NAME=1x3x224x224`` to dimensions by input name.

    Raises:
        LedgError: not of that form, a dimension below 1, or an input named twice.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for argument in arguments:
        name, equals, text = argument.rpartition("=")
        dimensions = text.lower().split("x")
        if not name or not equals or not all(map(_SIZE.fullmatch, dimensions)):
            raise LedgError("usage", f"--shape {argument}: not a shape", "write NAME=1x3x224x224")
        if name in shapes:
            raise LedgError("usage", f"--shape {name} is given twice", "one shape an input")
        shapes[name] = tuple(int(part) for part in dimensions)
    return shapes
