"""Parts of a chip that a cloud rents out: virtual processors and machines by their names."""

import pytest

from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.product_lines import _lines


@pytest.mark.parametrize(
    ("text", "architecture", "cores", "clock", "peak"),
    [
        ("AWS c7i.large", "Sapphire Rapids", 1, 3.2, 64), ("m7i-flex.2xlarge, onnxruntime", "Sapphire Rapids", 4, 3.2, 64),
        ("r6i.xlarge", "Ice Lake", 2, 3.5, 64), ("c6a.4xlarge", "Zen 3", 8, 3.6, 32), ("r7gd.medium", "Neoverse V1", 1, 2.6, 32),
        ("EC2 m6g.4xlarge", "Neoverse N1", 16, 2.5, 16), ("c7i.large, 2 vCPU", "Sapphire Rapids", 1, 3.2, 64),
        ("Graviton2 (c6g.2xlarge)", "Neoverse N1", 8, 2.5, 16), ("Intel Xeon Platinum 8488C (c7i.4xlarge)", "Sapphire Rapids", 8, 3.2, 64),
        ("Ice Lake, c6i.xlarge", "Ice Lake", 2, 3.5, 64), ("c7i.large and c7i.xlarge", "Sapphire Rapids", 1, 3.2, 64),
        ("c7i.4xlarge, 2 threads", "Sapphire Rapids", 2, 3.2, 64), ("c7i.large at 3 GHz", "Sapphire Rapids", 1, 3.0, 64),
    ],
)  # fmt: skip
def test_a_machine_that_is_rented_has_the_cores_of_its_size(text, architecture, cores, clock, peak):
    platform = resolve(text)
    assert (platform.kind, platform.architecture, platform.cores) == ("cpu", architecture, cores)
    assert (platform.clock_ghz, platform.peak_gops) == (clock, pytest.approx(cores * clock * peak))


def test_a_clock_of_the_line_is_derived():
    platform = resolve("AWS c7i.large")
    assert "clock_ghz" not in platform.named
    assert dict(platform.derived)["clock_ghz"] == "AWS, C7i, M7i and R7i instances: 3.2 GHz"


@pytest.mark.parametrize(
    ("text", "device", "cores", "peak"),
    [
        ("GitHub Actions runner, 4 vCPU AMD EPYC 7763, onnxruntime", "epyc-7763", 2, 2 * 3.5 * 32),
        ("EPYC 7763, 4 vCPU, 1 thread", "epyc-7763", 1, 3.5 * 32), ("EPYC 7763, 4 vCPU, 16 threads", "epyc-7763", 2, 2 * 3.5 * 32),
        ("EPYC 7763, 8 vCPU, 2 cores", "epyc-7763", 2, 2 * 3.5 * 32), ("EPYC 7763, 8 vCPU, 2 cores, 8 threads", "epyc-7763", 2, 2 * 3.5 * 32),
        ("EPYC 7763 64-Core Processor, 4 vCPU", "epyc-7763", 2, 2 * 3.5 * 32), ("EPYC 7763, 4 vCPU (4 cores)", "epyc-7763", 4, 4 * 3.5 * 32),
        ("EPYC 7763, 999 vCPU", "epyc-7763", 64, 64 * 3.5 * 32), ("Graviton3, 16 vCPU", "aws-graviton3", 16, 16 * 2.6 * 32),
        ("AWS c7g.4xlarge", "aws-graviton3", 16, 16 * 2.6 * 32),
    ],
)  # fmt: skip
def test_no_more_cores_of_a_known_chip_run_than_are_rented(text, device, cores, peak):
    platform = resolve(text)
    assert (platform.device, platform.cores, platform.peak_gops) == (device, cores, pytest.approx(peak))


def test_the_peak_of_rented_cores_says_what_it_follows_from():
    platform = resolve("EPYC 7763, 4 vCPU")
    assert dict(platform.derived) == {"peak_gops": "2 x AMD Zen 3 at 3.5 GHz"}
    assert platform.named == ("cores",)
    assert resolve("EPYC 7763, 4 vCPU, 100 GFLOPS").peak_gops == 100


def test_a_line_with_a_clock_has_a_core_and_says_where_it_is_from():
    clocked = [line for line in _lines() if line.clock_ghz]
    assert clocked
    assert all(line.core and line.source and line.efficient is None for line in clocked)


def test_flags_of_arm_are_no_atom():
    assert resolve("CPU with atomics, 8 cores").vendor is None


@pytest.mark.parametrize(
    "text", ["Raspberry Pi 5, whisper.{}", "Graviton3 running bert.{}", "Graviton3, t5.{}, 64 threads"]
)
@pytest.mark.parametrize("size", ["medium", "large", "xlarge"])
def test_the_size_of_a_model_is_not_that_of_a_machine(text, size):
    device = devices()[resolve(text.format(size)).device]
    assert resolve(text.format(size)).cores == sum(cluster.count for cluster in device.clusters)


@pytest.mark.parametrize("rest", ["", ", AVX2", ", AVX-512"])
@pytest.mark.parametrize("maker", ["Intel Xeon", "AMD EPYC", "x86-64 CPU"])
def test_virtual_processors_of_x86_share_cores_with_a_set_and_without(maker, rest):
    assert resolve(f"{maker} @ 2.5 GHz, 4 vCPU{rest}").cores == 2
    assert resolve(f"{maker} @ 2.5 GHz, 4 vCPU, 4 cores{rest}").cores == 4
    assert resolve("Arm server at 2.5 GHz, 4 vCPU").cores == 4


def test_virtual_processors_of_a_core_without_a_number_of_clusters():
    assert resolve("Kryo 485 at 2 GHz, 4 vCPU").cores == 4
