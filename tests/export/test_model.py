import numpy as np
import onnxruntime
import pytest
import torch

from ledg_export.config import LedgConfig
from ledg_export.head import LOG_SPREAD
from ledg_export.model import LedgFormer, together
from ledg_export.onnx_export import export_model
from ledg_export.platform_encoder import MEMORY_SCALE
from ledg_rt.encoding import KEY_LEVELS, NEIGHBOURS, NODE_FEATURES, PLATFORM_FEATURES, RELATIONS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


FIRST = torch.zeros(1, dtype=torch.long)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LedgConfig(
        width=32, layers=3, heads=4, platform_width=32, correction_width=16, known=["a", "b", "c"],
        members=2,
    )  # fmt: skip
    model = LedgFormer(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # layers that start at zero would hide a wrong path
                torch.nn.init.normal_(parameter, std=0.2)
        for member in model.members:
            member.platform_encoder.known.weight[0] = 0  # no name, no memory
    return model


def table(nodes, seed=0):
    rng = np.random.default_rng(seed)
    neighbours = np.full((nodes, len(RELATIONS), NEIGHBOURS), -1, dtype=np.int64)
    neighbours[:, :, 0] = np.arange(nodes)[:, None]
    for node in range(nodes):
        for relation in range(len(RELATIONS)):
            count = min(rng.integers(0, NEIGHBOURS), nodes - 1)
            others = [other for other in range(nodes) if other != node]
            neighbours[node, relation, 1 : 1 + count] = rng.choice(others, count, replace=False)
    return torch.from_numpy(neighbours)


def edges_of(neighbours):
    node, relation, slot = torch.nonzero(neighbours >= 0, as_tuple=True)
    return torch.stack([node, neighbours[node, relation, slot], relation])


def inputs(nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(nodes, 384, generator=generator),
        torch.randn(nodes, NODE_FEATURES, generator=generator),
        torch.rand(nodes, 3, generator=generator),
    )


@torch.no_grad()
def states(model, text, numeric, neighbours, form):
    projected = model.encoder.text(text)
    if form == "edges":
        return model.encoder(projected, numeric, edges=edges_of(neighbours))
    return model.encoder(projected, numeric, neighbours=neighbours)


@torch.no_grad()
def dense_attention(attention, x, neighbours):
    """The formula with a mask [R, N, N], a softmax a row and relation: what both forms have to equal."""
    nodes, width = x.shape
    masks = torch.zeros(len(RELATIONS), nodes, nodes, dtype=torch.bool)
    node, other, relation = edges_of(neighbours)
    masks[relation, node, other] = True
    q, k, v = (
        part.view(nodes, attention.heads, -1).transpose(0, 1) for part in attention.qkv(x).split(width, -1)
    )
    scores = q @ k.transpose(1, 2) / (width // attention.heads) ** 0.5
    weights = attention.mix(x).softmax(-1)
    mixed = sum(
        weights[:, at, None] * scores.masked_fill(~masks[relation], -torch.inf).softmax(-1)
        for at, relation in enumerate(attention.relations)
    )
    return attention.out((mixed @ v).transpose(0, 1).reshape(nodes, width))


@pytest.mark.parametrize("nodes", [1, 2, 40])
def test_both_forms_of_attention_equal_the_dense_formula(model, nodes):
    x = torch.randn(nodes, model.config.width, generator=torch.Generator().manual_seed(1))
    neighbours = table(nodes)
    attention = model.encoder.layers[0].attention
    dense = dense_attention(attention, x, neighbours)
    torch.testing.assert_close(attention.edges(x, edges_of(neighbours)), dense, rtol=0, atol=1e-5)
    torch.testing.assert_close(attention.table(x, neighbours), dense, rtol=0, atol=1e-5)


def test_fewer_relations_read_the_same_edges():
    torch.manual_seed(0)
    model = LedgFormer(LedgConfig(width=32, layers=2, relations=["fathers", "siblings"])).eval()
    text, numeric, _ = inputs(20)
    neighbours = table(20)
    both = [states(model, text, numeric, neighbours, form) for form in ("edges", "table")]
    torch.testing.assert_close(*both, rtol=0, atol=1e-5)


def test_each_relation_carries_information(model):
    text, numeric, _ = inputs(12)
    whole = table(12)
    reference = states(model, text, numeric, whole, "table")
    for relation in range(len(RELATIONS)):
        alone = whole.clone()
        alone[:, relation, 1:] = -1
        assert (states(model, text, numeric, alone, "table") - reference).abs().max() > 1e-3, RELATIONS[
            relation
        ]


@torch.no_grad()
def test_exported_latency_equals_torch(model, tmp_path):
    export_model(model, tmp_path)
    encoder = onnxruntime.InferenceSession(tmp_path / "encoder.onnx")
    head = onnxruntime.InferenceSession(tmp_path / "head.onnx")
    for nodes in (1, 7, 60):
        text, numeric, work = inputs(nodes, seed=nodes)
        neighbours = table(nodes, seed=nodes)
        vectors = torch.randn(2, model.config.platform_width)
        platform_numeric, rates = torch.rand(PLATFORM_FEATURES), torch.randn(nodes)
        encoded = states(model, text, numeric, neighbours, "edges")[None]
        reference = together(
            [
                member.head(
                    encoded, work[None], torch.ones(1, nodes), vectors[[at]], platform_numeric[None], FIRST, FIRST[None], FIRST,
                    rates[None],
                )
                for at, member in enumerate(model.members)
            ]
        )  # fmt: skip
        found = encoder.run(
            None, {"text": text.numpy(), "numeric": numeric.numpy(), "neighbours": neighbours.numpy()}
        )[0]
        log_ms, log_spread, _ = head.run(
            None,
            {
                "states": found, "work": work.numpy(), "platform_vectors": vectors.numpy(),
                "platform_numeric": platform_numeric.numpy(), "rates": rates.numpy(),
            },
        )  # fmt: skip
        np.testing.assert_allclose(np.exp(log_ms), reference["log_ms"].exp().numpy(), rtol=1e-4)
        np.testing.assert_allclose(log_spread, reference["log_spread"].numpy(), atol=1e-4)


@torch.no_grad()
def test_company_and_padding_change_no_prediction(model):
    graphs = [(*inputs(nodes, seed=nodes), table(nodes, seed=nodes)) for nodes in (9, 15)]
    alone = [_forward(model, [graph]) for graph in graphs]
    torch.testing.assert_close(_forward(model, graphs), torch.cat(alone), rtol=1e-5, atol=1e-5)


def _forward(model, graphs):
    return model(**_batch(graphs))["log_ms"]


def _batch(graphs):
    sizes = [len(text) for text, *_ in graphs]
    starts = [sum(sizes[:at]) for at in range(len(sizes))]
    pad = torch.nn.functional.pad
    return {
        "sentence_vectors": torch.cat([text for text, *_ in graphs]), "text": torch.arange(sum(sizes)),
        "numeric": torch.cat([numeric for _, numeric, *_ in graphs]),
        "edges": torch.cat([edges_of(neighbours) + torch.tensor([[start], [start], [0]]) for start, (*_, neighbours) in zip(starts, graphs, strict=True)], 1),
        "work": torch.stack([pad(work, (0, 0, 0, max(sizes) - len(work))) for _, _, work, _ in graphs]),
        "present": torch.stack([(torch.arange(max(sizes)) < size).float() for size in sizes]),
        "platform_text": torch.ones(1, 2, 384), "platform_numeric": torch.ones(1, PLATFORM_FEATURES),
        "platform_keys": torch.zeros(1, KEY_LEVELS, dtype=torch.long),
        "pair_graph": torch.arange(len(graphs)), "pair_platform": torch.zeros(len(graphs), dtype=torch.long),
    }  # fmt: skip


@torch.no_grad()
def test_the_spread_stays_within_bounds_far_from_training(model):
    text, numeric, work = inputs(1)
    for scale in (1e5, -1e5):
        out = model.members[0].head(
            states(model, text, numeric, table(1), "table")[None], work[None], torch.ones(1, 1),
            scale * torch.ones(1, model.config.platform_width), torch.zeros(1, PLATFORM_FEATURES), FIRST, FIRST[None], FIRST,
        )  # fmt: skip
        assert LOG_SPREAD[0] <= out["log_spread"] <= LOG_SPREAD[1]


def test_an_ensemble_says_the_mean_and_is_less_sure_where_its_members_disagree():
    def output(log_ms):
        return {"log_ms": torch.tensor(log_ms), "log_spread": torch.full((2,), -2.0), "log_cost": torch.tensor(log_ms)}  # fmt: skip

    found = together([output([1.0, 1.0]), output([1.0, 3.0])])
    assert found["log_ms"].tolist() == found["log_cost"].tolist() == [1, 2]
    torch.testing.assert_close(
        found["log_spread"].exp(), torch.tensor([0.0, 1.0]) + np.exp(-2), check_dtype=False
    )


@torch.no_grad()
def test_vectors_that_are_given_take_the_place_of_the_platform_encoder(model):
    tensors = _batch([(*inputs(9), table(9))])
    numeric, keys = tensors["platform_numeric"], tensors["platform_keys"]
    own = torch.stack(
        [member.platform_encoder(tensors["platform_text"], numeric, keys) for member in model.members], 1
    )
    expected = model(**tensors)
    given = model(**tensors, vectors=own)
    torch.testing.assert_close(given["log_ms"], expected["log_ms"])
    torch.testing.assert_close(given["log_spread"], expected["log_spread"])
    assert (model(**tensors, vectors=own + 1)["log_ms"] - expected["log_ms"]).abs() > 1e-3


@torch.no_grad()
def test_a_name_adds_its_memory(model):
    encoder = model.members[0].platform_encoder
    words = (torch.randn(1, 2, 384), torch.rand(1, PLATFORM_FEATURES))
    keys = torch.zeros(1, KEY_LEVELS, dtype=torch.long)
    named = keys.clone()
    named[0, :2] = torch.tensor([1, 3])
    added = encoder(*words, named) - encoder(*words, keys)
    torch.testing.assert_close(
        added[0], MEMORY_SCALE * encoder.known.weight[[1, 3]].sum(0), rtol=1e-4, atol=1e-5
    )
