"""``ledg check``: are the latency budgets kept?"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ledg_cli.options import AcrossBundles, BundleFolder, Jobs, Output, Threads
from ledg_cli.output import destination
from ledg_rt.errors import LedgError

if TYPE_CHECKING:
    from ledg_rt.predictor import Predictor


class CheckFormat(StrEnum):
    """Formats of a report."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"


def check(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Budgets; ledg.toml or pyproject.toml of this folder without it."),
    ] = None,
    rows: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge saved rows instead of predicting the models.")
    ] = None,
    base: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Before the change: saved rows, or another checkout of this folder."
        ),
    ] = None,
    across_bundles: AcrossBundles = False,
    format: Annotated[CheckFormat, typer.Option(help="How to write the report.")] = CheckFormat.TABLE,
    output: Output = None,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="FORMAT=FILE", help="Write the same report in another format; repeat."),
    ] = None,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="Exit with 0 where a budget is broken.")
    ] = False,
    jobs: Jobs = 1,
    threads: Threads = 1,
    bundle: BundleFolder = None,
) -> int:
    """Judge the latency budgets of a repository.

    Exits with 1 if a budget is broken, with 2 if a model could not be read or nothing could be judged.
    """
    from ledg_rt.budgets import find, load
    from ledg_rt.budgets.check import check as judge
    from ledg_rt.rendering.check import renderer
    from ledg_rt.rendering.style import style_of

    wanted = [(format, output), *map(_parse_also, also or ())]
    files = Counter(path.resolve() for _, path in wanted if path is not None)
    if twice := next((path for _, path in wanted if path is not None and files[path.resolve()] > 1), None):
        raise LedgError("usage", f"{twice}: named for two outputs", "give each format a file of its own")
    configuration = load(config or find())
    with ExitStack() as stack:
        places = [(name, stack.enter_context(destination(path))) for name, path in wanted]

        @cache
        def predictor() -> Predictor:
            from ledg_rt.predictor import Predictor

            return stack.enter_context(Predictor(bundle, threads=threads, jobs=jobs))

        report = judge(configuration, predictor, rows=rows, base=base, across_bundles=across_bundles)
        for name, stream in places:
            renderer(name)(report, stream, style_of(stream))
    return 0 if exit_zero and report.exit_code == 1 else report.exit_code


def _parse_also(argument: str) -> tuple[CheckFormat, Path]:
    name, _, path = argument.partition("=")
    if name not in list(CheckFormat) or not path:
        raise LedgError(
            "usage", f"--also {argument}: not FORMAT=FILE", f"formats are {', '.join(CheckFormat)}"
        )
    return CheckFormat(name), Path(path)
