"""NeuSight: 330,000 timings of single operators on data centre GPUs, and of language models that read a prompt.

Source: Lee et al., NeuSight, ASPLOS 2025 (sitar-lab/NeuSight, MIT), PyTorch 2.1 where a version is given, fp32. Graph ids are
of the zoo's ``operator`` family; the leading dimension is the batch: rows of a matrix for ``linear``, of (B, H) for
element-wise operators. Networks are rebuilt from the shapes in the traces: layers, width and heads (``gpt3_xl`` of the table
is 24 layers of width 3,072). BERT has a question-answering head here, a classifier there.
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
    "AMD Instinct MI250": "amd-instinct-mi250-gcd",
    "NVIDIA A100 80GB PCIe": "nvidia-a100-pcie-80gb", "NVIDIA A100-PCIE-40GB": "nvidia-a100-pcie-40gb",
    "NVIDIA L4": "nvidia-l4", "Tesla P100-PCIE-16GB": "nvidia-p100-pcie-16gb", "Tesla P4": "nvidia-p4",
    "Tesla T4": "nvidia-t4", "Tesla V100-PCIE-32GB": "nvidia-v100-pcie-32gb",
}  # fmt: skip
"""Device of a row -> device of the catalogue."""

NETWORKS: Mapping[str, str] = {
    "bert_large": "bert/large-", "gpt2_large": "gpt/gpt2-36-1280-20-", "gpt3_xl": "gpt/gpt2-24-3072-24-",
    "gpt3_27": "gpt/gpt2-32-2560-32-", "opt_13": "gpt/opt-24-2048-32-",
}  # fmt: skip
"""Network of a name -> graph id up to the sequence length."""

_E2E = {name.replace(" ", "_"): device for name, device in DEVICES.items()}
_CONV = (
    "Input_Channel",
    "Output_Channel",
    "Kernel_Szie",
    "Input_Size",
    "Stride",
    "Padding",
)  # upstream's spelling


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Operators, then networks, below the data root ``data``; counts rows left out in ``dropped``, by reason."""
    yield from read_operators(data, dropped)
    yield from read_networks(data, dropped)


def read_networks(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """End-to-end inference; names are ``<network>-<inf|train>-<length>-<batch>[-<variant>]``.

    Raises:
        KeyError: a device that is not in the mapping.
    """
    with (data / SOURCE / "e2e_labels.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            network, mode, length, batch, *variant = row["name"].split("-")
            if reason := _network_fault(network, mode, variant):
                dropped[reason] += 1
                continue
            graph_id = NETWORKS[network] + length
            yield Sample(
                graph_id=graph_id, platform=f"{_E2E[row['device']]}/pytorch/fp32", batch=int(batch),
                latency_ms=float(row["e2e_latency"]), statistic="mean", source=SOURCE,
                family="bert" if network.startswith("bert") else "gpt", isomorphism=graph_id,
            )  # fmt: skip


def _network_fault(network: str, mode: str, variant: list[str]) -> str | None:
    """Why a network is left out; None for a good one."""
    if mode != "inf":
        return "training"
    if variant:
        return "fused or on several devices"
    return None if network in NETWORKS else "no graph: mixture of experts"


def read_operators(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
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
