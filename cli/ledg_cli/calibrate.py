"""``ledg calibrate``: measurements of one's own device to a platform file that predicts it better."""

from __future__ import annotations

from typing import Annotated

import typer

from ledg_cli.options import BundleFolder, Jobs, Measured, Output, Threads
from ledg_cli.output import destination


def calibrate(
    measured: Measured,
    platform: Annotated[
        str, typer.Option(metavar="P", help="Catalogue id, .toml file or free text: what was measured.")
    ],
    output: Output = None,
    jobs: Jobs = 1,
    threads: Threads = 1,
    bundle: BundleFolder = None,
) -> int:
    """Fit a platform to measured latencies, and write it as a platform file.

    Exits with 2 if a line could not be used or a model not be read; the
    platform is fitted to the others.
    """
    from ledg_rt.evaluation import calibrate as fit
    from ledg_rt.measurements import read_measurements
    from ledg_rt.platforms import resolve
    from ledg_rt.platforms.writing import platform_toml
    from ledg_rt.rendering.evaluation.words import faults, fitted
    from ledg_rt.rendering.text import visible

    table, described = read_measurements(measured), resolve(platform)
    with destination(output) as stream:
        from ledg_rt.predictor import Predictor

        with Predictor(bundle, threads=threads, jobs=jobs) as predictor:
            found = fit(table, predictor, described, where=str(measured))
        stream.write(platform_toml(found.platform, f"Written by ledg calibrate from {measured}."))
    for line in (*(": ".join(fault) for fault in faults(found.before)), fitted(found)):
        typer.echo(f"ledg: {visible(line)}", err=True)
    return 2 if found.before.failed else 0
