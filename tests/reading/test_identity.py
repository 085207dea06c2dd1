import random
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper

from ledg_rt.graph import Graph
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256


def shuffled(path, seed):
    """The same network with nodes in another order and other names."""
    model = onnx.load(path)
    nodes = list(model.graph.node)
    random.Random(seed).shuffle(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    values = {name for node in nodes for name in (*node.input, *node.output)}
    renamed = {name: f"v{at}" for at, name in enumerate(sorted(values, key=hash))}
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [renamed[name] for name in node.input]
        node.output[:] = [renamed[name] for name in node.output]
    for info in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        info.name = renamed.get(info.name, info.name)
    return model.SerializeToString()


def test_node_order_and_names_change_nothing(light):
    for name in ("inception_v1", "shufflenet"):
        expected = graph_sha256(read_graph(light[name]))
        assert {graph_sha256(read_graph(shuffled(light[name], seed))) for seed in range(3)} == {expected}


def test_networks_differ(light):
    assert len({graph_sha256(read_graph(path)) for path in light.values()}) == len(light)


def test_every_part_counts(light):
    graph = read_graph(light["squeezenet"])
    node = graph.nodes[5]
    others = [
        replace(node, op="Other"),
        replace(node, attributes={**node.attributes, "extra": 1}),
        replace(node, repeats=2),
        replace(node, domain="other"),
        replace(node, outputs=()),
        replace(node, inputs=(*node.inputs, None)),
    ]
    variants = [replace(graph, nodes=(*graph.nodes[:5], other, *graph.nodes[6:])) for other in others]
    variants += [replace(graph, inputs=()), replace(graph, edges=graph.edges[1:]), Graph((), ())]
    hashes = {graph_sha256(variant) for variant in (graph, *variants)}
    assert len(hashes) == len(variants) + 1


def test_wiring_counts_where_the_nodes_are_the_same(make):
    def chain(order):
        nodes = [helper.make_node(op, [f"v{at}"], [f"v{at + 1}"]) for at, op in enumerate(order)]
        return graph_sha256(
            read_graph(make(nodes, {"v0": [4]}, outputs=[f"v{len(order)}"]).SerializeToString())
        )

    assert chain(["Relu", "Exp", "Relu", "Abs"]) != chain(["Relu", "Relu", "Exp", "Abs"])


def test_weights_do_not_count_but_their_shape_does(make):
    def network(weight):
        node = helper.make_node("Add", ["x", "w"], ["y"])
        return graph_sha256(read_graph(make([node], {"x": [4]}, constants={"w": weight}).SerializeToString()))

    assert network(np.zeros(4, np.float32)) == network(np.ones(4, np.float32)) == network([4])
    assert network([4]) != network([1])
