"""NeuSight: 330,000 timings of single operators on data centre GPUs.

Source: Lee et al., NeuSight, ASPLOS 2025 (sitar-lab/NeuSight, MIT), PyTorch 2.1 where a version is given, fp32. Graph ids are
of the zoo's ``operator`` family; the leading dimension is the batch: rows of a matrix for ``linear``, of (B, H) for
element-wise operators. The tables of whole networks are end-to-end times of language models whose graphs the zoo has not.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.sample import Sample

SOURCE = "neusight"

DEVICES: Mapping[str, str] = {
    "AMD Instinct MI100": "amd-instinct-mi100", "AMD Instinct MI210": "amd-instinct-mi210",
    "NVIDIA A100 80GB PCIe": "nvidia-a100-pcie-80gb", "NVIDIA A100-PCIE-40GB": "nvidia-a100-pcie-40gb",
    "NVIDIA L4": "nvidia-l4", "Tesla P100-PCIE-16GB": "nvidia-p100-pcie-16gb", "Tesla P4": "nvidia-p4",
    "Tesla T4": "nvidia-t4", "Tesla V100-PCIE-32GB": "nvidia-v100-pcie-32gb",
}  # fmt: skip
"""Device of a row -> device of the catalogue."""

_CONV = (
    "Input_Channel",
    "Output_Channel",
    "Kernel_Szie",
    "Input_Size",
    "Stride",
    "Padding",
)  # upstream's spelling


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the operator tables below the data root ``data``; counts rows left out in ``dropped``, by reason.

    Raises:
        KeyError: a device that is not in the mapping.
    """
    seen: set[tuple[str, str, int, str]] = set()
    for path in sorted((data / SOURCE).glob("*.csv.gz")):
        if path.name.startswith("e2e"):
            continue
        with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                graph_id, batch = operator(row)
                key = (graph_id, row["Device"], batch, row["Latency"])
                # The tables of tests hold one another's rows.
                if key in seen:
                    dropped["the same row in another table"] += 1
                    continue
                seen.add(key)
                yield Sample(
                    graph_id=graph_id, platform=platform(row), batch=batch, latency_ms=float(row["Latency"]),
                    statistic="mean", source=SOURCE, family=f"operator_{row['OPName']}", isomorphism=graph_id,
                )  # fmt: skip


def operator(row: Mapping[str, str]) -> tuple[str, int]:
    """Graph id and batch of a row."""
    name, batch = row["OPName"], int(row["B"])
    if name == "linear":
        return f"operator/linear/{row['N']}-{row['K']}", batch * int(row["M"])
    if name == "bmm":
        return f"operator/bmm/{row['M']}-{row['N']}-{row['K']}", batch
    if name == "conv":
        return "operator/conv/" + "-".join(row[column] for column in _CONV), batch
    return f"operator/{name}/{row['H']}", batch


def platform(row: Mapping[str, str]) -> str:
    """The platform of a row."""
    version = row.get("Torch Version", "").removeprefix("p").rpartition(".")[0]
    return f"{DEVICES[row['Device']]}/{'pytorch' + (f'-{version}' if version else '')}/fp32"
