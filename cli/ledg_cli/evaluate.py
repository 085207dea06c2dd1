"""``ledg evaluate``: predictions against one's own measurements."""

from __future__ import annotations

from typing import Annotated

import typer

from ledg_cli.options import BundleFolder, Jobs, Measured, Output, RowFormat, Threads
from ledg_cli.output import destination
from ledg_rt.errors import LedgError


def evaluate(
    measured: Measured,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            metavar="P",
            help="Catalogue id, .toml file or free text, in place of the table's; repeat to compare.",
        ),
    ] = None,
    format: Annotated[RowFormat, typer.Option(help="How to write the result.")] = RowFormat.TABLE,
    output: Output = None,
    jobs: Jobs = 1,
    threads: Threads = 1,
    bundle: BundleFolder = None,
) -> int:
    """Compare predictions with measured latencies.

    Exits with 2 if a line could not be used or a model not be read; the
    others are compared all the same.
    """
    from ledg_rt.evaluation import evaluate as compare
    from ledg_rt.measurements import read_measurements
    from ledg_rt.rendering.evaluation import renderer
    from ledg_rt.rendering.style import style_of

    table = read_measurements(measured)
    if not table.measurements and not table.faults:
        raise LedgError("usage", f"{measured}: has no line below its header", "add measurements")
    with destination(output) as stream:
        from ledg_rt.predictor import Predictor

        with Predictor(bundle, threads=threads, jobs=jobs) as predictor:
            found = compare(table, predictor, platform or (), where=str(measured))
        renderer(format)(found, stream, style_of(stream))
    return 2 if found.failed else 0
