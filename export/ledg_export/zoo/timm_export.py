"""Exports timm's networks into the archive that ``timm_zip`` reads: one weight-less file each, for one image.

What makes the files small and equal from run to run: tensors of more than ``KEPT_BYTES`` lose their data, random
initializations are seeded, and entries are sorted and carry no date. Batch normalization is folded, as PyTorch's
tracing exporter does in evaluation mode; attention is written out, since fused attention is no operator of opset 17.
``export`` needs the extra ``zoo``, the rest PyTorch alone.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import onnx
import torch
from onnx import ModelProto, TensorProto
from torch import nn
from tqdm import tqdm

OPSET = 17
KEPT_BYTES = 1024
"""Size of the largest tensor that keeps its data: what shapes, scales and short tables need to be resolved."""

Export = Callable[[str], ModelProto]


def architectures() -> tuple[str, ...]:
    """``<name>@<image size>`` of every network of the installed timm, at the size that it is tested at."""
    import timm

    sizes: Mapping[str, int] = {name: _tested_size(name) for name in timm.list_models()}
    return tuple(f"{name}@{size}" for name, size in sizes.items())


def export(arch: str) -> ModelProto:
    """The network ``<name>@<image size>`` of the installed timm.

    Raises:
        ValueError: timm has no such network, or ``arch`` is not of that form.
        Exception: whatever PyTorch raises on a network that it cannot trace.

    """
    import timm

    name, _, size = arch.partition("@")
    if not size.isdecimal() or not timm.is_model(name):
        raise ValueError(f"want <a network of timm>@<image size>, not {arch!r}")
    timm.layers.set_fused_attn(False)
    torch.manual_seed(0)
    config = timm.get_pretrained_cfg(name, allow_unregistered=True).to_dict()
    built_for = config["input_size"][-1]
    options = {"img_size": int(size)} if config.get("fixed_input_size") and built_for != int(size) else {}
    module = timm.create_model(name, pretrained=False, exportable=True, **options)
    return weightless(module, (config["input_size"][0], int(size), int(size)))


def weightless(module: nn.Module, shape: tuple[int, ...]) -> ModelProto:
    """``module`` in evaluation mode on one input of ``shape`` (without the batch), without its larger weights."""
    with tempfile.TemporaryDirectory() as folder, torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter is deprecated, but folds normalization and keeps the names of modules.
        warnings.simplefilter("ignore")
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            module.eval(), (torch.zeros(1, *shape),), str(path), dynamo=False, opset_version=OPSET,
            input_names=["input"], output_names=["output"],
        )  # fmt: skip
        model = onnx.load(
            str(path), load_external_data=False
        )  # of more than 2 GB: weights in files beside it
    for tensor in model.graph.initializer:
        _drop_data(tensor)
    return model


def write(archive: Path, archs: Iterable[str], export: Export = export) -> dict[str, str]:
    """Add the networks that the archive does not have; returns the reason for each that could not be exported.

    An interrupted run goes on: what it has exported waits in a folder beside the archive until it is complete.
    """
    parts = archive.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    there = _entries(archive)
    failed: dict[str, str] = {}
    for arch in tqdm(archs, desc="networks", disable=None):
        name = f"{arch}.onnx"
        if name in there or (parts / name).exists():
            continue
        try:
            data = export(arch).SerializeToString(deterministic=True)
        except Exception as error:
            # One network in a thousand may not trace; the others go on.
            failed[arch] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            continue
        temporary = parts / f"{name}.tmp"
        temporary.write_bytes(data)
        temporary.replace(parts / name)
    there |= {path.name: path.read_bytes() for path in parts.glob("*.onnx")}
    _write_entries(archive, there)
    shutil.rmtree(parts)
    return failed


def _tested_size(name: str) -> int:
    import timm

    config = timm.get_pretrained_cfg(name, allow_unregistered=True).to_dict()
    size: int = (config.get("test_input_size") or config["input_size"])[-1]
    return size


def _drop_data(tensor: TensorProto) -> None:
    """Take the data of a tensor of more than ``KEPT_BYTES``; name, type and dimensions stay."""
    values = 1
    for size in tensor.dims:
        values *= size
    width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if values * width > KEPT_BYTES:
        kept = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        tensor.CopyFrom(kept)


def _entries(archive: Path) -> dict[str, bytes]:
    if not archive.exists():
        return {}
    with ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def _write_entries(archive: Path, entries: Mapping[str, bytes]) -> None:
    temporary = archive.with_suffix(".tmp")
    with ZipFile(temporary, "w", ZIP_DEFLATED) as file:
        for name in sorted(entries):
            file.writestr(ZipInfo(name), entries[name], ZIP_DEFLATED)  # a ZipInfo has the date 1980-01-01
    temporary.replace(archive)
