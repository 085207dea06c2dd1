from math import prod

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


@pytest.mark.parametrize(
    ("name", "parameters", "gmacs"),
    # torchvision's table of weights (num_params, GFLOPS of multiply-adds), EfficientNet-B0 included.
    [
        ("alexnet", 61_100_840, 0.714),
        ("efficientnet", 5_288_548, 0.386),
        ("googlenet", 6_624_904, 1.498),
        ("mnasnet", 4_383_312, 0.314),
        ("mobilenet_v2", 3_504_872, 0.301),
        ("resnet", 11_689_512, 1.814),
        ("vgg", 138_357_544, 15.47),
    ],
)
def test_what_is_drawn_around_is_the_published_network(count, name, parameters, gmacs):
    """AlexNet's first convolution is padded by 5, torchvision's by 2: maps of 56 instead of 55, .3 % more in all."""
    found = count(f"nnlqp_families/{name}-published")
    normalized = name not in ("alexnet", "vgg")
    assert found.parameters + normalized * found.folded == parameters
    assert found.macs / 1e9 == pytest.approx(gmacs, rel=0.005)


def test_mobilenet_v3_is_published_but_for_its_hidden_layer(count):
    """torchvision's large one: 5,483,032 parameters, 217 M multiply-adds; here the classes follow the mean directly."""
    found = count("nnlqp_families/mobilenet_v3-published")
    hidden = (960 + 1) * 1280 + (1280 + 1) * 1000 - (960 + 1) * 1000
    assert found.parameters + found.folded + hidden == 5_483_032
    assert round((found.macs + 960 * 1280 + 1280 * 1000 - 960 * 1000) / 1e6) == 217


def test_squeezenet_is_version_1_1_with_padded_maps_and_the_classes_after_the_mean(count):
    """torchvision's: 1,235,496 parameters, .349 G multiply-adds, on maps that its stem without padding gives."""
    found = count("nnlqp_families/squeezenet-published")
    assert found.parameters == 1_235_496
    edges = {112: 111, 56: 55, 28: 27, 14: 13}  # here: there
    shapes = {item.name: item.dims for item in found.model.graph.initializer}
    convolutions = [node for node in found.model.graph.node if node.op_type == "Conv"]
    macs = sum(
        edges[found.shapes[node.output[0]][2]] ** 2 * prod(shapes[node.input[1]]) for node in convolutions
    )
    assert round((macs + 13**2 * 512 * 1000) / 1e9, 3) == 0.349


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


@pytest.mark.parametrize(
    "arch", ["resnet", "resnet-", "resnet--1", "lenet-3", "resnet-a", "nasbench201-published"]
)
def test_other_architectures_are_errors(arch):
    with pytest.raises(ValueError, match="want <family>-<seed>"):
        zoo.build(f"nnlqp_families/{arch}")
