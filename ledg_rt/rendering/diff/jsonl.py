"""A comparison as JSON lines, a difference each."""

from __future__ import annotations

import json
from typing import TextIO

from ledg_rt.comparison import Comparison, difference_to_dict
from ledg_rt.rendering.style import PLAIN, Style


def render(comparison: Comparison, stream: TextIO, style: Style = PLAIN) -> None:
    """Write all differences, what is unchanged included."""
    for item in comparison.differences:
        stream.write(json.dumps(difference_to_dict(item), ensure_ascii=True, allow_nan=False) + "\n")
