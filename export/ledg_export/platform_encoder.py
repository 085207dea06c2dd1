"""A platform to one vector: from its words and figures, from what training remembers of it, and from its kin."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ledg_export.config import LedgConfig
from ledg_rt.encoding import KEY_LEVELS, PLATFORM_FEATURES, PLATFORM_NUMBERS

MEMORY_SCALE = 3.0
"""Speeds up the learning of memories: a platform is met once in many steps."""


class PlatformEncoder(nn.Module):
    """Two sentence vectors and the numbers of a platform to one vector [P, platform_width].

    What training learned about a platform by name, at each level of ``encoding.platform_keys``, is added to
    it. Where it has no such memory, the platforms of the training set that are most like it lend theirs: a
    softmax over distances between linear maps of words and figures. Training hides names often, and then
    everything that shares the first hidden name lends nothing, so that hidden hardware is met like new one.
    """

    kin_text: Tensor
    kin_numeric: Tensor
    kin_keys: Tensor

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
        self.likeness = nn.Linear(inputs, config.kin_width)
        self.known = nn.Embedding(1 + len(config.known), width, padding_idx=0)
        nn.init.zeros_(self.known.weight)
        self.register_buffer("kin_text", torch.zeros(config.kin, 2, config.text_width))
        self.register_buffer("kin_numeric", torch.zeros(config.kin, PLATFORM_FEATURES))
        self.register_buffer("kin_keys", torch.zeros(config.kin, KEY_LEVELS, dtype=torch.int64))

    def meet(self, text: Tensor, numeric: Tensor, keys: Tensor) -> None:
        """The platforms of the training set, K = ``config.kin`` of them; shapes as in ``forward``."""
        self.kin_text.copy_(text)
        self.kin_numeric.copy_(numeric)
        self.kin_keys.copy_(keys)

    def memory(self, keys: Tensor) -> Tensor:
        """``keys`` int64 [P, KEY_LEVELS], 1 + position in ``config.known``, 0 for none -> [P, platform_width]."""
        return MEMORY_SCALE * self.known(keys).sum(-2)

    def forward(self, text: Tensor, numeric: Tensor, keys: Tensor, names: Tensor) -> Tensor:
        """P platforms.

        Args:
            text: [P, 2, text_width].
            numeric: [P, PLATFORM_FEATURES].
            keys: int64 [P, KEY_LEVELS], the names that may be remembered; see ``memory``.
            names: int64 [P, KEY_LEVELS], all of their names; what shares the first hidden one lends nothing.
        """
        depth = (keys > 0).sum(-1).clamp(max=KEY_LEVELS - 1)
        hidden = names.gather(1, depth[:, None])
        same = (hidden > 0) & (hidden == self.kin_keys.T[depth])
        missing = (keys == 0).to(numeric.dtype)
        return self.vector(text, numeric, self.memory(keys), missing, self.places(), same)

    def plain(self, text: Tensor, numeric: Tensor, keys: Tensor, names: Tensor) -> Tensor:
        """``forward`` without dropout, in training too."""
        training = self.training
        self.eval()
        vector = self(text, numeric, keys, names)
        self.train(training)
        return vector

    def places(self) -> Tensor:
        """Where the kin are, [K, kin_width]."""
        hardware, software = self.hardware(self.kin_text[:, 0]), self.software(self.kin_text[:, 1])
        places: Tensor = self.likeness(torch.cat([hardware, software, self.kin_numeric], -1))
        return places

    def lent(self, share: Tensor, missing: Tensor) -> Tensor:
        """Memories of the kin, [P, platform_width], at the levels that are ``missing`` [P, KEY_LEVELS], each by its ``share`` [P, K].

        Kin have most of their names in common, so shares are added up by name first. Lending does not change the lender.
        """
        shares = (share.unsqueeze(-1) * missing.unsqueeze(1)).flatten(1)
        names = self.kin_keys.flatten().expand_as(shares)
        by_name = shares.new_zeros(len(shares), len(self.known.weight)).scatter_add(1, names, shares)
        return MEMORY_SCALE * by_name @ self.known.weight.detach()

    def vector(
        self, text: Tensor, numeric: Tensor, memory: Tensor, missing: Tensor, places: Tensor, same: Tensor | None = None
    ) -> Tensor:  # fmt: skip
        """What ``forward`` gives, for platforms whose names were looked up before.

        Args:
            text: [P, 2, text_width].
            numeric: [P, PLATFORM_FEATURES].
            memory: [P, platform_width], the sum of what is known of their names.
            missing: [P, KEY_LEVELS], 1 where there is no name or it is not known.
            places: of the kin, as ``places`` gives them.
            same: bool [P, K], platforms of the training set that lend nothing.
        """
        hardware, software = self.hardware(text[:, 0]), self.software(text[:, 1])
        if self.training:
            keep = 1 - self.config.text_dropout
            hardware = hardware * torch.bernoulli(torch.full_like(hardware[:, :1], keep))
            numeric = self._blurred(numeric, missing[:, 0])
        words = torch.cat([hardware, software, numeric], -1)
        # Minus the squared distance, but for what all kin share.
        nearness = 2 * self.likeness(words) @ places.T - (places * places).sum(-1)
        if same is not None:
            nearness = nearness.masked_fill(same, -1e9)
        return self.body(words) + memory + self.lent(nearness.softmax(-1), missing)

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
