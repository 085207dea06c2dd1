"""Instruction sets that stand for cores which a text does not name."""

import pytest

from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import cores, devices
from ledg_rt.platforms.instruction_sets import STAND_IN, core_of, entries, take_instruction_sets


def core(text):
    return take_instruction_sets(text.lower())[0]


@pytest.mark.parametrize(
    ("text", "count", "clock", "peak", "name"),
    [
        ("Intel Xeon, 2 vCPU at 2.9 GHz, AVX-512", 1, 2.9, 64, "intel xeon"),
        ("x86-64 CPU with AVX2, 8 cores, 3.6 GHz", 8, 3.6, 32, "x86 64 cpu"),
        ("Intel Xeon Processor @ 2.60GHz (avx512, vnni, amx), 1 thread", 1, 2.6, 64, "intel xeon processor"),
        ("Arm server, 64 cores, 3 GHz, SVE", 64, 3.0, 32, "arm server"),
        ("quad-core CPU with NEON at 1.5 GHz", 4, 1.5, 8, "cpu"),
        ("RISC-V with RVV 1.0 256-bit, 8 cores at 1.6 GHz", 8, 1.6, 16, "risc v"),
        ("laptop CPU with AVX2, 4 cores, 2.8 GHz, openvino, fp32", 4, 2.8, 32, "laptop cpu"),
        ("server with AVX2 and FMA instructions, 16 cores at 2.5 GHz, 2t", 2, 2.5, 32, "server"),
        ("Loongson with LASX, 4 cores at 2.5 GHz", 4, 2.5, 32, "loongson"),
        ("CPU, 4 cores, 3 GHz, SSE4.2", 4, 3.0, 8, "cpu"), ("CPU, 4 cores, 3 GHz, AVX", 4, 3.0, 16, "cpu"),
    ],
)  # fmt: skip
def test_instruction_set_cores_and_clock_give_a_peak(text, count, clock, peak, name):
    platform = resolve(text)
    assert (platform.device, platform.kind, platform.precision) == (None, "cpu", "fp32")
    assert (platform.cores, platform.clock_ghz, platform.name) == (count, clock, name)
    assert platform.peak_gops == pytest.approx(count * clock * peak)
    assert (platform.architecture, platform.year) == (None, None)  # no microarchitecture is named


def test_what_the_peak_follows_from_is_said():
    derived = dict(resolve("CPU with AVX-512, VNNI and AMX, 2 cores at 2 GHz").derived)
    assert derived["peak_gops"] == "2 x core with AVX-512, VNNI, AMX at 2 GHz"


@pytest.mark.parametrize(
    ("text", "known", "precisions"),
    [
        ("AVX2", "haswell", ("fp32", "int8")), ("AVX2, AVX-VNNI", "golden-cove", ("fp32", "int8")),
        ("avx512f avx512bw", "skylake-server", ("fp32", "int8")), ("Xeon, VNNI", "cascade-lake", ("fp32", "int8")),
        ("AVX-512, AVX512_VNNI", "cascade-lake", ("fp32", "int8")), ("amx_int8 amx_bf16", "sapphire-rapids", ("fp32", "fp16", "bf16", "int8")),
        ("amx_fp16", "granite-rapids", ("fp32", "fp16", "bf16", "int8")), ("AMD EPYC, AVX-512, avx512_bf16, VNNI", "zen4", ("fp32", "bf16", "int8")),
        ("Core i7, AVX-512, VNNI", "sunny-cove", ("fp32", "int8")), ("AVX", "sandy-bridge-server", ("fp64", "fp32")),
        ("NEON", "cortex-a72", ("fp32", "int8")), ("asimd, asimddp", "cortex-a76", ("fp32", "fp16", "int8")),
        ("cloud, advanced SIMD", "neoverse-n1", ("fp32", "fp16", "int8")), ("NEON, i8mm", "cortex-a710", ("fp32", "fp16", "int8")),
        ("SVE i8mm bf16", "neoverse-v1", ("fp32", "fp16", "bf16", "int8")), ("SVE2", "neoverse-v2", ("fp32", "fp16", "bf16", "int8")),
        ("128-bit SVE2", "neoverse-n2", ("fp32", "fp16", "bf16", "int8")), ("LASX", "la464", ("fp64", "fp32")),
    ],
)  # fmt: skip
def test_rates_are_those_of_cores_that_have_the_set(text, known, precisions):
    rates = core_of(core(text)).ops_per_cycle
    assert [rates[name] for name in precisions] == [cores()[known].ops_per_cycle[name] for name in precisions]


@pytest.mark.parametrize(
    "text",
    ["Xeon Gold 6230, avx512, {}", "Emerald Rapids 2 cores at 2.9 GHz, {}", "A76 2.4 GHz x 4, {}", "Raspberry Pi 5 with {}"],
)  # fmt: skip
@pytest.mark.parametrize("sets", ["AVX2", "amx_bf16", "SVE 512-bit", "NEON"])
def test_a_named_core_or_a_device_wins(text, sets):
    said, plain = resolve(text.format(sets)), resolve(text.format("").replace(", avx512", ""))
    for figure in ("device", "architecture", "cores", "clock_ghz", "peak_gops", "precision"):
        assert getattr(said, figure) == getattr(plain, figure), figure


def test_a_hybrid_processor_keeps_its_unknown_peak():
    assert resolve("Core i7-12800H, 14 cores, 4.8 GHz, AVX2").peak_gops is None


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("avx512_bf16 avx512_fp16 amx_bf16", "fp32"), ("AMX-BF16, AMX-INT8", "fp32"), ("asimd fp16 arithmetic", "fp32"),
        ("armv8.2-a+fp16+dotprod", "fp32"), ("armv8.2 fp16, dotprod, ncnn int8", "int8"), ("svei8mm svebf16 i8mm bf16 dgh rng", "fp32"),
        ("(avx512, bf16, amx)", "fp32"), ("(sve, fp16, bf16, i8mm)", "fp32"), ("avx512, int8", "int8"), ("AVX-512 bf16", "bf16"), ("NEON, fp16", "fp16"),
    ],
)  # fmt: skip
def test_flags_are_no_precision_that_runs(text, precision):
    assert resolve(f"CPU, 4 cores at 2 GHz, {text}").precision == precision
    assert resolve(f"EPYC 7763, {text}").precision == precision


@pytest.mark.parametrize(
    ("text", "cores", "peak"),
    [
        ("AVX2, 3 vCPU", 2, 32), ("x86-64-v4, 4 vCPUs", 2, 64), ("AVX2, 4 vCPU (4 cores)", 4, 32), ("AVX2, 4 vCPU (2 cores)", 2, 32),
        ("SVE, 4 vCPU", 4, 32), ("NEON, 4 vCPU", 4, 16), ("AVX2, 8 vCPU, 2 threads", 2, 32),
    ],
)  # fmt: skip
def test_two_virtual_processors_share_a_core_of_x86_alone(text, cores, peak):
    platform = resolve(f"{text}, 2 GHz")
    assert (platform.cores, platform.peak_gops) == (cores, cores * 2 * peak)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SVE 512-bit", "sve@512"), ("512 bit SVE", "sve@512"), ("sve2 (vlen=128)", "sve2@128"), ("rv64gcv_zvl256b", "rvv@256"),
        ("RVV, VLEN 1024", "rvv@1024"), ("SVE, 64-bit LPDDR4", "sve"), ("SVE 100-bit", "sve"), ("512-bit AVX-512", "avx512"),
    ],
)  # fmt: skip
def test_widths_count_where_they_vary(text, found):
    assert core(text) == found


def test_the_width_of_vectors_is_not_that_of_the_memory():
    platform = resolve("RISC-V, RVV 256-bit, LPDDR4-3200, 8 cores at 1.6 GHz")
    assert (platform.peak_gops, platform.bandwidth_gbs) == (8 * 1.6 * 16, None)


@pytest.mark.parametrize(
    "text",
    ["two 256-bit FMA ports", "no AVX-512", "Apple CPU with AMX", "AVXX", "a Neonatal monitor", "assets", "ESSE", "M4 with AMX"],
)  # fmt: skip
def test_what_names_no_set_gives_none(text):
    assert core(text) is None


def test_a_set_that_is_denied_does_not_count():
    assert core("AVX2 but no AVX-512") == "avx2"


@pytest.mark.parametrize("text", ["AVX2", "AVX2, 8 cores", "AVX2 at 3 GHz", "Intel Xeon, 2 cores at 2.6 GHz"])
def test_without_a_set_cores_or_a_clock_there_is_no_peak(text):
    assert resolve(text).peak_gops is None


def test_a_card_beside_it_is_what_runs():
    platform = resolve("RTX 4090, host with AVX-512, 16 cores at 2.9 GHz, tensorrt fp16")
    assert platform.cores == devices()["nvidia-rtx-4090"].cores


def test_places_in_the_text_stay():
    text = "cpu with avx2, fma and sse4.2, 8 cores"
    masked = take_instruction_sets(text)[1]
    assert len(masked) == len(text)
    assert masked.split() == ["cpu", "with", f"{STAND_IN}", ",", "8", "cores"]


@pytest.mark.parametrize("entry", entries().values(), ids=lambda entry: entry.id)
def test_entries_name_their_source_and_lead_somewhere(entry):
    assert entry.source
    assert bool(entry.ops_per_cycle) or not entry.is_set
    assert entry.pattern or (entry.instead_of and entry.of)
    assert not entry.ratios or entry.implies
    rates = [
        entry.ops_per_cycle[name]
        for name in ("fp64", "fp32", "fp16", "bf16", "int8")
        if name in entry.ops_per_cycle
    ]
    assert rates == sorted(rates)
