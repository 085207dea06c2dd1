"""``ledg predict``: latency of models on platforms."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from ledg_cli.options import BundleFolder, Jobs, Models, Output, Platforms, RowFormat, Threads, parse_shapes
from ledg_cli.output import destination
from ledg_cli.progress import counted
from ledg_rt.results import Row, Status


def predict(
    models: Models,
    platform: Platforms,
    format: Annotated[RowFormat, typer.Option(help="How to write the rows.")] = RowFormat.TABLE,
    output: Output = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Batch size, where the model leaves it open or at 1."),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIMS", help="Shape of an input, e.g. x=1x3x224x224; repeat."),
    ] = None,
    jobs: Jobs = 1,
    threads: Threads = 1,
    bundle: BundleFolder = None,
) -> int:
    """Predict the latency of each model on each platform.

    Exits with 2 if a model could not be read; the others are predicted all the same.
    """
    from ledg_rt.rendering import STREAMING, renderer
    from ledg_rt.rendering.style import style_of
    from ledg_rt.targets import expand

    shapes = parse_shapes(shape or ())
    paths = expand(models, sys.stdin.buffer if sys.stdin else None)
    failures: list[Row] = []
    with destination(output) as stream:
        from ledg_rt.predictor import Predictor

        with Predictor(bundle, threads=threads, jobs=jobs) as predictor:
            rows = predictor.iter_predict(paths, platform, batch=batch, shapes=shapes)
            total = len(paths) * len(platform)
            quiet = format in STREAMING and stream.isatty()
            renderer(format)(counted(_noted(rows, failures), total, quiet), stream, style_of(stream))
    return 2 if failures else 0


def _noted(rows: Iterable[Row], failures: list[Row]) -> Iterator[Row]:
    """Pass ``rows`` on and put those without a number into ``failures``."""
    for row in rows:
        if row.status is Status.ERROR:
            failures.append(row)
        yield row
