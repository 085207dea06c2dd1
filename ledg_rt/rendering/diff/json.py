"""A comparison as one JSON document."""

from __future__ import annotations

import json
from typing import TextIO

from ledg_rt.comparison import Comparison, comparison_to_dict
from ledg_rt.rendering.style import PLAIN, Style


def render(comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
    """Write ASCII, with both rows of each difference."""
    stream.write(
        json.dumps(comparison_to_dict(comparison), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    )
