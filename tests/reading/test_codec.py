import json

import pytest

from ledg_rt.graph import Graph, Input, Node, TensorType
from ledg_rt.reading import read_graph
from ledg_rt.reading.codec import graph_from_data, graph_to_data


def round_trip(graph):
    return graph_from_data(json.loads(json.dumps(graph_to_data(graph))))


def test_real_network(light):
    graph = read_graph(light["densenet121"])
    again = round_trip(graph)
    assert again == graph
    assert [node.name for node in again.nodes] == [node.name for node in graph.nodes]
    assert all(node.name for node in graph.nodes)


def test_every_corner_of_a_graph():
    open_type = TensorType("unknown", None)
    partial = TensorType("float16", (None, 2**63 - 1, 0))
    attributes = {
        "int": 1, "float": 1.0, "third": 0.1, "infinite": float("inf"), "text": "a\x1b\n\ufffd", "ints": (1, 2),
        "floats": (1.0,), "texts": ("a", ""), "empty": (),
    }  # fmt: skip
    node = Node(
        "Op", (None, Input(open_type), Input(partial, True)), (partial,), attributes, "some.domain", 10**20
    )
    graph = Graph((node, Node("End", (), ())), ((0, 1),), (open_type,), (partial,), ("unresolved_shape",))
    again = round_trip(graph)
    assert again == graph
    kinds = {name: type(value) for name, value in again.nodes[0].attributes.items()}
    assert kinds == {name: type(value) for name, value in attributes.items()}
    assert type(again.nodes[0].attributes["floats"][0]) is float
    assert hash(again.edges) == hash(graph.edges)


def test_equal_types_are_written_once(light):
    data = graph_to_data(read_graph(light["vgg19"]))
    assert len(data["types"]) == len({json.dumps(entry) for entry in data["types"]}) < 60


def test_damaged_data_is_an_error():
    with pytest.raises(KeyError):
        graph_from_data({"types": []})
