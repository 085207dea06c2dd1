"""NNLQP's two protocols, in-domain and leave one family out, on ten families.

    python -m benchmarks.accuracy.ten_families [--table CSV | --folder unseen_structure] [--methods NAME ...]

The networks are our own, measured by ``benchmarks.measure`` (``--table``), or those of NNLQP's folder as it is published
(``--folder``). MAPE, median APE and Acc(10%) over ``SEEDS``, which vary initialisation and, on our own table in-domain, the
tested tenth. A method's recipe is the best of its trials by mean error on the held rows of a fold (``ten_networks``), which
no test of that fold has; trials get ``SHORT`` of the steps of a fit. Writes ``benchmarks/results/ten_families.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np

from benchmarks.accuracy.protocol import Row, timed, write
from benchmarks.accuracy.ten_methods import BATCH, METHODS, OURS, SHORT, STEPS, Inputs, Method
from benchmarks.accuracy.ten_networks import (
    SEEDS,
    Chosen,
    Float,
    Fold,
    Networks,
    in_domain,
    leave_one_out,
    measured,
    official,
)
from ledg_rt.metrics import accuracy

PROTOCOL = "ten_families"
TABLE = Path(__file__).parents[1] / "data" / "ten_families.csv"
CACHE = Path(".cache") / PROTOCOL
"""What was told in each fit, so that a run goes on where it was stopped."""
SELECTED_ON = {"in-domain": "a tenth that no seed tests", "leave one out": "the rest of the family's half, by fits to the other half"}  # fmt: skip
IN_DOMAIN, LEAVE_ONE_OUT = SELECTED_ON


class Run:
    """All fits of a method on some networks, kept in ``cache``."""

    def __init__(self, method: Method, inputs: Inputs, cache: Path) -> None:
        self.method, self.inputs, self.cache = method, inputs, cache
        self.spent: dict[Path, float] = {}

    @property
    def minutes(self) -> float:
        """Processor time of all fits that were asked for, each once."""
        return sum(self.spent.values())

    def told(self, known: Chosen, asked: Chosen, trial: int, seed: int, share: float = 1.0) -> Float:
        """Log ms of ``asked`` after a fit to ``known``."""
        networks = self.inputs.networks
        key = blake2b(repr((self.method.name, trial, seed, share, STEPS, BATCH)).encode(), digest_size=12)
        for part in (known, asked, networks.log_ms):
            key.update(part.tobytes())
        path = self.cache / f"{key.hexdigest()}.json"
        if not path.exists():
            found, minutes = timed(partial(self.method.tell, self.inputs, known, asked, trial, seed, share))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"minutes": minutes, "log_ms": found.tolist()}))
        kept = json.loads(path.read_text())
        self.spent[path] = kept["minutes"]
        return np.array(kept["log_ms"])

    def trial(self, fold: Fold) -> int:
        """The trial with the least mean error on the held rows; folds with the same fits share them."""
        if self.method.trials == 1:
            return 0
        networks = self.inputs.networks
        asked = np.setdiff1d(np.arange(len(networks)), fold.fit)
        held = np.isin(asked, fold.held)
        errors = []
        for trial in range(self.method.trials):
            found = self.told(fold.fit, asked, trial, 0, SHORT)
            errors.append(np.abs(np.expm1(found - networks.log_ms[asked]))[held].mean())
        return int(np.argmin(errors))

    def scores(self, fold: Fold, seed: int) -> dict[str, float]:
        """Metrics in percent on the test rows of ``fold``."""
        found = self.told(fold.train, fold.test, self.trial(fold), seed)
        return figures(found, self.inputs.networks.log_ms[fold.test])


def figures(told: Float, log_ms: Float) -> dict[str, float]:
    """Metrics in percent."""
    found = accuracy(np.exp(told), np.exp(log_ms), [""] * len(log_ms))
    return {"mape": found.mape, "median_ape": found.median_ape, "acc10": found.acc10}


def rows_of(method: Method, inputs: Inputs, cache: Path, data: str) -> list[Row]:
    """Rows of a method: in-domain over all families; with each family left out, and the mean over families."""
    networks = inputs.networks
    run = Run(method, inputs, cache)
    inside = {"": [run.scores(in_domain(networks, seed), seed) for seed in SEEDS]}
    rows = _rows(method.name, IN_DOMAIN, inside, data, run.minutes)
    run.spent.clear()
    outside = {fold.family: [run.scores(fold, seed) for seed in SEEDS] for fold in leave_one_out(networks)}
    outside[""] = [
        {metric: float(np.mean([of[at][metric] for of in outside.values()])) for metric in inside[""][0]}
        for at in range(len(SEEDS))
    ]
    return rows + _rows(method.name, LEAVE_ONE_OUT, outside, data, run.minutes)


def _rows(
    method: str, split: str, scored: dict[str, list[dict[str, float]]], data: str, minutes: float
) -> list[Row]:
    """A row for each family ("": all of them) and metric; ``scored``: family -> metrics of each seed."""
    return [
        Row.of(
            PROTOCOL, method, {"data": data, "split": split, "family": family or "all", "ours": method == OURS},
            metric, [seed[metric] for seed in of], SELECTED_ON[split], minutes,
        )
        for family, of in scored.items() for metric in of[0]
    ]  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """Markdown: a method a line."""
    lines = [
        "| method | in-domain MAPE % | Acc(10%) % | leave one out MAPE % | Acc(10%) % | minutes |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row.method for row in rows):
        of = {
            (row.setting["split"], row.metric): row
            for row in rows if row.method == name and row.setting["family"] == "all"
        }  # fmt: skip
        cells = [
            f"{of[split, metric].mean:.2f} ± {of[split, metric].std:.2f}"
            for split in SELECTED_ON for metric in ("mape", "acc10")
        ]  # fmt: skip
        minutes = sum(of[split, "mape"].minutes for split in SELECTED_ON)
        lines.append(f"| {name} | {' | '.join(cells)} | {minutes:.1f} |")
    return "\n".join(lines)


def families(rows: Sequence[Row]) -> str:
    """Markdown: MAPE of each family that is left out, a method a line."""
    left = [row for row in rows if row.setting["split"] == LEAVE_ONE_OUT and row.metric == "mape"]
    names = list(dict.fromkeys(row.setting["family"] for row in left))
    lines = [f"| method | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for method in dict.fromkeys(row.method for row in left):
        lines.append(
            f"| {method} | " + " | ".join(f"{row.mean:.1f}" for row in left if row.method == method) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, fit, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--table", type=Path, default=TABLE, help="written by benchmarks.measure")
    source.add_argument("--folder", type=Path, help="NNLQP's unseen_structure")
    names = [method.name for method in METHODS]
    parser.add_argument("--methods", nargs="+", choices=names, default=names, help="others keep their rows")
    arguments = parser.parse_args()
    networks: Networks = official(arguments.folder) if arguments.folder else measured(arguments.table)
    data = "NNLQP's folder" if arguments.folder else "own table"
    inputs = Inputs(networks)
    rows: list[Row] = []
    for method in METHODS:
        if method.name in arguments.methods:
            rows += rows_of(method, inputs, CACHE, data)
            print(table(rows).splitlines()[-1], flush=True)
    print("\n" + table(rows) + "\n\n" + families(rows))
    write(
        PROTOCOL, rows, lambda row: row["setting"]["data"] != data or row["method"] not in arguments.methods
    )


if __name__ == "__main__":
    main()
