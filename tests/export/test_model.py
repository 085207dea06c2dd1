import numpy as np
import onnxruntime
import pytest
import torch

from ledg_export.model import LedgConfig, LedgFormer
from ledg_export.onnx_export import export_model
from ledg_rt.encoding import NEIGHBOURS, NODE_FEATURES, PLATFORM_FEATURES, RELATIONS

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = LedgFormer(LedgConfig(width=32, layers=3, heads=4, platform_width=32, correction_width=16)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # layers that start at zero would hide a wrong path
                torch.nn.init.normal_(parameter, std=0.2)
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


def masks_of(neighbours):
    nodes = len(neighbours)
    masks = torch.zeros(1, len(RELATIONS), nodes, nodes, dtype=torch.bool)
    node, relation, slot = torch.nonzero(neighbours >= 0, as_tuple=True)
    masks[0, relation, node, neighbours[node, relation, slot]] = True
    return masks


def inputs(nodes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(nodes, 384, generator=generator),
        torch.randn(nodes, NODE_FEATURES, generator=generator),
        torch.rand(nodes, 3, generator=generator),
    )


@torch.no_grad()
def states(model, text, numeric, neighbours, dense):
    projected = model.encoder.text(text)
    if dense:
        return model.encoder(projected[None], numeric[None], masks=masks_of(neighbours))[0]
    return model.encoder(projected, numeric, neighbours=neighbours)


@pytest.mark.parametrize("nodes", [1, 2, 40])
def test_dense_masks_equal_neighbour_table(model, nodes):
    text, numeric, _ = inputs(nodes)
    neighbours = table(nodes)
    dense = states(model, text, numeric, neighbours, dense=True)
    sparse = states(model, text, numeric, neighbours, dense=False)
    torch.testing.assert_close(dense, sparse, rtol=0, atol=1e-5)


def test_each_relation_carries_information(model):
    text, numeric, _ = inputs(12)
    whole = table(12)
    reference = states(model, text, numeric, whole, dense=False)
    for relation in range(len(RELATIONS)):
        alone = whole.clone()
        alone[:, relation, 1:] = -1
        assert (states(model, text, numeric, alone, dense=False) - reference).abs().max() > 1e-3, RELATIONS[
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
        platform_text, platform_numeric = torch.randn(2, 384), torch.rand(PLATFORM_FEATURES)
        reference = model.head(
            states(model, text, numeric, neighbours, dense=True)[None], work[None], torch.ones(1, nodes),
            model.platform_encoder(platform_text[None], platform_numeric[None]), platform_numeric[None],
        )  # fmt: skip
        found = encoder.run(
            None, {"text": text.numpy(), "numeric": numeric.numpy(), "neighbours": neighbours.numpy()}
        )[0]
        log_ms, log_spread, _ = head.run(
            None, {"states": found, "work": work.numpy(), "platform_text": platform_text.numpy(), "platform_numeric": platform_numeric.numpy()}
        )  # fmt: skip
        np.testing.assert_allclose(np.exp(log_ms), reference["log_ms"].exp().numpy(), rtol=1e-4)
        np.testing.assert_allclose(log_spread, reference["log_spread"].numpy(), atol=1e-4)


@torch.no_grad()
def test_padding_changes_no_prediction(model):
    text, numeric, work = inputs(9)
    neighbours = table(9)
    small = _forward(model, text, numeric, work, masks_of(neighbours), 9)
    padded = 15
    masks = torch.zeros(1, len(RELATIONS), padded, padded, dtype=torch.bool)
    masks[:, :, torch.arange(padded), torch.arange(padded)] = True
    masks[:, :, :9, :9] = masks_of(neighbours)
    pad = torch.nn.functional.pad
    large = _forward(
        model, pad(text, (0, 0, 0, 6)), pad(numeric, (0, 0, 0, 6)), pad(work, (0, 0, 0, 6)), masks, 9
    )
    torch.testing.assert_close(small, large, rtol=1e-5, atol=1e-5)


def _forward(model, text, numeric, work, masks, real):
    present = (torch.arange(len(text)) < real).float()[None]
    out = model(
        sentence_vectors=text, text=torch.arange(len(text))[None], numeric=numeric[None], masks=masks, work=work[None],
        present=present, platform_text=torch.ones(1, 2, 384), platform_numeric=torch.ones(1, PLATFORM_FEATURES),
        pair_graph=torch.zeros(1, dtype=torch.long), pair_platform=torch.zeros(1, dtype=torch.long),
    )  # fmt: skip
    return out["log_ms"]
