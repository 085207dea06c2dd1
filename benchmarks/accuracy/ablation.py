"""What each part of LeDG-Former is worth on the ten families, one at a time.

    python -m benchmarks.accuracy.ablation [--table CSV] [--variants NAME ...]

Rows of ``ten_families`` (our own measured table, in-domain and each family left out), all variants by one recipe that no
trial chose, three seeds that vary initialisation and, in-domain, the tested tenth. A part that LeDG-Former has is taken
off or exchanged; a part that it lacks is put in ("with ..."). Fits are kept in ``.cache/ablation``, so that a run goes on
where it was stopped. Writes ``benchmarks/results/ablation.json``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch

from benchmarks.accuracy import ten_former, ten_variants
from benchmarks.accuracy.protocol import Row, timed, write
from benchmarks.accuracy.ten_families import TABLE, figures
from benchmarks.accuracy.ten_former import FlatGraphs, TenRecipe
from benchmarks.accuracy.ten_methods import BATCH, STEPS
from benchmarks.accuracy.ten_networks import SEEDS, Float, Fold, Networks, in_domain, leave_one_out, measured
from benchmarks.accuracy.ten_variants import Variant
from benchmarks.peers.training import STEPS_FOR
from ledg_rt.encoding import RELATIONS

PROTOCOL = "ablation"
CACHE = Path(".cache") / PROTOCOL
WHOLE = "LeDG-Former"
IN_DOMAIN, LEAVE_ONE_OUT = "in-domain", "leave one out"
RECIPE = TenRecipe(batch=BATCH, weight_decay=0.05)
PAPER = tuple(relation for relation in RELATIONS if relation != "siblings")

VARIANTS = {
    WHOLE: Variant(),
    "without siblings (the paper's relations)": Variant(relations=PAPER),
    "without siblings and grandfathers": Variant(relations=("sons", "fathers")),
    "without layers": Variant(layers=0),
    "two layers": Variant(layers=2),
    "the same mixing for all nodes": Variant(mixing="constant"),
    "with a mixing per head": Variant(mixing="head"),
    "with a graph-wide token": Variant(token=True),
    "with the depth of nodes": Variant(depth=True),
    "with graph convolution in the feed-forward": Variant(convolution=True),
    "the paper's sentences": Variant(template="paper"),
    "vectors of the float32 embedder": Variant(words="float32"),
    "operators as one-hot vectors": Variant(words="operators"),
    "numbers without words": Variant(words="none"),
    "words without numbers in the states": Variant(numbers=False),
    "costs that begin equal, no roofline": Variant(head="equal"),
    "a pooled head, no costs of nodes": Variant(head="pool"),
}


@cache
def networks_of(table: Path, template: str) -> Networks:
    """The measured networks in the words of a template."""
    return measured(table, template)


@cache
def graphs_of(table: Path, variant: Variant) -> FlatGraphs:
    """As a variant reads them."""
    return ten_variants.graphs_of(variant, networks_of(table, variant.template).graphs)


def told(table: Path, variant: Variant, fold: Fold, seed: int) -> tuple[Float, float]:
    """Log ms of the tested rows, and minutes of processor time; kept in ``CACHE``."""
    log_ms = networks_of(table, variant.template).log_ms
    key = blake2b(repr((variant, RECIPE, STEPS, seed)).encode(), digest_size=12)
    words = graphs_of(table, variant).vocabulary.vectors.numpy()
    for part in (fold.train, fold.test, log_ms, words):
        key.update(part.tobytes())
    path = CACHE / f"{key.hexdigest()}.json"
    if not path.exists():
        found, minutes = timed(partial(_fitted, table, variant, fold, seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.with_suffix(".tmp")
        whole.write_text(json.dumps([found.tolist(), minutes]))
        whole.replace(path)
    kept, minutes = json.loads(path.read_text())
    return np.array(kept), minutes


def _fitted(table: Path, variant: Variant, fold: Fold, seed: int) -> Float:
    graphs = graphs_of(table, variant)
    log_ms = torch.from_numpy(networks_of(table, variant.template).log_ms[fold.train]).float()
    recipe = replace(RECIPE, steps=STEPS * max(len(fold.train), STEPS_FOR) // STEPS_FOR)
    model = ten_variants.fit(variant, recipe, graphs, torch.from_numpy(fold.train), log_ms, seed)
    return ten_former.predict(model, graphs, torch.from_numpy(fold.test)).double().numpy()


def rows_of(table: Path, name: str) -> list[Row]:
    """Mean metrics of a variant: in-domain, and over the families that are left out."""
    variant = VARIANTS[name]
    networks = networks_of(table, variant.template)
    folds = {
        IN_DOMAIN: [[in_domain(networks, seed)] for seed in SEEDS],
        LEAVE_ONE_OUT: [list(leave_one_out(networks)) for _ in SEEDS],
    }
    rows = []
    for split, of_seeds in folds.items():
        minutes, scored = 0.0, []
        for seed, of in zip(SEEDS, of_seeds, strict=True):
            found = []
            for fold in of:
                log_ms, took = told(table, variant, fold, seed)
                minutes += took
                found.append(figures(log_ms, networks.log_ms[fold.test]))
            scored.append({metric: float(np.mean([each[metric] for each in found])) for metric in found[0]})
        setting = {"split": split, "whole": name == WHOLE}
        rows += [
            Row.of(PROTOCOL, name, setting, metric, [each[metric] for each in scored], "nothing", minutes)
            for metric in scored[0]
        ]
    return rows


def printed(rows: Sequence[Row]) -> str:
    """Markdown: a variant a line."""
    lines = [
        "| variant | in-domain MAPE % | Acc(10%) % | leave one out MAPE % | Acc(10%) % |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for name in dict.fromkeys(row.method for row in rows):
        of = {(row.setting["split"], row.metric): row for row in rows if row.method == name}
        cells = [
            f"{of[split, metric].mean:.2f} ± {of[split, metric].std:.2f}"
            for split in (IN_DOMAIN, LEAVE_ONE_OUT)
            for metric in ("mape", "acc10")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, fit, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="written by benchmarks.measure")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="others keep their rows")  # fmt: skip
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for name in options.variants:
        rows += rows_of(options.table, name)
        print(printed(rows).splitlines()[-1], flush=True)
    print("\n" + printed(rows))
    write(PROTOCOL, rows, keep=lambda row: row["method"] not in options.variants)


if __name__ == "__main__":
    main()
