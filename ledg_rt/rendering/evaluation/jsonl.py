"""The comparisons of an evaluation as JSON lines."""

from __future__ import annotations

import json
from typing import TextIO

from ledg_rt.evaluation import Evaluation
from ledg_rt.rendering.evaluation.json import to_dict
from ledg_rt.rendering.style import PLAIN, Style


def render(evaluation: Evaluation, stream: TextIO, style: Style = PLAIN) -> None:
    """Write one line a comparison."""
    for found in evaluation.comparisons:
        stream.write(json.dumps(to_dict(found), ensure_ascii=True, allow_nan=False) + "\n")
