"""What inline weights cost: ResNet50 with 98 MB of them against the same file without.

    python -m benchmarks.speed.weights [--runs 9]

Whole `ledg predict` processes, both files in turn; prints the median seconds, the ratio pair by pair, and
the peak of the memory of the command and its reader together (sum of resident sizes, sampled).
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

from ledg_export.zoo import build

COMMAND = [sys.executable, "-c", "from ledg_cli.main import main; main()", "predict"]


def main() -> None:
    """Write both files, time, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    folder = Path(tempfile.mkdtemp())
    try:
        light, heavy = folder / "light.onnx", folder / "heavy.onnx"
        model = build("resnet/50-224")
        light.write_bytes(model.SerializeToString())
        heavy.write_bytes(filled(model).SerializeToString())
        for path in (light, heavy):
            run(path)
        pairs = [(run(light), run(heavy)) for _ in range(runs)]
    finally:
        shutil.rmtree(folder)
    for name, at in (("without weights", 0), ("98 MB inline", 1)):
        seconds, memory = (statistics.median(pair[at][part] for pair in pairs) for part in (0, 1))
        print(f"{name}: {seconds:.3f} s, peak {memory:.0f} MB")
    print(f"ratio, median of {runs} pairs: {statistics.median(b[0] / a[0] for a, b in pairs):.3f}")


def filled(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose float initializers hold random data."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    rng = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.raw_data = rng.standard_normal(tuple(tensor.dims), dtype=np.float32).tobytes()
    return model


def run(path: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of one prediction."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, str(path), "--platform", "nvidia-t4/tensorrt/fp16"], stdout=subprocess.DEVNULL
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_megabytes(process.pid))
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"ledg predict failed with {process.returncode}")
    return time.perf_counter() - start, peak


def tree_megabytes(pid: int) -> float:
    """Resident memory of a process and its children, from /proc."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if pid in (int(fields["Pid"]), int(fields["PPid"])) and "VmRSS" in fields:
            total += int(fields["VmRSS"].split()[0]) / 1024
    return total


if __name__ == "__main__":
    main()
