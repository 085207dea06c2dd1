import numpy as np
import pytest

from ledg_export import zoo
from ledg_export.graph_store import GraphStore, Part
from ledg_rt import encoding
from ledg_rt.encoding import encode_graph
from ledg_rt.reading import read_graph

IDS = ("mobilenet_v2/0.35-96", "shufflenet_v2/0.5-224", "squeezenet/1.1-224")


@pytest.fixture(scope="module")
def graphs():
    return {name: encode_graph(read_graph(zoo.build(name).SerializeToString())) for name in IDS}


@pytest.fixture
def store(graphs, tmp_path):
    first, *others = graphs
    Part.of({first: graphs[first]}).write(tmp_path / "a.npz")
    Part.of({name: graphs[name] for name in others}).write(tmp_path / "b.npz")
    return GraphStore(part for name in "ab" if (part := Part.read(tmp_path / f"{name}.npz")))


def test_encodings_come_back_as_they_were(store, graphs):
    assert list(store) == list(graphs)
    for name, graph in graphs.items():
        found = store[name]
        assert (found.sentences, found.cut, found.batch) == (graph.sentences, graph.cut, graph.batch)
        for field in ("text", "quantities", "traits", "neighbours"):
            left, right = getattr(found, field), getattr(graph, field)
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)


def test_sizes_and_sentences_are_those_of_the_encodings(store, graphs):
    for name, graph in graphs.items():
        assert store.size(name) == len(graph.text)
        assert store.sentences([name]) == set(graph.sentences)
    assert store.sentences(graphs) == {sentence for graph in graphs.values() for sentence in graph.sentences}


def test_digests_tell_graphs_apart_and_know_a_copy(store, graphs):
    assert len({store.digest(name) for name in graphs}) == len(graphs)
    copy = GraphStore.of({"copy": graphs[IDS[0]]})
    assert copy.digest("copy") == store.digest(IDS[0])


def test_a_repeated_network_adds_no_node(graphs):
    once = Part.of({"a": graphs[IDS[0]]})
    twice = Part.of({"a": graphs[IDS[0]], "b": graphs[IDS[0]]})
    assert len(twice.text) == len(once.text)
    assert len(twice.kinds) == 2 * len(once.kinds)


def test_a_part_of_an_older_format_is_not_read(graphs, tmp_path, monkeypatch):
    monkeypatch.setattr("ledg_export.graph_store.FORMAT", encoding.FORMAT - 1)
    Part.of(graphs).write(tmp_path / "a.npz")
    monkeypatch.undo()
    assert Part.read(tmp_path / "a.npz") is None
