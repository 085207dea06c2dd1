"""What the protocols share: a figure of their results, and how it is kept and printed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

RESULTS = Path(__file__).parents[1] / "results"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Row:
    """``mean`` and deviation ``std`` (0 for one seed) of a metric over ``seeds``; ``minutes``: processor time of all of them."""

    protocol: str
    method: str
    setting: dict[str, Any]
    metric: str
    mean: float
    std: float
    seeds: list[int]
    selected_on: str
    commit: str
    minutes: float

    @classmethod
    def of(
        cls, protocol: str, method: str, setting: dict[str, Any], metric: str, values: Sequence[float], selected_on: str, minutes: float
    ) -> Row:  # fmt: skip
        """From the values of seeds 0, 1, ..."""
        std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        seeds = list(range(len(values)))
        return cls(
            protocol, method, setting, metric, float(np.mean(values)), std, seeds, selected_on, commit(), minutes
        )  # fmt: skip


def commit() -> str:
    """The short name of the commit that is checked out."""
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def timed(compute: Callable[[], Result]) -> tuple[Result, float]:
    """A result and the minutes of processor time that it took."""
    start = time.process_time()
    return compute(), (time.process_time() - start) / 60


def write(
    protocol: str, rows: Sequence[Row], keep: Callable[[dict[str, Any]], bool] = lambda row: False
) -> None:
    """Write ``benchmarks/results/<protocol>.json``: ``rows``, and those that are there and to ``keep``."""
    path = RESULTS / f"{protocol}.json"
    before = json.loads(path.read_text()) if path.exists() else []
    kept = [row for row in before if keep(row)]
    path.write_text(json.dumps(kept + [asdict(row) for row in rows], indent=1) + "\n")
