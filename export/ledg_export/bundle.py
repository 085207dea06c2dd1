"""A trained model to a bundle folder: ONNX files, sentence table, manifest with digests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ledg_export.batches import LatencyData, Visit, predict
from ledg_export.corpus import OPERATORS
from ledg_export.model import LedgFormer
from ledg_export.onnx_export import export_model
from ledg_export.packing import Vocabulary
from ledg_export.zoo import FROM_FILES, build, family_of
from ledg_rt.bundles import FORMAT, KIN, KNOWN, MANIFEST, RATES, REQUIRED, digest_of
from ledg_rt.embedding import save_table
from ledg_rt.encoding import FORMAT as ENCODING_FORMAT
from ledg_rt.encoding import QUANTITIES, encode_graph, rebatch
from ledg_rt.errors import LedgError
from ledg_rt.reading import read_graph

GOLDEN_STEP = 7
"""One in so many pairs of the chosen graphs and their platforms is kept as golden."""


PACKAGES = ("torch", "transformers", "optimum", "onnx", "onnxruntime", "numpy")


def write_bundle(
    folder: Path, name: str, model: LedgFormer, vocabulary: Vocabulary, data: LatencyData,
    interval: Mapping[str, Mapping[str, float]], training: Mapping[str, Any],
) -> None:  # fmt: skip
    """Export ``model`` beside the embedder that is already in ``folder`` and write the manifest.

    Raises:
        LedgError: the model has not been through both phases of training; nothing was written.

    Args:
        folder: holds ``embedder.onnx`` and ``tokenizer.json`` (``ledg-export embedder``).
        name: of the bundle, e.g. ``ledg-2026.11``.
        model: as training returned it.
        vocabulary: its sentence vectors.
        data: what it was trained on; its devices and ranges go into the manifest.
        interval: factor on the predicted spread for p10 and p90, by evidence and kind of device.
        training: sources, sizes, minutes and metrics, for people.
    """
    if model.kin is None:
        raise LedgError(
            "no_run", f"{name}: the model knows no platforms", "train both phases: give --head-minutes"
        )
    export_model(model, folder)
    sentences = sorted(vocabulary.index)
    vectors = vocabulary.vectors.numpy()[[vocabulary.index[sentence] for sentence in sentences]]
    save_table(folder / "sentences.npz", sentences, vectors)
    (folder / KNOWN).write_text(json.dumps(model.config.known, indent=0) + "\n", encoding="utf-8")
    model.kin.save(folder / KIN)
    model.rates.save(folder / RATES)
    graphs = [data.graphs[visit.graph_id] for visit in data.visits]
    flops = [
        float(graph.quantities[:, QUANTITIES.index("flops")].sum()) * visit.batch
        for graph, visit in zip(graphs, data.visits, strict=True)
    ]
    manifest = {
        "format": FORMAT, "name": name, "encoding_format": ENCODING_FORMAT, "template": model.config.template,
        "devices": sorted({platform.split("/")[0] for platform in data.platform_ids}),
        "interval": dict(interval),
        "ranges": {
            "flops": [min(flops), max(flops)],
            "nodes": [1, int(max(len(graph.text) for graph in graphs))],
            "batch": [1, int(max(visit.batch for visit in data.visits))],
        },
        "parameters": int(sum(np.prod(tensor.shape) for tensor in shipped_parameters(model))),
        "versions": {package: version(package) for package in PACKAGES},
        "training": dict(training),
        "golden": golden(model, vocabulary, data),
        "files": {name: digest_of(folder / name) for name in REQUIRED},
    }  # fmt: skip
    temporary = folder / f"{MANIFEST}.tmp"
    temporary.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(folder / MANIFEST)


def shipped_parameters(model: LedgFormer) -> Iterator[Tensor]:
    """Of the encoder and the heads: platform encoders serve training alone."""
    yield from model.encoder.parameters()
    for member in model.members:
        yield from member.head.parameters()


def golden(model: LedgFormer, vocabulary: Vocabulary, data: LatencyData) -> list[dict[str, Any]]:
    """Latencies in the reference implementation (torch, edge form) that every runtime has to reproduce.

    Graph ids are zoo recipes that need no data files; one visit of each family and batch size, one in all of single operators.
    Left out are batch sizes that ``rebatch`` makes another network of than the zoo does: tables of positions do not grow with the batch.
    """
    chosen: dict[tuple[str, int], Visit] = {}
    for visit in data.visits:
        family = family_of(visit.graph_id)
        if family not in FROM_FILES:
            chosen.setdefault((family, 0 if family == OPERATORS else visit.batch), visit)
    part = LatencyData.of([visit for visit in chosen.values() if _is_as_built(visit, data)], data)
    log_ms = predict(model, vocabulary, part)[:, 0]
    pairs = [(visit, platform) for visit in part.visits for platform in visit.platforms]
    return [
        {
            "graph_id": visit.graph_id, "batch": visit.batch, "platform": data.platform_ids[platform],
            "latency_ms": math.exp(value),
        }
        for at, ((visit, platform), value) in enumerate(zip(pairs, log_ms, strict=True))
        if at % GOLDEN_STEP == 0
    ]  # fmt: skip


def _is_as_built(visit: Visit, data: LatencyData) -> bool:
    """Whether the graph that training saw is that of a file with the batch size of ``visit``."""
    seen = rebatch(data.graphs[visit.graph_id], visit.batch)
    built = encode_graph(read_graph(build(visit.graph_id, visit.batch).SerializeToString()))
    return np.array_equal(seen.neighbours, built.neighbours) and np.allclose(
        seen.quantities, built.quantities
    )
