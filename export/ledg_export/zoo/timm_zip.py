"""timm's networks (huggingface/pytorch-image-models), exported ahead into ``$LEDG_GRAPHS/timm.zip``.

Architecture: ``<timm name>@<image size>``, e.g. ``resnet50@224``; the archive holds one weight-less file each.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import onnx
from onnx import ModelProto, numpy_helper

ARCHIVE = "timm.zip"

_MISEXPORTED = "_rope_mixed_"
"""In the name of files that expand their class token to 1x3x3, which a token of 1x1xwidth cannot be."""


def build(arch: str, batch: int) -> ModelProto:
    """The network as exported, for one image.

    Raises:
        ValueError: ``batch`` is not 1, the batch that the files are for, or the archive has no such network.
        FileNotFoundError: ``LEDG_GRAPHS`` is unset, or has no archive.

    """
    if batch != 1:
        raise ValueError(f"the files of {ARCHIVE} are for batch 1, not {batch}")
    archive = _archive()
    try:
        model = onnx.load_from_string(archive.read(f"{arch}.onnx"))
    except KeyError:
        raise ValueError(f"{ARCHIVE} has no {arch}.onnx") from None
    if _MISEXPORTED in arch:
        _keep_class_token(model)
    return model


def _keep_class_token(model: ModelProto) -> None:
    """Put 1x1x1 in place of 1x3x3: timm expands the token by the batch alone."""
    values = [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"]
    for value in values:
        if value.dims == [3] and numpy_helper.to_array(value).tolist() == [1, 3, 3]:
            value.CopyFrom(numpy_helper.from_array(np.ones(3, np.int64)))


def architectures() -> frozenset[str]:
    """Every architecture of the archive; none where it is not there."""
    try:
        return frozenset(name.removesuffix(".onnx") for name in _archive().namelist())
    except FileNotFoundError:
        return frozenset()


def _archive() -> ZipFile:
    root = os.environ.get("LEDG_GRAPHS")
    if not root:
        raise FileNotFoundError(f"timm graphs are read from $LEDG_GRAPHS/{ARCHIVE}: LEDG_GRAPHS is not set")
    return _open(Path(root) / ARCHIVE, os.getpid())


@cache
def _open(path: Path, _process: int) -> ZipFile:
    # Once a process: forked ones would move the position of one shared file.
    return ZipFile(path)
