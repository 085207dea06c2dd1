"""Weight-only quantization: what is rounded, how far, and that nothing else is touched."""

import logging
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, numpy_helper, parser

from ledg_export.quantize import BLOCK, quantize_rows, quantize_weights

LOOKUP = """
<ir_version: 8, opset_import: ["" : 18]>
lookup (int64[B, S] ids) => (float[B, S, 32] words, float[B, S, 32] twice) {
  words = Gather (table, ids)
  again = Gather (table, ids)
  twice = Add (words, again)
}
"""
PRODUCT = """
<ir_version: 8, opset_import: ["" : 18]>
product (float[B, 64] x) => (float[B, 48] y, float[B, B] gram) {
  y = MatMul (x, weight)
  transposed = Transpose <perm = [1, 0]> (y)
  gram = MatMul (y, transposed)
}
"""


def with_constant(text: str, name: str, value: np.ndarray) -> ModelProto:
    model = parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(value, name))
    return model


def run(model: ModelProto, **feeds: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def matrix(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(rows, columns)).astype(np.float32)


def test_rows_are_within_half_a_step():
    table = matrix(50, 32) * np.logspace(-6, 6, 50, dtype=np.float32)[:, None]
    codes, scales = quantize_rows(table)
    assert codes.dtype == np.int8
    assert scales.shape == (50, 1)
    assert (np.abs(codes * scales - table) <= scales * 0.5001).all()
    assert (np.abs(codes).max(axis=1) == 127).all()


def test_a_row_of_zeros_stays_zero():
    codes, scales = quantize_rows(np.zeros((1, 4), np.float32))
    assert (codes * scales == 0).all()
    assert np.isfinite(scales).all()


def test_a_lookup_table_becomes_int8_and_reads_as_its_rounded_rows():
    table = matrix(10, 32)
    model = quantize_weights(with_constant(LOOKUP, "table", table))
    codes, scales = quantize_rows(table)
    ids = np.array([[3, 9, 0], [3, 3, 1]])
    words, twice = run(model, ids=ids)
    np.testing.assert_array_equal(words, (codes * scales)[ids])
    np.testing.assert_array_equal(twice, 2 * words)


def test_a_table_read_twice_is_stored_once_and_its_floats_are_gone():
    model = quantize_weights(with_constant(LOOKUP, "table", matrix(10, 32)))
    assert sorted(tensor.name for tensor in model.graph.initializer) == ["table_codes", "table_scales"]


def test_a_table_that_something_else_reads_is_kept():
    table = matrix(10, 32)
    text = LOOKUP.replace("twice) {", "twice, float[32, 10] turned) {\n  turned = Transpose (table)")
    _, _, turned = run(quantize_weights(with_constant(text, "table", table)), ids=np.array([[1, 2]]))
    np.testing.assert_array_equal(turned, table.T)


def test_a_lookup_of_integers_is_left_alone():
    text = LOOKUP.replace("float[B, S, 32]", "int64[B, S, 32]")
    table = np.arange(320).reshape(10, 32)
    model = with_constant(text, "table", table)
    before = model.graph.SerializeToString()
    assert quantize_weights(model).graph.SerializeToString() == before


def test_only_a_product_with_a_constant_is_quantized():
    model = quantize_weights(with_constant(PRODUCT, "weight", matrix(64, 48)))
    assert [node.op_type for node in model.graph.node] == ["MatMulNBits", "Transpose", "MatMul"]
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in model.graph.node[0].attribute}
    # No accuracy_level: other levels round the activations, and not the same way on all CPUs.
    assert attributes == {"K": 64, "N": 48, "bits": 8, "block_size": BLOCK}


def test_a_product_is_within_a_percent_of_float32():
    weight, x = matrix(64, 48), matrix(5, 64)
    y, _ = run(quantize_weights(with_constant(PRODUCT, "weight", weight)), x=x)
    exact = x @ weight
    assert np.linalg.norm(y - exact) < 0.01 * np.linalg.norm(exact)
    assert not np.array_equal(y, exact)


@pytest.mark.parametrize("factor", [1.0, 1e6])
def test_a_row_does_not_feel_the_rows_beside_it(factor):
    model = quantize_weights(with_constant(PRODUCT, "weight", matrix(64, 48)))
    x = matrix(3, 64)
    alone, _ = run(model, x=x[:1])
    x[1:] *= factor
    together, _ = run(model, x=x)
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-6, atol=1e-6)


def test_the_quantizer_does_not_turn_on_everybodys_log_messages():
    # In a process of its own: here pytest has given the root logger handlers, and the import happened.
    script = f"""
import logging
from onnx import numpy_helper, parser
import numpy
from ledg_export.quantize import quantize_weights
model = parser.parse_model({PRODUCT!r})
model.graph.initializer.append(numpy_helper.from_array(numpy.ones((64, 48), numpy.float32), "weight"))
quantize_weights(model)
print(logging.getLogger().level, logging.getLogger().handlers)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{logging.WARNING} []"
    assert done.stderr == ""
