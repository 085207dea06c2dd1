"""Public data sets of measured latencies, one module a source, each yielding ``Sample``s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ledg_export.corpora import (
    hailo,
    mlperf_inference,
    mlperf_offline,
    mlperf_tiny,
    ncnn,
    netspresso,
    opencv_zoo,
    paddle_lite,
    paddleclas,
    qualcomm_aihub,
    rknn,
)
from ledg_export.corpora import help as help_tables
from ledg_export.corpora.sample import Sample

CLASSES_KEPT = 4
"""Of this many isomorphism classes of NAS-Bench-201 (by index) one is read: the others add time, little else."""


def _nasbench201(data: Path, dropped: Counter[str]) -> Iterator[Sample]:
    for sample in help_tables.read_nasbench201(data, dropped):
        if int(sample.isomorphism.rpartition("-")[2]) % CLASSES_KEPT:
            dropped[f"not one class of {CLASSES_KEPT}"] += 1
        else:
            yield sample


SOURCES: Mapping[str, Callable[[Path, Counter[str]], Iterator[Sample]]] = {
    "mlperf_inference": mlperf_inference.read,
    "ncnn": ncnn.read,
    "help": _nasbench201,
    "qualcomm_aihub": qualcomm_aihub.read,
    "netspresso": netspresso.read,
    "paddleclas": paddleclas.read,
    "paddle_lite": paddle_lite.read,
    "opencv_zoo": opencv_zoo.read,
    "hailo": hailo.read,
    "rknn": rknn.read,
    "mlperf_tiny": mlperf_tiny.read,
    "mlperf_offline": mlperf_offline.read,
}
"""Source name -> reader of its folder below the data root; readers count every dropped row by reason."""
