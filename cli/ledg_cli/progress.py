"""A count of rows on a terminal's stderr, while they come."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from ledg_rt.results import Row

_CLEAR = "\r\x1b[K"


def counted(rows: Iterable[Row], total: int, quiet: bool = False) -> Iterator[Row]:
    """Pass ``rows`` on; say how many of ``total`` are there if stderr is a terminal and not ``quiet``."""
    stream = sys.stderr
    if quiet or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield from rows
        return
    try:
        stream.write(f"{_CLEAR}0 of {total} predicted")
        stream.flush()
        for done, row in enumerate(rows, 1):
            stream.write(f"{_CLEAR}{done} of {total} predicted")
            stream.flush()
            yield row
    finally:
        stream.write(_CLEAR)
        stream.flush()
