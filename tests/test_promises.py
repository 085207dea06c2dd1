"""What the README promises of `ledg predict`: no torch, no network, one number whatever the company."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledg_rt import Predictor
from ledg_rt.results import to_dict

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.onnx"))
PLATFORMS = ("nvidia-t4/tensorrt/fp16", "raspberry-pi-4/tflite/int8/4t", "some NPU of 4 TOPS at 3 W, int8")

WATCH = """
import os, sys
def _watch(event, args):
    if event == "import" and args[0].split(".")[0] in ("torch", "transformers", "onnx", "numpy"):
        name = args[0].split(".")[0]
    elif event.startswith("socket."):
        name = event
    else:
        return
    with open(os.environ["WATCH_LOG"], "a") as log:
        log.write(f"{os.getpid()} {name}\\n")
sys.addaudithook(_watch)
"""


@pytest.fixture
def events(tmp_path):
    """Run `ledg predict` with an audit hook in it and in every process that it starts: {pid: events}."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    log = tmp_path / "events"
    log.touch()

    def run(*arguments):
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "WATCH_LOG": str(log)}
        code = "from ledg_cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "predict", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = {}
        for line in log.read_text().splitlines():
            pid, event = line.split()
            found.setdefault(pid, set()).add(event)
        return found

    return run


def test_no_process_of_a_prediction_imports_torch_or_opens_a_socket(events):
    pytest.importorskip("torch")  # the promise is worth nothing where torch could not be imported anyway
    pytest.importorskip("transformers")
    found = events(str(EXAMPLES[0]), "--platform", PLATFORMS[0], "--platform", PLATFORMS[2], "--jobs", "2")
    assert len(found) >= 3  # the command and two readers were all watched
    assert any("onnx" in seen for seen in found.values())
    everything = set().union(*found.values())
    assert not everything & {"torch", "transformers"}
    assert not [event for event in everything if event.startswith("socket.")]


def test_the_command_itself_leaves_onnx_to_its_readers(events):
    found = events(str(EXAMPLES[0]), "--platform", PLATFORMS[0])
    assert [pid for pid, seen in found.items() if {"numpy", "onnx"} <= seen] != []
    assert sum("onnx" in seen for seen in found.values()) == len(found) - 1


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """200 files: variations of NAS-Bench-201 cells and the examples."""
    from ledg_export.zoo import build

    folder = tmp_path_factory.mktemp("many")
    paths = list(EXAMPLES)
    operations = ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none")
    for at in range(200 - len(paths)):
        a, b, c, d = (operations[at // 5**digit % 5] for digit in range(4))
        text = f"|nor_conv_1x1~0|+|{a}~0|{b}~1|+|skip_connect~0|{c}~1|{d}~2|"
        path = folder / f"{at}.onnx"
        path.write_bytes(build(f"nasbench201/{text}").SerializeToString())
        paths.append(path)
    return paths


def printed(models, **options):
    """The JSON of each prediction, as text."""
    with Predictor(**options) as predictor:
        return [json.dumps(to_dict(row)) for row in predictor.predict(models, PLATFORMS)]


def test_a_model_alone_equals_the_model_in_a_batch_of_200_on_one_and_two_threads(many):
    assert len(many) == 200
    together = printed(many, threads=1, jobs=1)
    assert printed(many, threads=2, jobs=2) == together
    count = len(PLATFORMS)
    for at in (0, 1, 17, 101, 199):
        assert printed([many[at]], threads=1) == together[count * at : count * (at + 1)]
        assert printed([many[at]], threads=2) == together[count * at : count * (at + 1)]


def test_order_of_the_batch_changes_no_number(many):
    some = many[:20]
    forward = printed(some)
    backward = printed(some[::-1])
    count = len(PLATFORMS)
    blocks = [backward[at : at + count] for at in range(0, len(backward), count)]
    assert [line for block in reversed(blocks) for line in block] == forward
