"""Reads a user's files in child processes: a file that crashes or hangs one costs that file alone.

The children import onnx; this process never does. They start at once, so that their imports run beside the
caller's own. Only pipes are used.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from ledg_rt.errors import ModelError
from ledg_rt.graph import Graph
from ledg_rt.reading.codec import graph_from_data

AHEAD = 4
"""Finished files kept for each worker while a slower one before them is awaited."""

_PACKAGE_ROOT = str(Path(__file__).resolve().parents[2])

_BOOT = "import sys; sys.path.append(sys.argv[1]); from ledg_rt.reading.worker import main; main()"
"""The package's folder goes last, so that it shadows nothing and is found however the parent found it."""


def worker_command() -> list[str]:
    """The command of a worker. ``-P``: the user's current folder is not a place to import from."""
    return [sys.executable, "-P", "-c", _BOOT, _PACKAGE_ROOT]


class Reader:
    """A pool of ``jobs`` reading processes; a context manager.

    ``timeout_s``: seconds that one file may take, from when its worker is ready.
    """

    def __init__(self, jobs: int = 1, timeout_s: float = 60.0) -> None:
        if jobs < 1 or timeout_s <= 0:
            raise ValueError("jobs and timeout_s must be positive")
        self.timeout_s = timeout_s
        self._events: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]] = queue.SimpleQueue()
        self._workers = [_Worker(self._events) for _ in range(jobs)]

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop()

    def read_many(
        self,
        paths: Sequence[str | os.PathLike[str]],
        shapes: Mapping[str, Sequence[int]] | None = None,
        batch: int | None = None,
    ) -> Iterator[Graph | ModelError]:
        """A graph or an error for each path, in the order of ``paths``; see ``read_graph`` for the options.

        Raises:
            RuntimeError: the reader is closed, or a reading process cannot start at all (onnx is missing).

        """
        if not self._workers:
            raise RuntimeError("the reader is closed")
        options = {"shapes": {name: list(sizes) for name, sizes in (shapes or {}).items()}, "batch": batch}
        done: dict[int, Graph | ModelError] = {}
        upcoming = 0
        try:
            for wanted in range(len(paths)):
                while wanted not in done:
                    limit = min(len(paths), wanted + AHEAD * len(self._workers))
                    for at, worker in enumerate(self._workers):
                        if worker.task is None and upcoming < limit:
                            if worker.process.poll() is not None:
                                worker.stop()
                                self._workers[at] = worker = _Worker(self._events)
                            worker.send(upcoming, os.path.abspath(paths[upcoming]), options, self.timeout_s)
                            upcoming += 1
                    self._collect(done)
                yield done.pop(wanted)
        finally:
            # Left early: an answer still to come belongs to nobody.
            for worker in self._workers:
                if worker.task is not None:
                    worker.stop()

    def _collect(self, done: dict[int, Graph | ModelError]) -> None:
        """Wait for one event, or for the next deadline."""
        deadline = min((worker.deadline for worker in self._workers if worker.task is not None), default=0.0)
        try:
            worker, answer = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            for worker in self._workers:
                if worker.task is not None and worker.deadline <= time.monotonic():
                    done[worker.task] = ModelError(
                        "reader_timeout",
                        f"reading took longer than {self.timeout_s:g} s",
                        "the model may be damaged; try it alone",
                    )
                    worker.stop()
            return
        if worker not in self._workers:
            return
        if answer is None:
            self._ended(worker, done)
        elif "fatal" in answer:
            raise RuntimeError(f"the reading process cannot start: {answer['fatal']}")
        elif "ready" in answer:
            worker.ready = True
            worker.deadline = time.monotonic() + self.timeout_s
        elif worker.task is not None and answer["id"] == worker.task:
            done[worker.task] = (
                graph_from_data(answer["graph"]) if "graph" in answer else ModelError(*answer["error"])
            )
            worker.task = None

    def _ended(self, worker: _Worker, done: dict[int, Graph | ModelError]) -> None:
        task = worker.task
        if task is None:
            return
        code = worker.stop()
        if not worker.ready:
            raise RuntimeError(f"the reading process cannot start: it ended with status {code}")
        done[task] = ModelError(
            "reader_crashed",
            f"the reading process ended with status {code}",
            "the model may be damaged; check it with onnx.checker",
        )


@dataclass(eq=False)
class _Worker:
    """One reading process. ``task``: position of the file it is reading, ``None`` when idle."""

    events: queue.SimpleQueue[tuple[_Worker, dict[str, Any] | None]]
    task: int | None = None
    deadline: float = 0.0
    ready: bool = False
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        stream = self.process.stdout
        if stream is None:
            return
        with stream:
            for line in stream:
                try:
                    self.events.put((self, json.loads(line)))
                except ValueError:  # cut in the middle by a crash
                    break
        self.events.put((self, None))

    def send(self, task: int, path: str, options: Mapping[str, Any], timeout_s: float) -> None:
        self.task = task
        self.deadline = time.monotonic() + timeout_s
        request = {"id": task, "path": path, **options}
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(request).encode("ascii") + b"\n")
                self.process.stdin.flush()
        except OSError:
            return  # it has just ended; its last event says so

    def stop(self) -> int:
        """End the process and return its status."""
        self.task = None
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):  # it ended with a request unread
                self.process.stdin.close()
        try:
            return self.process.wait(0.2 if self.ready else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
