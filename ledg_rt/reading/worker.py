"""The reading process: requests as JSON lines on standard input, one answer line each on standard output.

It ends when its input is closed, whatever it is doing, so that it never outlives the process it works for.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import Any, BinaryIO

from ledg_rt.errors import ModelError
from ledg_rt.reading.limits import MAX_WORKER_BYTES


def main() -> None:
    """Serve requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    answers = _private_output()
    _limit_memory()
    try:
        from ledg_rt.reading.codec import graph_to_data
        from ledg_rt.reading.model import read_model
    except ImportError as error:
        _send(answers, {"fatal": str(error)})
        return
    _send(answers, {"ready": True})
    requests = _requests()
    while True:
        request = json.loads(requests.get())
        try:
            graph = read_model(request["path"], request["shapes"], request["batch"])
            answer: dict[str, Any] = {"graph": graph_to_data(graph)}
        except ModelError as error:
            answer = {"error": [error.code, error.message, error.hint]}
        except Exception as error:  # an answer for every file: the batch goes on
            answer = {"error": ["reader_crashed", f"reading failed: {type(error).__name__}: {error}"[:300], "please report this model"]}  # fmt: skip
        _send(answers, {"id": request["id"], **answer})


def _private_output() -> BinaryIO:
    """Keep the pipe for answers alone: what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _send(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer, separators=(",", ":")).encode("ascii") + b"\n")
    answers.flush()


def _requests() -> queue.SimpleQueue[bytes]:
    """Lines of standard input, read beside the work so that its end is noticed at once."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return waiting


def _limit_memory() -> None:
    """Bound private memory, so that a hostile size is one file's error and not the machine's.

    RLIMIT_DATA leaves out the read-only map of the model file, which may be far larger than memory.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = MAX_WORKER_BYTES if hard == resource.RLIM_INFINITY else min(MAX_WORKER_BYTES, hard)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    except (OSError, ValueError):
        return  # a system that does not have this limit


if __name__ == "__main__":
    main()
