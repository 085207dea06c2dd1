"""Where results go: stdout, or a file that is whole or not there."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from ledg_rt.errors import LedgError

_FULL = (ENOSPC, EDQUOT, EFBIG, EIO)


@contextmanager
def destination(path: Path | None) -> Iterator[TextIO]:
    """A stream to write results to: stdout where ``path`` is ``None``.

    A regular file is written beside its name and renamed at the end; after an error it is as it was.
    Devices and pipes are written to directly.

    Raises:
        LedgError: there is no stdout, or the file cannot be written.
    """
    if path is None:
        if sys.stdout is None:
            raise LedgError("usage", "standard output is closed", "name a file with -o")
        yield sys.stdout
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".ledg-{token_hex(4)}.tmp")
    mode = _mode(path, target)
    beside = mode is None or stat.S_ISREG(mode)
    try:
        try:
            stream = _open(temporary, "x") if beside else _open(target, "w")
        except OSError as error:
            raise _refused(path, error) from error
        with stream:
            yield stream
        if beside:
            _put_in_place(temporary, target, mode, path)
    except OSError as error:
        if error.errno in _FULL:
            raise _refused(path, error) from error
        raise
    finally:
        with suppress(OSError):
            temporary.unlink()


def _mode(path: Path, target: Path) -> int | None:
    """What is there now; ``None`` for nothing."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _refused(path, error) from error
    if stat.S_ISDIR(mode):
        raise LedgError("usage", f"{path}: is a directory", "-o names a file")
    return mode


def _open(path: Path, mode: str) -> TextIO:
    stream: TextIO = open(path, mode, encoding="utf-8", errors="backslashreplace", newline="\n")  # type: ignore[assignment]  # noqa: SIM115
    return stream


def _put_in_place(temporary: Path, target: Path, mode: int | None, path: Path) -> None:
    try:
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError | ValueError) -> LedgError:
    return LedgError(
        "usage",
        f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}",
        "choose another file",
    )
