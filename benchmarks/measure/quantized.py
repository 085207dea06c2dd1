"""Networks in 8 bits, as ONNX Runtime's own tool makes them: quantize and dequantize nodes about every operator that it knows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static


class _Once(CalibrationDataReader):  # type: ignore[misc]
    """One input: what ranges the values have does not matter for the time."""

    def __init__(self, feed: dict[str, NDArray[Any]]) -> None:
        self._left = [feed]

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return self._left.pop() if self._left else None


@contextmanager
def _quiet() -> Iterator[None]:
    """The tool asks for every network to be simplified by another one first; the runtime does that when it loads it."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def quantized(model: ModelProto, values: Mapping[str, NDArray[Any]], feed: dict[str, NDArray[Any]]) -> bytes:
    """``model`` with weights of ``values`` in signed 8 bits, a scale a channel, and activations in unsigned ones, calibrated on ``feed``.

    Raises:
        ValueError: the network has 2 GB or more.
    """
    whole = ModelProto.FromString(model.SerializeToString())
    for tensor in whole.graph.initializer:
        if tensor.name in values:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name], tensor.name))
    with _quiet(), TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        source.write_bytes(whole.SerializeToString())
        quantize_static(
            source, target, _Once(feed), quant_format=QuantFormat.QDQ, per_channel=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        return target.read_bytes()
