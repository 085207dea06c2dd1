"""The commands of ``ledg``, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from ledg_cli.calibrate import calibrate
from ledg_cli.check import check
from ledg_cli.diff import diff
from ledg_cli.doctor import doctor
from ledg_cli.evaluate import evaluate
from ledg_cli.init import init
from ledg_cli.platforms import platforms_app
from ledg_cli.predict import predict

# Plain help: the formatted one takes twice the time, and the docs quote it.
app = typer.Typer(
    name="ledg",
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(predict)
app.command()(check)
app.command()(diff)
app.command()(init)
app.command()(evaluate)
app.command()(calibrate)
app.add_typer(platforms_app, name="platforms")
app.command()(doctor)


def _show_version(asked: bool) -> None:
    if asked:
        from ledg_rt.results import tool_version

        typer.echo(f"ledg-rt {tool_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _ledg(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """How long will this neural network take on that hardware?

    Predicts from the .onnx file and a description of the hardware, without running anything.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(2)


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        The exit code.

    Raises:
        Exception: whatever went wrong; typer's own errors have a ``format_message``.
    """
    command = typer.main.get_command(app)
    try:
        with command.make_context("ledg", list(arguments)) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as end:
        return int(end.exit_code)
