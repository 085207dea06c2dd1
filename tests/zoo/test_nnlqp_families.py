import pytest

from ledg_export import zoo
from ledg_export.corpora.published import family
from ledg_export.zoo.nnlqp_families import FAMILIES, KERNELS


def digest(graph_id):
    return zoo.build(graph_id).SerializeToString(deterministic=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_gives_one_graph_and_another_seed_another(name):
    assert digest(f"nnlqp_families/{name}-3") == digest(f"nnlqp_families/{name}-3")
    # Two cells may be one graph once their dead ends are gone.
    least = 7 if name == "nasbench201" else 8
    assert len({digest(f"nnlqp_families/{name}-{seed}") for seed in range(8)}) >= least


@pytest.mark.parametrize("name", FAMILIES)
def test_graphs_of_many_seeds_are_valid(count, name):
    for seed in range(0, 50, 7):
        found = count(f"nnlqp_families/{name}-{seed}")
        assert found.outputs == ((1, 1000 if name != "nasbench201" else 10),)
        assert 1e6 < found.macs < 2e11


@pytest.mark.parametrize("name", sorted(set(FAMILIES) - {"nasbench201", "squeezenet"}))
def test_structure_is_that_of_the_published_network(count, name):
    published = {
        "alexnet": "alexnet/224", "efficientnet": "efficientnet/b0", "googlenet": "googlenet/224",
        "mnasnet": "mnasnet/1.0-224", "mobilenet_v2": "mobilenet_v2/1.0-224", "resnet": "resnet/18-224",
        "mobilenet_v3": "mobilenet_v3/large-224-1.0", "vgg": "vgg/16-224",
    }[name]  # fmt: skip
    found, model = count(f"nnlqp_families/{name}-1"), count(published)

    def layers(graph):
        spatial = [
            item.ints[0]
            for node in graph.model.graph.node
            for item in node.attribute
            if node.op_type == "Conv" and item.name == "kernel_shape" and item.ints[0] > 1
        ]
        return len(spatial), graph.operators.count("Add")

    assert layers(found) == layers(model)


def test_kernels_and_widths_vary_between_layers():
    kernels, widths = set(), set()
    graph = zoo.build("nnlqp_families/vgg-0").graph
    shapes = {item.name: item.dims for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv":
            kernels.add(shapes[node.input[1]][2])
            widths.add(shapes[node.input[1]][0])
    assert kernels == set(KERNELS)
    assert len(widths) > 6


def test_a_family_is_that_of_its_published_network():
    assert [family(f"nnlqp_families/{name}-12") for name in FAMILIES] == list(FAMILIES)


@pytest.mark.parametrize("arch", ["resnet", "resnet-", "resnet--1", "lenet-3", "resnet-a"])
def test_other_architectures_are_errors(arch):
    with pytest.raises(ValueError, match="want <family>-<seed>"):
        zoo.build(f"nnlqp_families/{arch}")
