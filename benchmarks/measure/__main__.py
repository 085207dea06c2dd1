"""Measure the ten families of NNLQP on this machine with ONNX Runtime: one thread, batch 1, fp32.

    python -m benchmarks.measure --out mine.csv [--families resnet vgg] [--each 100] [--minutes 40]

A family's networks are the first ``--each`` seeds of ``ledg_export.zoo.nnlqp_families`` that give different ones, family by
family in turn, so that a run that stops early has as many of each. Each is measured in a process of its own
(``benchmarks.measure.one``); so is a reference network before every ``REFERENCE_EVERY`` of them and at the end, by which drift
of the machine's speed is taken out. The file is written after each network; what is in it is not measured again.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnxruntime

from benchmarks.measure.one import Timing
from benchmarks.measure.table import REFERENCE, REFERENCE_FAMILY, Measured, corrected, read, write
from ledg_export.zoo import build
from ledg_export.zoo.nnlqp_families import FAMILIES
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256

REFERENCE_EVERY = 20


def networks(families: Sequence[str], each: int) -> Iterator[tuple[str, str]]:
    """Family and graph id, the families in turn; no two of a family are one network."""
    for drawn in zip(*(_different(family, each) for family in families), strict=True):
        yield from zip(families, drawn, strict=True)


def _different(family: str, each: int) -> Iterator[str]:
    known: set[str] = set()
    seed = 0
    while len(known) < each:
        graph_id = f"nnlqp_families/{family}-{seed}"
        network = graph_sha256(read_graph(build(graph_id).SerializeToString()))
        if network not in known:
            known.add(network)
            yield graph_id
        seed += 1


def machine() -> str:
    """Processor, runtime and threads in words."""
    return f"{processor()}, onnxruntime {onnxruntime.__version__}, fp32, 1 thread"


def processor() -> str:
    """Name of the processor as the operating system has it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def timing(graph_id: str, seconds: float) -> Timing:
    """Measure in a new process.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "benchmarks.measure.one", graph_id, "--seconds", str(seconds)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Timing(**json.loads(told.stdout))


def run(out: Path, wanted: Iterator[tuple[str, str]], seconds: float, minutes: float) -> None:
    """Measure what is ``wanted`` and not yet in ``out`` until ``minutes`` are over."""
    until = time.monotonic() + 60 * minutes
    rows = read(out)
    done = {row.graph_id for row in rows if row.family != REFERENCE_FAMILY}
    here = machine()

    def add(family: str, graph_id: str) -> None:
        found = timing(graph_id, seconds)
        rows.append(
            Measured(
                family, graph_id, found.median_ms, round(found.median_ms, 6), found.runs,
                round(found.spread, 5), 1.0, here,
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
            add(REFERENCE_FAMILY, REFERENCE)
        try:
            add(family, graph_id)
        except subprocess.CalledProcessError as error:
            print(f"{graph_id}: left out, exit code {error.returncode}", file=sys.stderr)
        count += 1
    if count:
        add(REFERENCE_FAMILY, REFERENCE)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--each", type=int, default=100, help="networks of a family")
    parser.add_argument("--seconds", type=float, default=0.7, help="time for the runs of a network")
    parser.add_argument("--minutes", type=float, default=60.0)
    arguments = parser.parse_args()
    run(arguments.out, networks(arguments.families, arguments.each), arguments.seconds, arguments.minutes)


if __name__ == "__main__":
    main()
