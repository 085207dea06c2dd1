"""Measure networks on this machine with ONNX Runtime, batch 1: the ten families of NNLQP, or those of the corpus.

    python -m benchmarks.measure --out mine.csv [--families resnet vgg] [--each 100] [--seed 0] [--minutes 40]
    python -m benchmarks.measure --out zoo.csv --corpus benchmarks/data --each 14 --threads 2 [--precision int8]

A family's networks are the first ``--each`` seeds from ``--seed`` of ``ledg_export.zoo.nnlqp_families`` that give different ones, or those of
a corpus in the order of a checksum; families come in turn, so that a run that stops early has as many of each. Each is measured in a process of its own
(``benchmarks.measure.one``); so is a reference network (in fp32) before every ``REFERENCE_EVERY`` of them and at the end, by which drift
of the machine's speed is taken out. A file may be of several precisions. The file is written after each network; what is in it is not measured again.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from zlib import crc32

import onnxruntime

from benchmarks.measure.one import PRECISIONS, Timing
from benchmarks.measure.table import REFERENCE, REFERENCE_FAMILY, Measured, corrected, read, write
from ledg_export.corpus import OPERATORS, sample_path, training_sources
from ledg_export.sample_store import read_table
from ledg_export.zoo import build, family_of
from ledg_export.zoo.nnlqp_families import FAMILIES
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

REFERENCE_EVERY = 20
PATIENCE = 30.0
"""Seconds that a network may take beside those of its runs; larger ones are left out."""


TEXT = (
    *(f"bert/base-{length}" for length in (32, 64, 128, 256)), "bert/base-128-mlm",
    *(f"distilbert/base-{length}" for length in (32, 64, 128, 256)), "electra/base-64", "electra/base-128",
    "gpt/gpt2-2-128-2-64", "gpt/gpt2-4-256-4-32", "gpt/gpt2-4-256-4-128", "gpt/gpt2-6-384-6-64", "gpt/gpt2-6-384-6-256",
    "gpt/gpt2-6-768-12-128", "gpt/gpt2-8-512-8-64", "gpt/gpt2-12-768-12-16", "gpt/gpt2-12-768-12-64", "gpt/gpt2-12-768-12-128",
    "gpt/opt-4-256-4-64", "gpt/opt-6-512-8-32", "gpt/opt-6-512-8-128", "gpt/opt-12-768-12-32", "gpt/opt-12-768-12-128",
)  # fmt: skip
"""Networks for text beside those of a corpus, which has few."""


def networks(families: Sequence[str], each: int, seed: int = 0) -> Iterator[tuple[str, str]]:
    """Family and graph id, the families in turn, seeds from ``seed``; no two of a family are one network."""
    for drawn in zip(*(_different(family, each, seed) for family in families), strict=True):
        yield from zip(families, drawn, strict=True)


def _different(family: str, each: int, seed: int) -> Iterator[str]:
    known: set[str] = set()
    while len(known) < each:
        graph_id = f"nnlqp_families/{family}-{seed}"
        network = graph_sha256(read_graph(build(graph_id).SerializeToString()))
        if network not in known:
            known.add(network)
            yield graph_id
        seed += 1


def corpus_networks(corpus: Path, each: int) -> Iterator[tuple[str, str]]:
    """Family and graph id of at most ``each`` networks of every family that a corpus trains on, and of ``TEXT``, the families in turn."""
    drawn: dict[str, set[str]] = defaultdict(set)
    for source in training_sources(corpus):
        table = read_table(sample_path(corpus, source))
        for family, graph_id in zip(table["family"].to_pylist(), table["graph_id"].to_pylist(), strict=True):
            if family_of(graph_id) != OPERATORS:
                drawn[family].add(graph_id)
    for graph_id in TEXT:
        drawn[graph_id.partition("/")[0]].add(graph_id)
    ordered = (
        sorted(ids, key=lambda graph_id: crc32(graph_id.encode()))[:each] for _, ids in sorted(drawn.items())
    )
    for turn in zip_longest(*ordered):
        yield from (
            (family, graph_id) for family, graph_id in zip(sorted(drawn), turn, strict=True) if graph_id
        )


def machine(threads: int = 1, precision: str = "fp32") -> str:
    """Processor, runtime, precision and threads in words."""
    many = "threads" if threads > 1 else "thread"
    return f"{processor()}, onnxruntime {onnxruntime.__version__}, {precision}, {threads} {many}"


def processor() -> str:
    """Name of the processor as the operating system has it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def timing(graph_id: str, seconds: float, threads: int, precision: str) -> Timing:
    """Measure in a new process.

    Raises:
        subprocess.SubprocessError: it failed, or took ``PATIENCE`` longer than its runs should.
    """
    options = {"--seconds": seconds, "--threads": threads, "--precision": precision}
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "benchmarks.measure.one", graph_id, *words]
    told = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, timeout=PATIENCE + 2 * seconds
    )
    return Timing(**json.loads(told.stdout))


def run(
    out: Path, wanted: Iterator[tuple[str, str]], seconds: float, minutes: float, threads: int = 1, precision: str = "fp32"
) -> None:  # fmt: skip
    """Measure what is ``wanted`` and not yet in ``out`` until ``minutes`` are over."""
    until = time.monotonic() + 60 * minutes
    rows = read(out)
    here = machine(threads, precision)
    done = {row.graph_id for row in rows if row.family != REFERENCE_FAMILY and row.machine == here}

    def add(family: str, graph_id: str, precision: str) -> None:
        found = timing(graph_id, seconds, threads, precision)
        rows.append(
            Measured(
                family, graph_id, found.median_ms, round(found.median_ms, 6), found.runs,
                round(found.spread, 5), 1.0, machine(threads, precision),
            )
        )  # fmt: skip
        rows[:] = corrected(rows)
        write(out, rows)
        print(
            f"{len(rows)} {graph_id}: {rows[-1].raw_ms:.3f} ms, drift {rows[-1].drift:.3f}", file=sys.stderr
        )

    count = 0
    for family, graph_id in wanted:
        if graph_id in done:
            continue
        if time.monotonic() > until:
            break
        if count % REFERENCE_EVERY == 0:
            add(REFERENCE_FAMILY, REFERENCE, PRECISIONS[0])
        try:
            add(family, graph_id, precision)
        except subprocess.SubprocessError as error:
            print(f"{graph_id}: left out ({error})", file=sys.stderr)
        count += 1
    if count:
        add(REFERENCE_FAMILY, REFERENCE, PRECISIONS[0])


def others(out: Path, threads: int) -> set[str]:
    """Machines in words of a file's rows that are not this one with ``threads``: their references say nothing of it."""
    return {row.machine for row in read(out)} - {machine(threads, precision) for precision in PRECISIONS}


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, help="measure networks of this corpus instead")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--each", type=int, default=100, help="networks of a family")
    parser.add_argument("--seed", type=int, default=0, help="of the first network of a family")
    parser.add_argument("--seconds", type=float, default=0.7, help="time for the runs of a network")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    arguments = parser.parse_args()
    if found := others(arguments.out, arguments.threads):
        parser.error(f"{arguments.out} has rows of {', '.join(sorted(found))}; choose another --out")
    wanted = (
        corpus_networks(arguments.corpus, arguments.each)
        if arguments.corpus
        else networks(arguments.families, arguments.each, arguments.seed)
    )
    run(arguments.out, wanted, arguments.seconds, arguments.minutes, arguments.threads, arguments.precision)


if __name__ == "__main__":
    main()
