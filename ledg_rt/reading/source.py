"""Opening what the user named, whatever it is: only regular files are opened, and nothing blocks."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ledg_rt.errors import ModelError

_KINDS = (
    (stat.S_ISDIR, "a directory", "name the .onnx file inside it"),
    (stat.S_ISFIFO, "a named pipe", "write it to a file first"),
    (stat.S_ISSOCK, "a socket", "name an .onnx file"),
    (stat.S_ISCHR, "a device", "name an .onnx file"),
    (stat.S_ISBLK, "a device", "name an .onnx file"),
)

_CAUSES = {
    errno.ENOENT: ("there is no such file", "check the path; a symbolic link may point nowhere"),
    errno.ENOTDIR: ("there is no such file", "a part of the path is not a directory"),
    errno.EACCES: ("no permission to read the file", "check the file's permissions"),
    errno.EPERM: ("no permission to read the file", "check the file's permissions"),
    errno.ELOOP: ("symbolic links run in a circle", "repair the link"),
    errno.ENAMETOOLONG: ("the file name is too long for this system", "use a shorter path"),
}


@contextmanager
def open_model(path: str | os.PathLike[str]) -> Iterator[mmap.mmap]:
    """Map a regular file into memory, read-only; pages are read when touched, so weights cost nothing.

    Raises:
        ModelError: ``unreadable`` or ``empty_file``.

    """
    try:
        # Looked at before it is opened: opening a FIFO or a device may block or have an effect.
        _refuse_unless_regular(os.stat(path).st_mode)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            state = os.fstat(descriptor)
            _refuse_unless_regular(state.st_mode)
            if state.st_size == 0:
                raise empty_file()
            mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        raise _unreadable(error) from error
    with mapped:
        yield mapped


def empty_file() -> ModelError:
    """The error of a file of 0 bytes."""
    return ModelError("empty_file", "the file is empty", "export or download the model again")


def _refuse_unless_regular(mode: int) -> None:
    for matches, name, hint in _KINDS:
        if matches(mode):
            raise ModelError("unreadable", f"the path is {name}, not a file", hint)


def _unreadable(error: OSError | ValueError) -> ModelError:
    if isinstance(error, OSError):
        message, hint = _CAUSES.get(error.errno or 0, (error.strerror or "the file cannot be read", ""))
    else:
        message, hint = "the path is not one that a file can have", "check the path"
    return ModelError("unreadable", message, hint)
