"""Golden encodings, and golden latencies of the reference implementation that the shipped bundle has to reproduce.

`tests/golden/encodings.json` holds what the examples encode to; it changes only together with
`ledg_rt.encoding.FORMAT`. The latencies are in the bundle's manifest, computed by the edge form in torch.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import ledg_rt
from ledg_rt import Predictor
from ledg_rt.encoding import FORMAT, QUANTITIES, TRAITS, encode_graph, encode_platform
from ledg_rt.platforms import resolve
from ledg_rt.reading import read_graph

TOP = Path(__file__).parents[1]
GOLDEN = json.loads((TOP / "tests" / "golden" / "encodings.json").read_text())
MANIFEST = json.loads((Path(ledg_rt.__file__).parent / "bundle" / "manifest.json").read_text())


def summary(encoding):
    """The parts of an encoding that must not drift: exact for integers, to six digits for the rest."""
    structure = encoding.text.astype("<i4").tobytes() + encoding.neighbours.astype("<i4").tobytes()
    return {
        "sentences": list(encoding.sentences),
        "structure": hashlib.sha256(structure).hexdigest(),
        "quantities": {name: float(encoding.quantities[:, at].sum()) for at, name in enumerate(QUANTITIES)},
        "traits": {name: round(float(encoding.traits[:, at].sum()), 3) for at, name in enumerate(TRAITS)},
        "cut": encoding.cut,
        "batch": encoding.batch,
    }


def test_golden_encodings_are_of_this_format():
    assert GOLDEN["format"] == FORMAT == MANIFEST["encoding_format"]


@pytest.mark.parametrize("name", sorted(GOLDEN["graphs"]))
def test_example_encodes_to_its_golden_values(name):
    found = summary(encode_graph(read_graph(TOP / "examples" / name)))
    golden = GOLDEN["graphs"][name]
    assert found["quantities"] == pytest.approx(golden["quantities"], rel=1e-9)
    assert found["traits"] == pytest.approx(golden["traits"], abs=2e-3)
    for part in ("sentences", "structure", "cut", "batch"):
        assert found[part] == golden[part], part


def test_golden_edges_of_a_residual_block():
    # Stem (conv, relu, pool), then conv, relu, conv, add with the pool's output, relu: the file's own edges.
    graph = read_graph(TOP / "examples" / "resnet18.onnx")
    assert [node.op for node in graph.nodes[:8]] == [
        "Conv",
        "Relu",
        "MaxPool",
        "Conv",
        "Relu",
        "Conv",
        "Add",
        "Relu",
    ]
    assert [edge for edge in graph.edges if edge[1] < 8] == [
        (0, 1),
        (1, 2),
        (2, 3),
        (2, 6),
        (3, 4),
        (4, 5),
        (5, 6),
        (6, 7),
    ]


@pytest.mark.parametrize("name", sorted(GOLDEN["platforms"]))
def test_platform_encodes_to_its_golden_values(name):
    found = encode_platform(resolve(name))
    assert list(found.sentences) == GOLDEN["platforms"][name]["sentences"]
    np.testing.assert_allclose(found.numeric, GOLDEN["platforms"][name]["numeric"], atol=1e-5)


def test_shipped_bundle_reproduces_the_reference_latencies(tmp_path):
    zoo = pytest.importorskip("ledg_export.zoo")
    assert len(MANIFEST["golden"]) >= 20
    cases = {}
    for row in MANIFEST["golden"]:
        cases.setdefault((row["graph_id"], row["batch"]), []).append(row)
    with Predictor() as predictor:
        for at, ((graph_id, batch), rows) in enumerate(cases.items()):
            path = tmp_path / f"{at}.onnx"
            path.write_bytes(zoo.build(graph_id, batch).SerializeToString())
            found = predictor.predict([path], [row["platform"] for row in rows])
            for row, golden in zip(found, rows, strict=True):
                assert row.latency_ms.p50 == pytest.approx(golden["latency_ms"], rel=1e-4), (
                    graph_id,
                    golden["platform"],
                )
