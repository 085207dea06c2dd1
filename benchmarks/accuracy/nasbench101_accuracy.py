"""Ranking NAS-Bench-101, or the cells of EC-NAS-Bench, by test accuracy from the validation accuracy of a few cells.

    python -m benchmarks.accuracy.nasbench101_accuracy [nasbench_only108.tfrecord]

The protocol of ``nasbench201_accuracy`` with its recipes: nothing is chosen here. Without the official file it is done
on EC-NAS-Bench (below ``$LEDG_DATA``), 2,532 cells of at most five nodes that were trained for four epochs, once each;
its figures are no substitute for those of NAS-Bench-101. Writes ``benchmarks/results/<space>_accuracy.json``.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch

from benchmarks.accuracy import nasbench101_cells, nasbench201_cells
from benchmarks.accuracy.accuracy_methods import ENSEMBLE, LEDG
from benchmarks.accuracy.nasbench201_accuracy import (
    recipe_of,
    references,
    row_of,
    score,
    table,
)
from benchmarks.accuracy.protocol import write

SIZES = (100, 172, 424, 4236)
PUBLISHED = {
    "NP (published)": (0.391, 0.545, 0.679, 0.769),
    "Arch2Vec (published)": (0.435, 0.511, 0.547, 0.596),
    "Graphormer (published)": (0.564, 0.580, 0.611, 0.797),
    "TNASP (published)": (0.600, 0.669, 0.705, 0.820),
    "PINAT (published)": (0.679, 0.715, 0.772, 0.846),
    "NAR-Former V2 (published)": (0.663, None, None, 0.861),
    "NN-Former (published)": (None, None, None, 0.877),
}
"""As in ``nasbench201_accuracy``; printed beside the official file alone."""


def main() -> None:
    """Score, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, help="the official file of NAS-Bench-101")
    file = parser.parse_args().file
    torch.set_num_threads(1)
    data = Path(os.environ["LEDG_DATA"])
    space = nasbench101_cells.load(file) if file else nasbench101_cells.load_ec_nas(data)
    tuning = nasbench201_cells.load(data)
    protocol = f"{space.name}_accuracy"
    sizes = [size for size in SIZES if size < len(space)]
    rows = references(space, protocol)
    for method in (ENSEMBLE, LEDG):
        recipe = recipe_of(method, tuning)
        for size in sizes:
            score(method, space, nasbench101_cells.DATASET, recipe, size)
            selected_on = "NAS-Bench-201's drawn cells"
            row = row_of(protocol, space, method, nasbench101_cells.DATASET, size, selected_on)
            rows += [row] if row else []
    print(table(rows, nasbench101_cells.DATASET, sizes, PUBLISHED if file else None))
    write(protocol, rows)


if __name__ == "__main__":
    main()
