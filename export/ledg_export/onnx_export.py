"""LeDG-Former to two ONNX models: ``encoder.onnx`` (a graph, once) and ``head.onnx`` (a graph on a platform).

The encoder takes the neighbour table, so that cost grows linearly with nodes. Both are fp32.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ledg_export.model import LedgFormer, together
from ledg_rt.encoding import NEIGHBOURS, NODE_FEATURES, PLATFORM_FEATURES, RELATIONS

OPSET = 17


class EncoderGraph(nn.Module):
    """text [N, 384], numeric [N, F], neighbours int64 [N, R, K] -> states [N, width]."""

    def __init__(self, model: LedgFormer) -> None:
        super().__init__()
        self.encoder = model.encoder

    def forward(self, text: Tensor, numeric: Tensor, neighbours: Tensor) -> Tensor:  # noqa: D102
        return self.encoder(self.encoder.text(text), numeric, neighbours=neighbours)


class HeadGraph(nn.Module):
    """One graph on one platform -> log milliseconds [1], log spread [1], log cost of each node [N]."""

    def __init__(self, model: LedgFormer) -> None:
        super().__init__()
        self.heads = nn.ModuleList(member.head for member in model.members)

    def forward(
        self, states: Tensor, work: Tensor, vectors: Tensor, numeric: Tensor, rates: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """States [N, width], work [N, 3], vectors [members, platform_width], numeric [PLATFORM_FEATURES], rates [N]."""
        present = torch.ones_like(work[None, :, 0])
        first = torch.zeros(1, dtype=torch.long)
        outputs = [
            head(
                states[None], work[None], present, vectors[at : at + 1], numeric[None], first, first[None], first, rates[None]
            )
            for at, head in enumerate(self.heads)
        ]  # fmt: skip
        out = together(outputs)
        return out["log_ms"], out["log_spread"], out["log_cost"][0]


def export_model(model: LedgFormer, folder: Path) -> None:
    """Write ``encoder.onnx`` and ``head.onnx`` into ``folder``."""
    model = model.eval()
    nodes, width = 5, model.config.text_width
    example = (
        torch.randn(nodes, width), torch.randn(nodes, NODE_FEATURES),
        torch.zeros(nodes, len(RELATIONS), NEIGHBOURS, dtype=torch.int64),
    )  # fmt: skip
    with torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter is deprecated but gives the smaller graph; parity is tested on the result.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            EncoderGraph(model).eval(), example, str(folder / "encoder.onnx"), dynamo=False, opset_version=OPSET,
            input_names=["text", "numeric", "neighbours"], output_names=["states"],
            dynamic_axes={name: {0: "nodes"} for name in ("text", "numeric", "neighbours", "states")},
        )  # fmt: skip
        torch.onnx.export(
            HeadGraph(model).eval(),
            (
                torch.randn(nodes, model.config.width), torch.rand(nodes, 3),
                torch.randn(len(model.members), model.config.platform_width), torch.zeros(PLATFORM_FEATURES),
                torch.zeros(nodes),
            ),
            str(folder / "head.onnx"), dynamo=False, opset_version=OPSET,
            input_names=["states", "work", "platform_vectors", "platform_numeric", "rates"],
            output_names=["log_ms", "log_spread", "log_cost"],
            dynamic_axes={name: {0: "nodes"} for name in ("states", "work", "rates", "log_cost")},
        )  # fmt: skip
