"""Entry point of ``ledg``: whatever happens becomes an exit code and at most one line on stderr.

0 done; 1 a budget broken; 2 usage, configuration, unreadable model, disk full, internal error;
130 interrupted; 143 terminated; 141 stdout closed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

FAILED = 2
INTERRUPTED, STDOUT_CLOSED, TERMINATED = (128 + number for number in (2, 13, 15))


def main() -> None:
    """Run the command line of this process and exit."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; a traceback is printed with ``LEDG_DEBUG=1`` alone."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        if _stdout_is_closed():
            return STDOUT_CLOSED
        _complain("internal error: a pipe between processes broke", "please report it")
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    try:
        from ledg_cli.app import invoke

        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # names that the encoding of a terminal lacks are no failure
                stream.reconfigure(errors="backslashreplace")
        code = invoke(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        raise
    except Exception as error:
        _explain(error)
        _discard_stdout()
        return FAILED


def _explain(error: Exception) -> None:
    from ledg_rt.errors import LedgError

    if os.environ.get("LEDG_DEBUG", "0") not in ("", "0"):
        from traceback import print_exc

        print_exc()
    if isinstance(error, LedgError):
        _complain(error.message, error.hint)
    elif callable(usage := getattr(error, "format_message", None)):  # typer has no public name for these
        command = getattr(getattr(error, "ctx", None), "command_path", "ledg")
        _complain(" ".join(usage().split()).rstrip("."), f"see `{command} --help`")
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        _complain(f"{where}{error.strerror or type(error).__name__}")
    else:
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        _complain(f"internal error: {text}", "set LEDG_DEBUG=1 for the traceback and please report it")


def _complain(message: str, hint: str = "") -> None:
    from ledg_rt.rendering.text import visible

    line = visible("; ".join(part for part in (message, hint) if part))
    with suppress(OSError):  # the exit code says it too
        if sys.stderr is not None:
            sys.stderr.write(f"ledg: error: {line}\n")
            sys.stderr.flush()


def _terminate(number: int, frame: FrameType | None) -> None:
    # Raised rather than exited with, so that files and reading processes are put away on the way out.
    signal.signal(number, signal.SIG_DFL)
    raise SystemExit(TERMINATED)


def _stdout_is_closed() -> bool:
    """Whether nobody reads stdout any more; if so, what is still to be written is dropped."""
    if sys.stdout is None:
        return False
    poll = select.poll()
    poll.register(sys.stdout, select.POLLOUT)
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    _discard_stdout()
    return True


def _discard_stdout() -> None:
    """Have the interpreter's own flush at exit succeed, where stdout cannot be written to."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except AttributeError:
        return  # there is no stdout
