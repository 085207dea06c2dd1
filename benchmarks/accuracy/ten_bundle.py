"""The shipped bundle on measurements of ten families that no bundle was trained on.

    python -m benchmarks.accuracy.ten_bundle [--platform xeon-emerald-rapids-vm/onnxruntime-1.32/fp32/1t]

The networks are variants of NNLQP's published ones (``benchmarks/data/ten_families_again.csv``, ONNX Runtime on one thread of a machine of the platform's kind). Training
knows other seeds of the families on this platform (one cell there computes what one here does). Rows of unsteady runs are left out, as they are there. Machines of the kind differ by up to a half (``ledg_export.corpora.zoo_onnxruntime``):
the column ``mean log`` shows the level, the one beside it the error without it. Prints errors by family and in all, the rank
correlation, and how many are inside of the 80 % interval; writes ``benchmarks/results/ten_bundle.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.latency import RESULTS
from benchmarks.measure.table import REFERENCE_FAMILY, Measured, read
from ledg_export.corpora.zoo_onnxruntime import UNSTEADY
from ledg_export.zoo import build
from ledg_rt.metrics import accuracy
from ledg_rt.predictor import Predictor

TABLE = Path(__file__).parents[1] / "data" / "ten_families_again.csv"
PLATFORM = "xeon-emerald-rapids-vm/onnxruntime-1.32/fp32/1t"


def networks() -> list[Measured]:
    """Rows of the table but for the reference and unsteady runs."""
    return [row for row in read(TABLE) if row.family != REFERENCE_FAMILY and row.spread <= UNSTEADY]


def predicted(rows: Sequence[Measured], platform: str) -> list[dict[str, Any]]:
    """A row a network: family, measured and predicted ms, whether the measured one is inside of the interval."""
    with tempfile.TemporaryDirectory() as folder, Predictor() as predictor:
        paths = [Path(folder) / f"{at}.onnx" for at in range(len(rows))]
        for path, row in zip(paths, rows, strict=True):
            path.write_bytes(build(row.graph_id).SerializeToString())
        found = []
        for row, said in zip(rows, predictor.iter_predict(paths, [platform]), strict=True):
            if said.latency_ms is None:
                raise ValueError(f"{row.graph_id}: {said.error}")
            low, middle, high = said.latency_ms.p10, said.latency_ms.p50, said.latency_ms.p90
            inside = low <= row.latency_ms <= high
            found.append({"family": row.family, "measured": row.latency_ms, "ms": middle, "inside": inside})
    return found


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Errors in percent, the mean shift of the logarithm, the median error without this shift, percent inside of the interval."""
    ms, measured = (np.array([row[key] for row in rows]) for key in ("ms", "measured"))
    apart = np.log(ms / measured)
    found = accuracy(ms, measured, [""] * len(rows))
    return {
        "networks": len(rows), "mape": found.mape, "median_ape": found.median_ape, "acc10": found.acc10,
        "spearman": found.spearman, "shift": float(apart.mean()),
        "without_shift": float(100 * np.median(np.abs(np.expm1(apart - apart.mean())))),
        "inside": float(100 * np.mean([row["inside"] for row in rows])),
    }  # fmt: skip


def table(found: dict[str, dict[str, Any]]) -> str:
    """Markdown: a family a line, all of them in the last."""
    lines = [
        "| family | networks | MAPE % | median APE % | Acc(10%) % | Spearman | mean log | median APE % without | inside % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['networks']} | {row['mape']:.1f} | {row['median_ape']:.1f} | {row['acc10']:.1f} | "
        f"{row['spearman']:.3f} | {row['shift']:+.2f} | {row['without_shift']:.1f} | {row['inside']:.0f} |"
        for name, row in found.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, predict, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--platform", default=PLATFORM)
    options = parser.parse_args()
    rows = predicted(networks(), options.platform)
    families = sorted({row["family"] for row in rows})
    found = {name: summary([row for row in rows if row["family"] == name]) for name in families}
    found["all"] = summary(rows)
    print(table(found))
    results = {"platform": options.platform, "families": found}
    (RESULTS / "ten_bundle.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
