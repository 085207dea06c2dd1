import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ledg_rt.errors import ModelError
from ledg_rt.graph import Graph
from ledg_rt.reading import read_graph, reader
from ledg_rt.reading.reader import Reader, worker_command

FAKE = """
import json, os, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    name = os.path.basename(request["path"])
    if name == "crash":
        os.abort()
    if name == "hang":
        time.sleep(60)
    if name == "half":
        sys.stdout.write('{"id": 0, "gra')
        sys.stdout.flush()
        os._exit(3)
    if name.startswith("slow"):
        time.sleep(0.3)
    print(json.dumps({"id": request["id"], "error": ["not_onnx", name, "%s" % os.getpid()]}), flush=True)
"""


@pytest.fixture
def fake(monkeypatch):
    """Workers that follow orders in the file name instead of reading models."""
    monkeypatch.setattr(reader, "worker_command", lambda: [sys.executable, "-c", FAKE])


def outcomes(answers):
    return [answer.message if answer.code == "not_onnx" else answer.code for answer in answers]


def test_graphs_and_errors_in_the_order_of_the_paths(light, tmp_path):
    paths = [light["squeezenet"], tmp_path, tmp_path / "missing", light["zfnet512"], light["squeezenet"]]
    with Reader(jobs=2) as pool:
        found = list(pool.read_many(paths))
    assert [answer.code if isinstance(answer, ModelError) else len(answer.nodes) for answer in found] == [
        66, "unreadable", "unreadable", 22, 66,
    ]  # fmt: skip
    assert found[0] == read_graph(light["squeezenet"])


def test_options_reach_the_worker_and_a_reader_serves_twice(light):
    with Reader() as pool:
        (one,) = pool.read_many([light["resnet50"]])
        (eight,) = pool.read_many([light["resnet50"]], batch=8)
        (sized,) = pool.read_many([light["resnet50"]], shapes={"gpu_0/data_0": [2, 3, 224, 224]})
        assert list(pool.read_many([])) == []
    assert [graph.outputs[0].shape[0] for graph in (one, eight, sized)] == [1, 8, 2]


def test_relative_and_non_utf8_paths(light, tmp_path, monkeypatch):
    name = os.fsdecode(b"caf\xe9 #.onnx")
    (tmp_path / name).write_bytes(light["zfnet512"].read_bytes())
    with Reader() as pool:
        monkeypatch.chdir(tmp_path)  # after the worker has started elsewhere
        (graph,) = pool.read_many([name])
    assert isinstance(graph, Graph)


def test_a_crash_costs_one_file(fake):
    with Reader() as pool:
        assert outcomes(pool.read_many(["a", "crash", "b", "half", "c"])) == ["a", "reader_crashed", "b", "reader_crashed", "c"]  # fmt: skip


def test_a_hang_costs_one_file_and_the_timeout(fake):
    start = time.monotonic()
    with Reader(timeout_s=0.7) as pool:
        assert outcomes(pool.read_many(["a", "hang", "b"])) == ["a", "reader_timeout", "b"]
    assert time.monotonic() - start < 10


def test_order_holds_when_the_first_is_the_slowest(fake):
    names = ["slow1", *(f"f{at}" for at in range(20)), "slow2", "last"]
    with Reader(jobs=3) as pool:
        answers = list(pool.read_many(names))
    assert outcomes(answers) == names
    assert len({answer.hint for answer in answers}) > 1


def test_leaving_early_does_not_disturb_the_next_batch(fake):
    with Reader(jobs=2) as pool:
        for _ in pool.read_many(["a", "slow1", "slow2", "b"]):
            break
        assert outcomes(pool.read_many(["c", "d", "e"])) == ["c", "d", "e"]


def test_worker_killed_between_files_is_replaced(fake):
    with Reader() as pool:
        (first,) = pool.read_many(["a"])
        os.kill(int(first.hint), signal.SIGKILL)
        time.sleep(0.2)
        assert outcomes(pool.read_many(["b"])) == ["b"]


def test_worker_that_cannot_start(monkeypatch):
    monkeypatch.setattr(reader, "worker_command", lambda: [sys.executable, "-c", "raise SystemExit(7)"])
    with Reader() as pool, pytest.raises(RuntimeError, match="cannot start"):
        list(pool.read_many(["a"]))


def test_closed_and_impossible_readers():
    pool = Reader()
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(pool.read_many(["a"]))
    with pytest.raises(ValueError, match="positive"):
        Reader(jobs=0)


def test_parent_imports_neither_onnx_nor_numpy(light):
    code = (
        "import sys; from ledg_rt.reading.reader import Reader\n"
        f"with Reader() as pool: print(len(next(pool.read_many([{str(light['zfnet512'])!r}])).nodes))\n"
        "print(sorted({'onnx', 'numpy', 'torch', 'socket', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["22", "[]"]


def test_worker_imports_nothing_from_the_current_folder(light, tmp_path, monkeypatch):
    for name in ("onnx", "json", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    with Reader() as pool:
        (graph,) = pool.read_many([light["zfnet512"]])
    assert isinstance(graph, Graph)


def worker():
    return subprocess.Popen(
        worker_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def test_worker_ignores_ctrl_c_and_ends_with_its_input():
    with worker() as process:
        assert b"ready" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdin.write(b'{"id": 1, "path": "/", "shapes": {}, "batch": null}\n')
        process.stdin.flush()
        assert b"unreadable" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(5) == 0


def test_memory_bomb_is_one_files_error(tmp_path, make, monkeypatch):
    code = (
        "from ledg_rt.reading import limits, model, worker\n"
        "limits_bytes = worker.MAX_WORKER_BYTES = 1 << 29\n"
        "model.strip_weights = lambda data: bytes(1 << 31)\n"
        "worker.main()"
    )
    monkeypatch.setattr(reader, "worker_command", lambda: [sys.executable, "-c", code])
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x08\x08")
    with Reader() as pool:
        assert [answer.code for answer in pool.read_many([path, tmp_path / "none"])] == [
            "limit_exceeded",
            "unreadable",
        ]


def test_workers_of_several_threads(light):
    found = []

    def work():
        with Reader() as pool:
            found.extend(len(graph.nodes) for graph in pool.read_many([light["zfnet512"]] * 3))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [22] * 9
