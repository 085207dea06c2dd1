"""8-bit weight-only quantization of the text embedder.

Only weights are rounded; activations stay float32. So a text's vector depends neither on the texts
beside it nor on the integer instructions of the CPU, which dynamic int8 quantization does on both counts.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

BLOCK = 32
"""Weights of one column that share a scale."""


def quantize_weights(model: ModelProto) -> ModelProto:
    """Quantize the constant matrices of ``model`` in place and return it.

    Lookup tables (``Gather`` over a constant float32 matrix) become int8 rows with a scale each; the
    weights of ``MatMul`` become 8-bit symmetric blocks of ``BLOCK`` (``com.microsoft.MatMulNBits`` at its
    default accuracy level, which computes in float32).
    """
    _quantize_tables(model)
    return _quantize_matmuls(model)


def quantize_rows(table: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Symmetric int8 with a scale per row: float32 [rows, width] -> int8 [rows, width], float32 [rows, 1].

    ``codes * scales`` is at most half a scale away from ``table``; a row of zeros has scale 1.
    """
    peaks = np.abs(table).max(axis=1, keepdims=True)
    scales = np.where(peaks > 0, peaks / 127, 1).astype(np.float32)
    return np.rint(table / scales).astype(np.int8), scales


def _quantize_matmuls(model: ModelProto) -> ModelProto:
    # Importing the quantizer sends everybody's INFO messages to stderr, unless the root logger has a handler.
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    from onnxruntime.quantization import matmul_nbits_quantizer

    root.removeHandler(handler)
    config: Any = matmul_nbits_quantizer.DefaultWeightOnlyQuantConfig(
        block_size=BLOCK, is_symmetric=True, bits=8, op_types_to_quantize=("MatMul",)
    )
    quantizer = matmul_nbits_quantizer.MatMulNBitsQuantizer(model, algo_config=config)
    quantizer.process()
    quantized: ModelProto = quantizer.model.model
    return quantized


def _quantize_tables(model: ModelProto) -> None:
    tables = {tensor.name: tensor for tensor in model.graph.initializer if _is_matrix(tensor)}
    nodes: list[NodeProto] = []
    done: set[str] = set()
    for node in model.graph.node:
        if node.op_type != "Gather" or node.input[0] not in tables:
            nodes.append(node)
            continue
        table = tables[node.input[0]]
        if table.name not in done:
            codes, scales = quantize_rows(numpy_helper.to_array(table))
            model.graph.initializer.append(numpy_helper.from_array(codes, f"{table.name}_codes"))
            model.graph.initializer.append(numpy_helper.from_array(scales, f"{table.name}_scales"))
            done.add(table.name)
        nodes.extend(_dequantized_gather(node, table.name))
    read = {name for node in nodes for name in node.input}
    for name in sorted(done - read):
        model.graph.initializer.remove(tables[name])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)


def _is_matrix(tensor: TensorProto) -> bool:
    return len(tensor.dims) == 2 and tensor.data_type == TensorProto.FLOAT


def _dequantized_gather(gather: NodeProto, table: str) -> list[NodeProto]:
    """Look up codes and scales apart and multiply: only the rows that are read get dequantized."""
    out = gather.output[0]
    return [
        helper.make_node("Gather", [f"{table}_codes", gather.input[1]], [f"{out}_codes"], axis=0),
        helper.make_node("Gather", [f"{table}_scales", gather.input[1]], [f"{out}_scales"], axis=0),
        helper.make_node("Cast", [f"{out}_codes"], [f"{out}_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}_float", f"{out}_scales"], [out]),
    ]
