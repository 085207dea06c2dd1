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
        ("RVV, VLEN 1024", "rvv@1024"), ("SVE, 64-bit LPDDR4", "sve"), ("SVE 100-bit", "sve"), ("sve-512", "sve@512"), ("SVE512", "sve@512"), ("SVE2-128", "sve2@128"), ("512-bit AVX-512", "avx512"),
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


@pytest.mark.parametrize(
    ("text", "precision", "peak", "clock"),
    [
        ("RTX 3090, fp16 arithmetic", "fp16", 142300, 1.695), ("fp16 instructions on RTX 4090", "fp16", 330300, 2.52),
        ("Adreno 650, half-precision arithmetic, 0.58 GHz", "fp16", 2404, 0.58),
        ("FPGA DPU with INT8 dot product at 300 MHz", "int8", None, 0.3),
        ("CPU, NEON with fp16 arithmetic, 4 cores at 2 GHz", "fp32", 128, 2), ("NEON dot product, int8, 4 cores at 2 GHz", "int8", 512, 2),
        ("openvino, AVX-512, INT8, VNNI, 4 cores at 3 GHz", "int8", 3072, 3),
    ],
)  # fmt: skip
def test_words_of_other_hardware_are_extensions_only_beside_a_set(text, precision, peak, clock):
    platform = resolve(text)
    assert (platform.precision, platform.peak_gops, platform.clock_ghz) == (precision, peak, clock)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AVX-512 host with RTX 9999, 24 GB", "gpu"), ("desktop, AVX2, GeForce RTX 9990, onnxruntime", "gpu"), ("AVX2 machine, Radeon RX 9999", "gpu"),
        ("AVX2 server with Intel Arc B999", "gpu"), ("AVX-512 server, Hailo-9", "npu"), ("AMX accelerator chip on M.2 card", "npu"),
        ("AVX2, 4 threads, RTX 9999", "gpu"), ("AVX2, 4 threads", "cpu"), ("AVX2 CPU beside an RTX 9999", "cpu"),
    ],
)  # fmt: skip
def test_the_set_of_a_host_is_not_what_runs(text, kind):
    assert resolve(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "AVX2, without AVX-512 and AMX", "AVX2 but no AVX-512 or AMX", "AVX2, AVX-512 not supported", "AVX2, AVX-512 disabled", "AVX2, AVX-512 (fused off)",
        "AVX2, AVX-512 instructions are not available", "AVX2: yes, AVX512: no", "avx2=1 avx512f=0", "AVX512F: 0, AVX2: 1", "AVX-512 and AMX disabled, AVX2",
        "does not support AVX-512, AVX2", "AVX2, AMX, no AVX-512", "AVX2, AVX-512 off",
    ],
)  # fmt: skip
def test_a_set_that_is_denied_is_not_implied_either(text):
    assert core(text) == "avx2"
    platform = resolve(f"{text}, 4 cores at 3 GHz")
    assert (platform.cores, platform.clock_ghz, platform.peak_gops) == (4, 3, 384)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AVX512F=1, AVX512_VNNI=0", "avx512"), ("AVX-512 (no AMX)", "avx512"), ("AVX2: 1 core", "avx2"), ("AVX2 on 4 cores", "avx2"),
        ("NEON host of an AVX2 machine", "neon"), ("dotprod beside AVX2", "avx2"), ("Xeon, VNNI, dotprod", "avx512+vnni-server"),
        ("Intel server, NEON", None), ("risc-v board, NEON, RVV", "rvv"), ("AVX10.2", "avx512"), ("AVX 10.2", "avx512"), ("AVX10/512", "avx512"),
        ("AVX10/256", None), ("AVX 10/256", None), ("AVX 10 cores", "avx"), ("AVX 2 cores", "avx"), ("AVX2 cores", "avx2"), ("AVX 2 x86 CPU", "avx2"), ("SSE 4 cores", "sse"), ("AVX 2x 2.4 GHz", "avx"),
    ],
)  # fmt: skip
def test_which_core_is_meant(text, found):
    assert core(text) == found


def test_a_count_after_a_name_is_the_number_of_cores():
    platform = resolve("Xeon with AVX 2 cores at 2.9 GHz")
    assert (platform.cores, platform.peak_gops) == (2, pytest.approx(2 * 2.9 * 16))


def test_a_microcontroller_has_no_core_of_a_set():
    platform = resolve("MCU at 200 MHz with dotprod, int8, tflite micro")
    assert (platform.kind, platform.precision, platform.clock_ghz, platform.peak_gops) == (
        "mcu",
        "int8",
        0.2,
        None,
    )


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("RTX 3090 at 1.4 GHz, host CPU with AVX2", 1.4), ("AVX2 host with 16 cores at 3 GHz, RTX 3090 at 1.4 GHz", 1.4),
        ("RTX 3090 in an AVX-512 server, 16 cores at 2.9 GHz", 1.695),
    ],
)  # fmt: skip
def test_a_clock_of_the_card_stays_beside_the_set_of_its_host(text, clock):
    platform = resolve(text)
    assert (platform.clock_ghz, platform.cores) == (clock, devices()["nvidia-rtx-3090"].cores)


@pytest.mark.parametrize(
    ("text", "bandwidth"),
    [("CPU 4 cores 3 GHz, SVE 128-bit memory bus LPDDR5-6400", 102.4), ("Arm CPU SVE2 128-bit LPDDR5X-8533", 136.528)],
)  # fmt: skip
def test_the_width_of_the_memory_is_not_that_of_vectors(text, bandwidth):
    assert resolve(text).bandwidth_gbs == bandwidth
    assert "@" not in core(text)


def test_a_width_that_no_set_has_stays_in_the_text():
    assert "64-bit" in take_instruction_sets("sve, 64-bit lpddr4")[1]
    assert "100-bit" in take_instruction_sets("sve 100-bit")[1]


@pytest.mark.parametrize(
    ("sets", "rate"), [("with NEON", 8), (", asimddp", 16)]
)  # fmt: skip
@pytest.mark.parametrize("clusters", ["4 cores at 2.4 GHz + 4 cores at 1.8 GHz", "4x 2.4 GHz + 4x 1.8 GHz"])
def test_a_set_is_that_of_all_clusters(sets, rate, clusters):
    platform = resolve(f"{clusters} {sets}")
    assert (platform.cores, platform.peak_gops) == (8, pytest.approx(4 * (2.4 + 1.8) * rate))
    assert platform.peak_gops == resolve(f"{sets.strip(', ')}, {clusters}").peak_gops


def test_cores_that_follow_from_threads_are_derived():
    platform = resolve("AVX-512, 3 GHz, 8 threads")
    assert (platform.cores, platform.peak_gops) == (8, 8 * 3 * 64)
    assert platform.named == ("clock_ghz",)
    assert dict(platform.derived)["cores"] == "8 threads"
    many = resolve("AVX-512, 3 GHz, 999999 threads")
    assert (many.cores, many.peak_gops) == (None, None)


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
