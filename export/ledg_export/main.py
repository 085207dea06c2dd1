"""``ledg-export``: build the corpus, train, export the bundle. Needs the extra ``train``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ledg_export.extras import require
from ledg_rt.errors import LedgError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
corpus_app = typer.Typer(no_args_is_help=True, help="The corpus of measured latencies.")
zoo_app = typer.Typer(no_args_is_help=True, help="Weight-less ONNX files of published architectures.")
app.add_typer(corpus_app, name="corpus")
app.add_typer(zoo_app, name="zoo")

Cache = Annotated[Path, typer.Option(help="Folder of the built corpus.")]
Published = Annotated[Path, typer.Option(help="Folder of the published corpus.")]


@corpus_app.command("build")
def corpus_build(
    cache: Cache = Path(".cache/corpus"), jobs: int = 2, published: Published = Path("benchmarks/data")
) -> None:
    """Read the raw tables below $LEDG_DATA, or the published corpus where it is unset; encode every graph."""
    require("train", "pyarrow")
    from ledg_export.corpus import build
    from ledg_export.published import build_published

    if os.environ.get("LEDG_DATA"):
        build(cache, jobs=jobs)
    else:
        build_published(published, cache, jobs=jobs)


@corpus_app.command("stats")
def corpus_stats(cache: Cache = Path(".cache/corpus")) -> None:
    """Rows, graphs, devices and chips of each source, and what was left out and why."""
    require("train", "pyarrow")
    from ledg_export.corpus_stats import stats

    typer.echo(stats(cache))


@corpus_app.command("publish")
def corpus_publish(
    cache: Cache = Path(".cache/corpus"), published: Published = Path("benchmarks/data")
) -> None:
    """Write the samples and graphs that a clone needs to train without the raw tables."""
    require("train", "pyarrow")
    from ledg_export.published import publish

    typer.echo(f"{publish(cache, published) / 1e6:.1f} MB in {published}")


@corpus_app.command("add")
def corpus_add(
    file: Annotated[
        Path, typer.Argument(help="CSV with columns model, platform, latency_ms[, batch, family].")
    ],
    cache: Cache = Path(".cache/corpus"),
    name: Annotated[str, typer.Option(help="Name of the source; its earlier rows are replaced.")] = "own",
) -> None:
    """Add your own measurements of your own .onnx files."""
    require("train", "pyarrow")
    from ledg_export.own_rows import add

    typer.echo(f"{add(file, cache, name)} samples added as {name}")


@corpus_app.command("export")
def corpus_export(
    output: Annotated[Path, typer.Argument(help="File to write, .csv or .parquet.")],
    cache: Cache = Path(".cache/corpus"),
    source: Annotated[list[str] | None, typer.Option(help="A source to write; all without it.")] = None,
) -> None:
    """Write the samples to one file, for other tools."""
    require("train", "pyarrow")
    from ledg_export.own_rows import export

    typer.echo(f"{export(cache, output, source)} samples in {output}")


@zoo_app.command("write-examples")
def zoo_write_examples(folder: Path) -> None:
    """Write the files of examples/ anew."""
    require("train", "onnx")
    from ledg_export.zoo import write_examples

    write_examples(folder)


@zoo_app.command("timm")
def zoo_timm(
    archive: Annotated[Path, typer.Argument(help="Zip file to write or to add to; $LEDG_GRAPHS/timm.zip.")],
    archs: Annotated[
        list[str] | None,
        typer.Argument(help="<timm name>@<image size>; every network of timm at its size without it."),
    ] = None,
) -> None:
    """Export timm's networks without weights, for one image. Needs the extra ``zoo``."""
    require("zoo", "torch", "torchvision", "timm")
    from ledg_export.zoo.timm_export import architectures, write

    wanted = archs or architectures()
    failed = write(archive, wanted)
    for arch, reason in failed.items():
        typer.echo(f"{arch}: {reason}", err=True)
    if len(failed) == len(wanted):
        raise LedgError("usage", "no network was exported", "see the reasons above")
    typer.echo(f"{len(wanted) - len(failed)} of {len(wanted)} networks in {archive}")


@app.command()
def embedder(output: Path = Path("ledg_rt/bundle")) -> None:
    """Export MiniLM-L6 through Optimum, quantize it to 8 bits (weights only), put it into the bundle."""
    require("train", "torch", "transformers", "optimum")
    from ledg_export.embedder import export_embedder

    typer.echo(export_embedder(output))


@app.command()
def train(
    minutes: Annotated[float, typer.Option(help="Training time of the whole model, over every resumed run.")],
    head_minutes: Annotated[
        float, typer.Option(help="Then of the head alone, on the stored states of all graphs (some 3 GB).")
    ],
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
    rate: Annotated[
        float, typer.Option(help="Peak of the learning rate; half of it is enough after a start.")
    ] = 2e-3,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the costly parts; needs a C++ compiler.")
    ] = False,
    intervals: Annotated[
        Path, typer.Option(help="Interval factors, from benchmarks.accuracy.unseen.")
    ] = Path("benchmarks/results/intervals.json"),
) -> None:
    """Train on the whole corpus and write the bundle."""
    require("train", "torch", "transformers", "accelerate", "pyarrow")
    from ledg_export.train import Recipe, train_bundle

    factors = json.loads(intervals.read_text(encoding="utf-8"))
    recipe = Recipe(
        minutes=minutes, head_minutes=head_minutes, learning_rate=rate, seed=seed, compiled=compiled
    )
    train_bundle(cache, run, bundle, recipe, name=name, intervals=factors, start=start)


def main() -> None:
    """Entry point of the console script: 0 done, 2 for anything that the user can mend."""
    try:
        app()
    except LedgError as error:
        typer.echo(f"ledg-export: error: {error.message}; {error.hint}", err=True)
        raise SystemExit(2) from None
