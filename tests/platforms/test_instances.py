"""Parts of a chip that a cloud rents out: virtual processors and machines by their names."""

import pytest

from ledg_rt.platforms import resolve
from ledg_rt.platforms.product_lines import _lines


@pytest.mark.parametrize(
    ("text", "architecture", "cores", "clock", "peak"),
    [
        ("AWS c7i.large", "Sapphire Rapids", 1, 3.2, 64), ("m7i-flex.2xlarge, onnxruntime", "Sapphire Rapids", 4, 3.2, 64),
        ("r6i.xlarge", "Ice Lake", 2, 3.5, 64), ("c6a.4xlarge", "Zen 3", 8, 3.6, 32), ("r7gd.medium", "Neoverse V1", 1, 2.6, 32),
        ("EC2 m6g.4xlarge", "Neoverse N1", 16, 2.5, 16), ("c7i.large, 2 vCPU", "Sapphire Rapids", 1, 3.2, 64),
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
