import os
from importlib.util import find_spec
from zipfile import ZipFile

import pytest
import torch
from onnx import TensorProto, helper
from torch import nn
from typer.testing import CliRunner

from ledg_export.main import app
from ledg_export.zoo import timm_export, timm_zip
from ledg_export.zoo.timm_export import weightless, write
from ledg_rt.costs import graph_cost
from ledg_rt.errors import LedgError
from ledg_rt.reading import read_graph
from ledg_rt.reading.identity import graph_sha256


def importable() -> str | None:
    """Why timm's networks cannot be built here; None where they can."""
    if find_spec("timm") is None or find_spec("torchvision") is None:
        return "timm or torchvision is not installed (extra zoo)"
    try:
        import torchvision  # noqa: F401
    except Exception as error:
        return f"torchvision does not import: {error}"
    return None


REASON = importable()
needs_timm = pytest.mark.skipif(REASON is not None, reason=str(REASON))
needs_archive = pytest.mark.skipif("LEDG_GRAPHS" not in os.environ, reason="LEDG_GRAPHS is not set")


class Small(nn.Module):
    """A convolution with its normalization, a mean, and a layer of 40 x 12 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.classes = nn.Linear(12, 40)

    def forward(self, x):
        return self.classes(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return weightless(Small(), (3, 8, 8))


def model(name):
    shape = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    node = helper.make_node("Relu", ["x"], ["y"], name="relu")
    return helper.make_model(helper.make_graph([node], name, [shape], []))


def test_a_module_becomes_a_graph_for_one_image_without_its_larger_weights(small):
    kept = {tuple(item.dims): bool(item.raw_data) for item in small.graph.initializer}
    assert kept == {(12, 3, 3, 3): False, (12,): True, (40, 12): False, (40,): True}
    graph = read_graph(small.SerializeToString())
    assert [node.op for node in graph.nodes] == [
        "Conv",
        "Relu",
        "ReduceMean",
        "Gemm",
    ]  # normalization is folded
    assert graph.nodes[-1].outputs[0].shape == (1, 40)
    assert graph_cost(graph).macs == 12 * 27 * 64 + 12 * 40
    assert graph_cost(graph).parameters == 12 * 27 + 12 + 12 * 40 + 40


def test_a_module_gives_the_same_bytes_again(small):
    torch.manual_seed(0)
    again = weightless(Small(), (3, 8, 8))
    assert again.SerializeToString(deterministic=True) == small.SerializeToString(deterministic=True)


def test_an_archive_is_sorted_has_no_dates_and_is_read_by_the_zoo(tmp_path, monkeypatch):
    archive = tmp_path / timm_zip.ARCHIVE
    assert write(archive, ["b@8", "a@8"], model) == {}
    first = archive.read_bytes()
    with ZipFile(archive) as file:
        assert [(item.filename, item.date_time[0]) for item in file.infolist()] == [
            ("a@8.onnx", 1980), ("b@8.onnx", 1980)
        ]  # fmt: skip
    monkeypatch.setenv("LEDG_GRAPHS", str(tmp_path))
    assert timm_zip.architectures() == {"a@8", "b@8"}
    assert timm_zip.build("a@8", 1).graph.name == "a@8"
    archive.unlink()
    write(archive, ["a@8", "b@8"], model)
    assert archive.read_bytes() == first


def test_networks_that_the_archive_has_are_not_exported_again(tmp_path):
    asked = []
    write(tmp_path / "timm.zip", ["a@8"], model)
    write(tmp_path / "timm.zip", ["a@8", "b@8"], lambda arch: asked.append(arch) or model(arch))
    assert asked == ["b@8"]
    with ZipFile(tmp_path / "timm.zip") as file:
        assert file.namelist() == ["a@8.onnx", "b@8.onnx"]
    assert [path.name for path in tmp_path.iterdir()] == ["timm.zip"]


def test_a_network_that_does_not_trace_costs_itself_alone(tmp_path):
    def faulty(arch):
        if arch == "a@8":
            raise RuntimeError("no symbolic function\nfor it")
        return model(arch)

    assert write(tmp_path / "timm.zip", ["a@8", "b@8"], faulty) == {
        "a@8": "RuntimeError: no symbolic function"
    }
    with ZipFile(tmp_path / "timm.zip") as file:
        assert file.namelist() == ["b@8.onnx"]


def test_an_interrupted_run_goes_on(tmp_path):
    def stopped(arch):
        if arch == "b@8":
            raise KeyboardInterrupt
        return model(arch)

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "timm.zip", ["a@8", "b@8"], stopped)
    assert not (tmp_path / "timm.zip").exists()
    asked = []
    write(tmp_path / "timm.zip", ["a@8", "b@8"], lambda arch: asked.append(arch) or model(arch))
    assert asked == ["b@8"]
    with ZipFile(tmp_path / "timm.zip") as file:
        assert file.namelist() == ["a@8.onnx", "b@8.onnx"]


@needs_timm
@needs_archive
@pytest.mark.parametrize("arch", ["resnet18@224", "mobilenetv3_small_100@224", "vit_tiny_patch16_224@224"])
def test_timms_networks_are_those_of_the_archive(arch):
    again, there = (
        read_graph(found.SerializeToString()) for found in (timm_export.export(arch), timm_zip.build(arch, 1))
    )
    assert graph_sha256(again) == graph_sha256(there)


@needs_timm
def test_a_network_of_a_fixed_size_is_built_for_the_size_in_its_name():
    found = read_graph(timm_export.export("vit_tiny_patch16_224@256").SerializeToString())
    assert found.inputs[0].shape == (1, 3, 256, 256)
    assert graph_cost(found).resolved


@needs_timm
@pytest.mark.parametrize("arch", ["lenet@28", "resnet18", "resnet18@small"])
def test_what_timm_does_not_have_is_an_error(arch):
    with pytest.raises(ValueError, match="want <a network of timm>"):
        timm_export.export(arch)


@needs_timm
def test_every_network_of_timm_has_a_size():
    archs = timm_export.architectures()
    assert len(archs) > 1000
    assert "resnet18@288" in archs


@needs_timm
def test_the_command_writes_what_it_can_and_says_what_it_could_not(tmp_path):
    result = CliRunner().invoke(app, ["zoo", "timm", str(tmp_path / "timm.zip"), "resnet18@64", "lenet@28"])
    assert result.exit_code == 0
    assert result.stdout == f"1 of 2 networks in {tmp_path / 'timm.zip'}\n"
    assert "lenet@28: ValueError: want <a network of timm>" in result.stderr
    with ZipFile(tmp_path / "timm.zip") as file:
        assert file.namelist() == ["resnet18@64.onnx"]


@needs_timm
def test_the_command_fails_where_it_could_write_nothing(tmp_path):
    result = CliRunner().invoke(app, ["zoo", "timm", str(tmp_path / "timm.zip"), "lenet@28"])
    assert isinstance(result.exception, LedgError)
    assert "no network was exported" in result.exception.message


@pytest.mark.skipif(find_spec("timm") is not None, reason="timm is installed")
def test_without_the_extra_the_command_says_how_to_install_it(tmp_path):
    result = CliRunner().invoke(app, ["zoo", "timm", str(tmp_path / "timm.zip"), "resnet18@64"])
    assert isinstance(result.exception, LedgError)
    assert "timm" in result.exception.message
    assert result.exception.hint == "pip install 'ledg-rt[zoo]'"
