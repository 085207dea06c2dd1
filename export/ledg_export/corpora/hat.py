"""HAT: encoders of translation transformers on a Raspberry Pi 4, a Xeon E5-2640 and a Titan Xp.

Source: Wang et al., HAT, ACL 2020 (mit-han-lab/hardware-aware-transformers, latency_dataset, MIT), PyTorch, one sentence of 30
tokens (23 for IWSLT'14), as the upstream script has it. The tables give **averages over the layers** of the feed-forward width
and of the heads, so a graph has that width, rounded, in every layer, and of 2, 4 and 8 heads the number that is nearest: the work
is right, its distribution over the layers is not known. A decoder runs a step a token with a growing cache, which no graph of
one run describes: its times are left out.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ledg_export.corpora.sample import Sample

SOURCE = "hat"

PLATFORMS: Mapping[str, str] = {
    "cpu_raspberrypi": "raspberry-pi-4/pytorch/fp32",
    "cpu_xeon": "xeon-e5-2640/pytorch/fp32",
    "gpu_titanxp": "nvidia-titan-xp/pytorch/fp32",
}
"""Hardware of a file name -> platform."""

LENGTHS: Mapping[str, int] = {"iwslt14deen": 23, "wmt14ende": 30, "wmt14enfr": 30, "wmt19ende": 30}
"""Task of a file name -> tokens of the sentence."""

HEADS = (2, 4, 8)

NOISY = 0.1
"""Standard deviation over mean of a loop that was disturbed."""

SLOW_MS = 500.0
"""Encoders of at most 0.9 GMACs that take longer ran on a throttled or busy Raspberry Pi: nine in ten take 130 to 260 ms."""


def read(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    """Samples of the tables below the data root ``data``; counts values left out in ``dropped``, by reason.

    Raises:
        KeyError: a file of a task or hardware that is not in the mappings.
    """
    for path in sorted((data / SOURCE).glob("*_all.csv")):
        task, _, hardware = path.stem.removesuffix("_all").partition("_")
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                dropped["decoder: a run a token"] += 1
                if reason := _fault(row):
                    dropped[reason] += 1
                    continue
                graph_id = f"hat/{encoder(row)}-{LENGTHS[task]}"
                yield Sample(
                    graph_id=graph_id, platform=PLATFORMS[hardware], batch=1,
                    latency_ms=float(row["latency_mean_encoder"]), statistic="mean", source=SOURCE,
                    family="transformer", isomorphism=graph_id,
                )  # fmt: skip


def encoder(row: Mapping[str, str]) -> str:
    """Width, layers, feed-forward width and heads of a row's encoder."""
    heads = float(row["encoder_self_attention_heads_avg"])
    nearest = min(HEADS, key=lambda count: abs(count - heads))
    inner = round(float(row["encoder_ffn_embed_dim_avg"]))
    return f"{row['encoder_embed_dim']}-{row['encoder_layer_num']}-{inner}-{nearest}"


def _fault(row: Mapping[str, str]) -> str | None:
    """Why the encoder of a row is left out; None for a good one."""
    mean = float(row["latency_mean_encoder"])
    if float(row["latency_std_encoder"]) > NOISY * mean:
        return "noisy loop"
    return "throttled" if mean > SLOW_MS else None
