"""Data sets of measured latencies, public ones and our own, one module a source, each yielding ``Sample``s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ledg_export.corpora import (
    accel_nasbench,
    brp_nas,
    hailo,
    hat,
    hw_nas_bench,
    mlperf_inference,
    mlperf_offline,
    mlperf_tiny,
    ncnn,
    netspresso,
    neusight,
    nnlqp,
    oneproxy,
    opencv_zoo,
    paddle_lite,
    paddleclas,
    qualcomm_aihub,
    rknn,
    timm_benchmark,
    zoo_onnxruntime,
)
from ledg_export.corpora import help as help_tables
from ledg_export.corpora.sample import Sample

SOURCES: Mapping[str, Callable[[Path, Counter[str]], Iterator[Sample]]] = {
    "mlperf_inference": mlperf_inference.read,
    "ncnn": ncnn.read,
    "help": help_tables.read_nasbench201,
    "help_fbnet": help_tables.read_fbnet,
    "help_ofa": help_tables.read_ofa,
    "timm_benchmark": timm_benchmark.read,
    "hw_nas_bench": hw_nas_bench.read,
    "oneproxy": oneproxy.read,
    "brp_nas": brp_nas.read,
    "nnlqp": nnlqp.read,
    "accel_nasbench": accel_nasbench.read,
    "qualcomm_aihub": qualcomm_aihub.read,
    "netspresso": netspresso.read,
    "paddleclas": paddleclas.read,
    "paddle_lite": paddle_lite.read,
    "opencv_zoo": opencv_zoo.read,
    "hailo": hailo.read,
    "rknn": rknn.read,
    "mlperf_tiny": mlperf_tiny.read,
    "mlperf_offline": mlperf_offline.read,
    "neusight": neusight.read,
    "hat": hat.read,
    "zoo_onnxruntime": zoo_onnxruntime.read,
}
"""Source name -> reader of its folder below the data root (``zoo_onnxruntime``: of a file of the package); readers count every dropped row by reason."""

WITHOUT_LATENCIES: Mapping[str, str] = {
    "ec_nas": "accuracies of NAS-Bench-101's smaller cells; its time is of an evaluation pass of unknown batches",
    "nasbench201": "accuracies; its strings and classes name the cells of five other sources",
}
"""Folders below the data root that are no source -> why."""

UNTRAINED = ("hat",)
"""Read, but not trained on so far: networks whose layers the table averages."""
