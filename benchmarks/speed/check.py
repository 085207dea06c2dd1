"""How long a whole `ledg check` of 20 models on 3 platforms takes; the promise is under 3 seconds on 2 cores.

    python -m benchmarks.speed.check [--runs 9]

The models are published architectures of the zoo, without weights. Each run is a process of its own,
with nothing cached but what the operating system keeps of files. Prints the median and the slowest run.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ledg_export.zoo import build

COMMAND = [sys.executable, "-c", "from ledg_cli.main import main; main()", "check", "--exit-zero"]
MODELS = (
    "alexnet/224", "bert/base-128", "bert/large-384", "densenet/121-224", "efficientnet_lite/0", "efficientnet_lite/4",
    "googlenet/224", "mlperf_tiny/kws", "mnasnet/1.0-224", "mobilenet_v1/1.0-224", "mobilenet_v2/1.0-224",
    "mobilenet_v3/large-224-1.0", "mobilenet_v3/small-224-1.0", "resnet/18-224", "resnet/50-224", "retinanet/800",
    "shufflenet_v2/1.0-224", "squeezenet/1.1-224", "ssd_mobilenet_v1/300", "vgg/16-224",
)  # fmt: skip
PLATFORMS = (
    "nvidia-t4/tensorrt/fp16",
    "raspberry-pi-4/tflite/fp32",
    "phone with an octa core Arm CPU at 2.8 GHz, 30 GB/s, fp32, tflite, 4 threads",
)


def main() -> None:
    """Write the models and a budget for each platform, time, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        nodes = []
        for at, name in enumerate(MODELS):
            model = build(name)
            nodes.append(len(model.graph.node))
            (folder / f"{at}.onnx").write_bytes(model.SerializeToString())
        (folder / "ledg.toml").write_text(configuration())
        check(folder)  # files into the cache
        seconds = [check(folder) for _ in range(runs)]
    print(f"{len(MODELS)} models of {min(nodes)} to {max(nodes)} nodes on {len(PLATFORMS)} platforms")
    print(f"median of {runs} runs: {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s")


def configuration() -> str:
    """A ledg.toml with a budget for each platform."""
    return "\n".join(
        f"[platform.p{at}]\ntext = '{text}'\n[[budget]]\nname = 'b{at}'\nmodels = ['*.onnx']\n"
        f"platform = 'p{at}'\nlimit = '1 s'\nmax_increase = '5%'\n"
        for at, text in enumerate(PLATFORMS)
    )


def check(folder: Path) -> float:
    """Seconds of one check."""
    start = time.perf_counter()
    subprocess.run(COMMAND, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
