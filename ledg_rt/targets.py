"""From the MODELS arguments of a command to the paths of model files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO

from ledg_rt.errors import LedgError

SUFFIX = ".onnx"


def expand(arguments: Sequence[str], stdin: BinaryIO | None = None) -> list[str]:
    """The model files that ``arguments`` name, in their order; a file named twice is there twice.

    An argument is a file, a folder (all ``*.onnx`` below it, sorted; folders behind links are not
    entered), a glob (``**`` goes through folders), ``@FILE`` (paths in a file, one a line) or ``-``
    (paths on standard input). What exists under the very name is never taken for a glob or a list.
    Lines of a list are files and folders, relative to the working directory. A named file that does not
    exist is kept: it becomes an error of its own.

    Args:
        arguments: as given on the command line.
        stdin: where ``-`` reads.

    Raises:
        LedgError: an argument that names no file at all, or a list or folder that cannot be read.
    """
    return [path for argument in arguments for path in _expand_one(argument, stdin)]


def _expand_one(argument: str, stdin: BinaryIO | None) -> list[str]:
    if not argument:
        raise LedgError("usage", "a model path is empty", "name a file, a folder, a glob, @list.txt or -")
    if argument == "-":
        return _listed(stdin.read() if stdin else b"", "standard input")
    if os.path.isdir(argument):
        return _in_folder(argument)
    if os.path.lexists(argument):
        return [argument]
    if argument.startswith("@"):
        return _listed(_read(argument[1:]), argument[1:])
    if has_magic(argument):
        return _matching(argument)
    return [argument]


def _in_folder(folder: str) -> list[str]:
    found = list(_walk(folder))
    if not found:
        raise LedgError(
            "usage", f"{folder}: no {SUFFIX} file in this folder", "name the folder that holds them"
        )
    return found


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder, onerror=_refuse, followlinks=False):
        folders.sort()
        yield from (os.path.join(parent, name) for name in sorted(names) if name.lower().endswith(SUFFIX))


def _refuse(error: OSError) -> None:
    raise LedgError("usage", f"{error.filename}: {error.strerror}", "check the folder's permissions")


def _matching(pattern: str) -> list[str]:
    found = sorted(path for path in set(glob(pattern, recursive=True)) if not os.path.isdir(path))
    if not found:
        raise LedgError(
            "usage", f"{pattern}: nothing matched", "quote globs, and use ** to go through folders"
        )
    return found


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LedgError("usage", f"{path}: {reason}", "@FILE is a list of paths, one a line") from None


def _listed(data: bytes, where: str) -> list[str]:
    lines = [line.removesuffix(b"\r") for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    paths = [os.fsdecode(line) for line in lines if line.strip()]
    if not paths:
        raise LedgError("usage", f"{where}: no path in it", "give one path a line")
    return [found for path in paths for found in (_in_folder(path) if os.path.isdir(path) else [path])]
