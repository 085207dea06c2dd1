"""Multiply-adds of timm's graphs against the figures of timm's own tables.

    python -m benchmarks.accuracy.counts

What a published figure counts (fvcore's ``FlopCountAnalysis``, which timm's benchmark calls): one a multiply-add of a
convolution or product of matrices, products of two activations included; two an element of a batch normalization,
five an element of another one (of layers, groups, or standardized weights); one an input of a global pooling; one an
output of nearest and four of linear resizing. Biases, activations, other pooling and recurrent layers count nothing.
Batch normalization is folded into the convolutions of these files; such a convolution has weights without a name of
its own. PyTorch 2.1 tables leave out fused attention and are not compared where another has the network.
Tables of PyTorch 2.9 were measured on re-parameterized networks, so that a figure is of the graph's own form where
its parameters are: of the rows of a network, the one nearest in parameters is compared.

A graph agrees within 2 %, or within the rounding of the published figure (0.005 GMACs). Prints the share and every
graph outside, with the reason as far as it is known.
"""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from onnx import ModelProto, NodeProto

from ledg_export.corpora.timm_benchmark import SOURCE
from ledg_export.corpora.timm_families import family_of_timm
from ledg_export.zoo import timm_zip
from ledg_rt.costs import graph_cost, node_cost, op_family
from ledg_rt.graph import Node
from ledg_rt.reading import read_graph

TOLERANCE = 0.02
ROUNDING = 0.005
BLIND = "210"
"""``pt<digits>`` of the tables whose figures leave fused attention out."""

REASONS: Mapping[str, str] = {
    "convmixer": "fvcore does not see convolutions with padding='same'",
    "ecaresnext50t": "the table measured another network, by its parameters",
    "ghostnetv3": "the table measured the re-parameterized network",
    "ig_resnext101_32x16d": "the file holds another network (32x8d)",
    "swinv2_cr": "the bias network of the positions is a constant of the file",
}
"""Start of a name -> why its graphs are outside."""


@dataclass(frozen=True)
class Figure:
    """Published: GMACs and parameters in millions, both rounded to two digits, and the table's PyTorch."""

    torch: str
    gmacs: float
    million_parameters: float


@dataclass(frozen=True)
class Comparison:
    """A graph by the counting rule above, and the figure that it is compared with."""

    arch: str
    gmacs: float
    million_parameters: float
    published: Figure

    @property
    def agrees(self) -> bool:
        """Within ``TOLERANCE`` or the rounding of the published figure."""
        allowed = max(TOLERANCE * self.published.gmacs, ROUNDING)
        return abs(self.gmacs - self.published.gmacs) <= allowed + 1e-9

    @property
    def reason(self) -> str:
        """Why it does not agree."""
        known = (reason for start, reason in REASONS.items() if self.arch.startswith(start))
        return next(known, "unexplained")


def figures(data: Path) -> dict[str, list[Figure]]:
    """The figures of each ``<model>@<size>`` in the tables below the data root."""
    found: dict[str, set[Figure]] = defaultdict(set)
    for path in sorted((data / SOURCE).glob("benchmark-infer-*.csv")):
        torch = path.name.split("-pt")[1].split("-")[0]
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("infer_gmacs"):
                    figure = Figure(torch, float(row["infer_gmacs"]), float(row["param_count"]))
                    found[f"{row['model']}@{row['infer_img_size']}"].add(figure)
    return {arch: sorted(rows, key=lambda row: (row.torch, row.gmacs)) for arch, rows in found.items()}


def count(model: ModelProto) -> tuple[int, int]:
    """Operations by the rule of the published figures, and parameters, of a file with folded normalization."""
    graph = read_graph(model.SerializeToString())
    file = {node.name: node for node in model.graph.node}
    sizes = {item.name: prod(item.dims) for item in model.graph.initializer}
    operations = graph_cost(graph).macs + sum(_extra(node, file.get(node.name)) for node in graph.nodes)
    parameters = graph_cost(graph).parameters
    for node in model.graph.node:
        if _folded(node):
            parameters += sizes.get(node.input[2], 0)  # of scale and shift the bias is one
        elif node.op_type == "BatchNormalization" and node.input[0] in sizes:  # standardized weights
            operations += 5 * sizes[node.input[0]]
            parameters += sizes.get(node.input[1], 0)
    return operations, parameters


def _folded(node: NodeProto | None) -> bool:
    """Whether a batch normalization went into the convolution: weight and bias have no name of their own."""
    return (
        node is not None
        and node.op_type in ("Conv", "ConvTranspose")
        and len(node.input) > 2
        and all(name.startswith("onnx::") for name in node.input[1:])
    )


def _extra(node: Node, in_file: NodeProto | None) -> int:
    """What a published figure has beyond the multiply-adds of a node."""
    read = node.inputs[0].type.elements if node.inputs and node.inputs[0] else 0
    written = node.outputs[0].elements if node.outputs else 0
    if node.op == "BatchNormalization":
        return 2 * read
    if op_family(node) == "norm":
        return 5 * read
    if node.op == "GlobalAveragePool":
        return read
    if node.op == "Resize":
        return {"nearest": 1, "linear": 4}.get(str(node.attributes.get("mode", "nearest")), 0) * written
    if op_family(node) == "recurrent":
        return -node_cost(node).macs
    return 2 * written if _folded(in_file) else 0


def compare(archs: Iterable[str], published: Mapping[str, Sequence[Figure]]) -> Iterator[Comparison]:
    """Each graph of the archive against the figure of its own form."""
    for arch in archs:
        operations, parameters = count(timm_zip.build(arch, 1))
        millions = parameters / 1e6
        seeing = [figure for figure in published[arch] if figure.torch != BLIND] or published[arch]
        nearest = min(seeing, key=lambda row: (abs(row.million_parameters - millions), -int(row.torch)))
        yield Comparison(arch, operations / 1e9, millions, nearest)


def comparable(published: Mapping[str, Sequence[Figure]]) -> list[str]:
    """Graphs with a figure, those of a family side by side."""
    return sorted(
        timm_zip.architectures() & published.keys(),
        key=lambda arch: (family_of_timm(arch.split("@")[0]), arch),
    )


def table(found: Sequence[Comparison]) -> str:
    """Markdown: the share that agrees, then every graph outside, then how many of each reason."""
    outside = [item for item in found if not item.agrees]
    lines = [
        f"{len(found)} graphs, {len(found) - len(outside)} within {TOLERANCE:.0%} or rounding"
        f" ({1 - len(outside) / len(found):.2%})",
        "", "| graph | GMACs | published | off % | reason |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for item in outside:
        off = 100 * (item.gmacs / item.published.gmacs - 1)
        lines.append(
            f"| {item.arch} | {item.gmacs:.3f} | {item.published.gmacs} | {off:+.1f} | {item.reason} |"
        )
    lines += ["", "| reason | graphs |", "|---|---|"]
    lines += [f"| {reason} | {n} |" for reason, n in Counter(item.reason for item in outside).most_common()]
    return "\n".join(lines)


def main() -> None:
    """Compare every graph that has a figure, print."""
    published = figures(Path(os.environ["LEDG_DATA"]))
    print(table(list(compare(comparable(published), published))))


if __name__ == "__main__":
    main()
