"""Sizes and switches of LeDG-Former."""

from __future__ import annotations

from typing import Any

from transformers import PretrainedConfig

from ledg_rt.encoding import RELATIONS


class LedgConfig(PretrainedConfig):
    """Sizes and switches of LeDG-Former; each switch is a row of the ablation."""

    model_type = "ledg_former"

    def __init__(
        self,
        width: int = 96,
        layers: int = 3,
        heads: int = 4,
        relations: list[str] | None = None,
        text_width: int = 384,
        platform_width: int = 128,
        correction_width: int = 64,
        factors: int = 64,
        totals_width: int = 64,
        template: str = "rich",
        text_dropout: float = 0.1,
        number_dropout: float = 0.1,
        known: list[str] | None = None,
        members: int = 3,
        hardware_width: int = 12,
        number_noise: float = 0.06,
        order_weight: float = 1.0,
        hidden_dropout: float = 0.1,
        whole_dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.layers, self.heads = width, layers, heads
        self.relations = list(relations or RELATIONS)
        self.text_width, self.platform_width, self.correction_width = (
            text_width,
            platform_width,
            correction_width,
        )
        self.factors, self.totals_width = factors, totals_width
        self.template = template
        self.known = list(known or ())
        self.members = members
        self.hardware_width, self.number_noise = hardware_width, number_noise
        self.order_weight = order_weight
        self.text_dropout, self.number_dropout = text_dropout, number_dropout
        self.hidden_dropout, self.whole_dropout = hidden_dropout, whole_dropout
