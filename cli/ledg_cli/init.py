"""``ledg init``: a first configuration of latency budgets."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ledg_cli.options import BundleFolder, Jobs, Platforms, Threads, parse_shapes
from ledg_cli.output import destination
from ledg_rt.errors import LedgError
from ledg_rt.rendering.text import visible
from ledg_rt.results import Row, Status


def init(
    platform: Platforms,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODELS", help="As for predict; without any, all below this folder.", show_default=False
        ),
    ] = None,
    margin: Annotated[str, typer.Option(metavar="M", help="What limits leave above the prediction.")] = "10%",
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")] = Path(
        "ledg.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    shape: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIMS", help="Shape of an input, e.g. x=1x3x224x224; repeat."),
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = 1,
    bundle: BundleFolder = None,
) -> int:
    """Write a commented ledg.toml: a budget for each model and platform.

    Exits with 2 if a model could not be read; the others get their budgets all the same.
    """
    from ledg_rt.budgets.draft import draft
    from ledg_rt.budgets.quantities import parse_percent
    from ledg_rt.targets import expand

    try:
        above = parse_percent(margin)
    except ValueError as error:
        raise LedgError("usage", f"--margin {margin} {error}") from None
    if os.path.lexists(output) and not force:
        raise LedgError("usage", f"{output}: is there already", "edit it, or replace it with --force")
    shapes = parse_shapes(shape or ())
    paths = list(
        dict.fromkeys(map(os.path.normpath, expand(models or ["."], sys.stdin.buffer if sys.stdin else None)))
    )
    from ledg_rt.predictor import Predictor

    with destination(output) as stream:  # before the work, which may be long
        with Predictor(bundle, threads=threads, jobs=jobs) as predictor:
            rows = predictor.predict(paths, platform, shapes=shapes)
        failed = [row for row in rows if row.status is Status.ERROR]
        if len(failed) == len(rows):
            raise _nothing_read(failed)
        stream.write(draft(rows, platform, output.parent, above, shapes))
    if sys.stderr is not None:
        count = len(rows) - len(failed)
        print(f"wrote {visible(str(output))}, budgets: {count}; see `ledg check`", file=sys.stderr)
    return 2 if failed else 0


def _nothing_read(failed: Sequence[Row]) -> LedgError:
    """The error that no budget can be written, with the reason of the first model."""
    first = failed[0]
    code, message, hint = (
        (first.error.code, first.error.message, first.error.hint) if first.error else ("unreadable", "", "")
    )
    return LedgError(code, f"no model could be read; {first.model.path}: {message}", hint)
