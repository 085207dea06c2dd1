"""``ledg diff``: what changed between two files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledg_cli.options import AcrossBundles, Output, RowFormat
from ledg_cli.output import destination
from ledg_rt.results import Status


def diff(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="Rows before the change.", show_default=False)],
    head: Annotated[Path, typer.Argument(metavar="HEAD", help="Rows after it.", show_default=False)],
    across_bundles: AcrossBundles = False,
    format: Annotated[RowFormat, typer.Option(help="How to write the differences.")] = RowFormat.TABLE,
    output: Output = None,
) -> int:
    """Show which latencies were added, removed or changed.

    Reads what predict and check write as json or jsonl. Exits with 2 if a model of HEAD could not be read.
    """
    from ledg_rt.comparison import compare
    from ledg_rt.rendering.diff import renderer
    from ledg_rt.rendering.style import style_of
    from ledg_rt.saved import load_rows

    after = load_rows(head)
    comparison = compare(load_rows(base), after, across_bundles=across_bundles)
    with destination(output) as stream:
        renderer(format)(comparison, stream, style_of(stream))
    return 2 if any(item.row.status is Status.ERROR for item in after) else 0
