"""A platform to one vector: from its words and figures, and from what training remembers of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ledg_export.config import LedgConfig
from ledg_rt.encoding import PLATFORM_FEATURES, PLATFORM_NUMBERS

MEMORY_SCALE = 3.0
"""Speeds up the learning of memories: a platform is met once in many steps."""


class PlatformEncoder(nn.Module):
    """Two sentence vectors and the numbers of a platform to one vector [P, platform_width].

    What training learned about a platform by name, at each level of ``encoding.platform_keys``, is added to
    it. Training hides names, so that words and figures carry what they can. It is for training alone: the vectors of the platforms of a
    training set are what it leaves, those of others are told from these, see ``kinship``.
    """

    def __init__(self, config: LedgConfig) -> None:
        super().__init__()
        self.config = config
        width = config.platform_width
        self.hardware = nn.Linear(config.text_width, config.hardware_width)
        self.software = nn.Linear(config.text_width, width // 2)
        inputs = config.hardware_width + width // 2 + PLATFORM_FEATURES
        self.body = nn.Sequential(
            nn.Linear(inputs, 2 * width), nn.GELU(), nn.Dropout(config.hidden_dropout),
            nn.Linear(2 * width, width), nn.GELU(),
        )  # fmt: skip
        self.known = nn.Embedding(1 + len(config.known), width, padding_idx=0)
        nn.init.zeros_(self.known.weight)

    def forward(self, text: Tensor, numeric: Tensor, keys: Tensor) -> Tensor:
        """P platforms.

        Args:
            text: [P, 2, text_width].
            numeric: [P, PLATFORM_FEATURES].
            keys: int64 [P, KEY_LEVELS], the names that are remembered: 1 + position in ``config.known``, 0 for none.
        """
        hardware, software = self.hardware(text[:, 0]), self.software(text[:, 1])
        if self.training:
            keep = 1 - self.config.text_dropout
            hardware = hardware * torch.bernoulli(torch.full_like(hardware[:, :1], keep))
            numeric = self._blurred(numeric, (keys[:, 0] == 0).to(numeric.dtype))
        words = torch.cat([hardware, software, numeric], -1)
        vector: Tensor = self.body(words) + MEMORY_SCALE * self.known(keys).sum(-2)
        return vector

    def plain(self, text: Tensor, numeric: Tensor, keys: Tensor) -> Tensor:
        """``forward`` without dropout, in training too."""
        training = self.training
        self.eval()
        vector = self(text, numeric, keys)
        self.train(training)
        return vector

    def _blurred(self, numeric: Tensor, stranger: Tensor) -> Tensor:
        """Known figures of strangers with noise, so that no figure identifies a device."""
        count = len(PLATFORM_NUMBERS)
        noise = self.config.number_noise * torch.randn(len(numeric), count)
        noise = noise * numeric[:, count : 2 * count] * stranger[:, None]
        return torch.cat([numeric[:, :count] + noise, numeric[:, count:]], -1)

    def mask_numbers(self, numeric: Tensor) -> Tensor:
        """Hide some figures, as users leave them out; training only. Values and masks go together."""
        if not self.training:
            return numeric
        count = len(PLATFORM_NUMBERS)
        keep = (torch.rand(numeric.shape[0], count) >= self.config.number_dropout).to(numeric.dtype)
        return torch.cat(
            [numeric[:, :count] * keep, numeric[:, count : 2 * count] * keep, numeric[:, 2 * count :]], -1
        )
