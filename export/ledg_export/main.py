"""``ledg-export``: build the corpus, train, export the bundle. Needs the extra ``train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ledg_export.extras import require

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
corpus_app = typer.Typer(no_args_is_help=True, help="The corpus of measured latencies.")
zoo_app = typer.Typer(no_args_is_help=True, help="Weight-less ONNX files of published architectures.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(zoo_app, name="zoo")

Cache = Annotated[Path, typer.Option(help="Folder of the built corpus.")]


@corpus_app.command("build")
def corpus_build(cache: Cache = Path(".cache/corpus"), jobs: int = 2) -> None:
    """Read the raw tables below $LEDG_DATA and encode every graph that they name."""
    require("train", "pyarrow", "torch")
    from ledg_export.corpus import build

    build(cache, jobs=jobs)


@corpus_app.command("stats")
def corpus_stats(cache: Cache = Path(".cache/corpus")) -> None:
    """Rows, graphs, devices and chips of each source, and what was left out and why."""
    require("train", "pyarrow")
    from ledg_export.corpus import stats

    typer.echo(stats(cache))


@zoo_app.command("write-examples")
def zoo_write_examples(folder: Path) -> None:
    """Write the files of examples/ anew."""
    require("train", "onnx")
    from ledg_export.zoo import write_examples

    write_examples(folder)


@app.command()
def embedder(output: Path = Path("ledg_rt/bundle")) -> None:
    """Export MiniLM-L6 through Optimum, quantize it to 8 bits (weights only), put it into the bundle."""
    require("train", "torch", "transformers", "optimum")
    from ledg_export.embedder import export_embedder

    typer.echo(export_embedder(output))


@app.command()
def train(
    minutes: Annotated[float, typer.Option(help="Training time in all, over every resumed run.")],
    cache: Cache = Path(".cache/corpus"),
    run: Annotated[Path, typer.Option(help="Checkpoints; an interrupted run goes on.")] = Path(
        "checkpoints/final"
    ),
    bundle: Annotated[Path, typer.Option(help="Bundle folder that holds the embedder.")] = Path(
        "ledg_rt/bundle"
    ),
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "ledg",
    seed: int = 0,
    start: Annotated[
        Path | None, typer.Option(help="Checkpoints of a finished run whose weights a fresh run begins with.")
    ] = None,
    intervals: Annotated[
        Path, typer.Option(help="Interval factors, from benchmarks.accuracy.latency.")
    ] = Path("benchmarks/results/intervals.json"),
) -> None:
    """Train on the whole corpus and write the bundle."""
    require("train", "torch", "transformers", "accelerate", "pyarrow")
    from ledg_export.train import train_bundle

    factors = json.loads(intervals.read_text(encoding="utf-8"))
    train_bundle(cache, run, bundle, name=name, minutes=minutes, seed=seed, intervals=factors, start=start)


def main() -> None:
    """Entry point of the console script."""
    app()
