"""Hardware that is not in the catalogue: what follows from its description. The names in it are made up."""

import pytest

from ledg_rt.platforms import resolve
from ledg_rt.platforms.product_lines import _lines, products
from ledg_rt.platforms.writing import platform_toml

BOARD = "Foo board, 4x Cortex-A76 @ 2.4 GHz + 4x Cortex-A55 @ 1.8 GHz, tflite int8"


@pytest.mark.parametrize("threads", [1, 4, 6, 8])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_a_described_board_has_the_figures_of_the_same_board_in_the_catalogue(threads, precision):
    described = resolve(
        f"FooBoard, Cortex-A76 2.4GHz x 4 + Cortex-A55 1.8GHz x 4, ncnn {precision}, {threads} threads"
    )
    known = resolve(f"rock-5b/ncnn/{precision}/{threads}t")
    assert described.device is None
    for figure in ("peak_gops", "cores", "clock_ghz", "architecture", "kind", "precision"):
        assert getattr(described, figure) == getattr(known, figure), figure


def test_without_threads_the_slow_cores_do_not_count():
    assert resolve(BOARD).peak_gops == resolve("rock-5b/tflite/int8").peak_gops
    assert resolve(f"{BOARD}, little cores, 4 threads").clock_ghz == 1.8


def test_what_was_derived_is_said():
    platform = resolve(f"{BOARD}, 4 threads, dual-channel DDR4-3200")
    assert dict(platform.derived) == {
        "peak_gops": "4 x Arm Cortex-A76 at 2.4 GHz", "bandwidth_gbs": "DDR4-3200, 2 channels of 64 bit", "year": "first of Arm Cortex-A76",
    }  # fmt: skip
    assert set(platform.named) == {"cores", "clock_ghz"}


def test_figures_of_the_text_win_over_derived_ones():
    platform = resolve(f"{BOARD}, 4 threads, 0.5 TOPS, 20 GB/s, LPDDR4X-4266 64-bit, 2023")
    assert (platform.peak_gops, platform.bandwidth_gbs, platform.year) == (500, 20, 2023)
    assert not platform.derived


@pytest.mark.parametrize(
    ("text", "bandwidth"),
    [
        ("dual-channel DDR4-3200", 51.2), ("DDR5-5600, 2 channels", 89.6), ("LPDDR4X-4266 64-bit", 34.128), ("32-bit LPDDR4-3200", 12.8),
        ("LPDDR4X 2016MHz, 64bit", 32.256), ("quad channel DDR4 at 2400 MHz", 76.8), ("LPDDR5 6400 MT/s, 4 x 16-bit", 51.2),
        ("GDDR6 14 Gbps 256-bit", 448), ("LPDDR4X", None), ("DDR4-3200", None), ("dual-channel LPDDR5-6400", None),
        ("DDR4 1600 MHz, 2 channels", None), ("64-bit system with DDR4", None),
    ],
)  # fmt: skip
def test_bandwidth_follows_from_type_rate_and_width_alone(text, bandwidth):
    platform = resolve(f"Foo board, {text}, int8")
    assert platform.bandwidth_gbs == (bandwidth and pytest.approx(bandwidth))
    assert platform.clock_ghz is None


def test_memory_of_the_host_is_not_that_of_a_card():
    assert resolve("GeForce RTX 2061 beside dual-channel DDR4-3200").bandwidth_gbs is None


def test_the_rate_of_a_memory_is_no_clock():
    assert resolve("Raspberry Pi 5, LPDDR4X 4267 MHz").clock_ghz == 2.4


@pytest.mark.parametrize(
    ("text", "precision", "peak"),
    [
        ("RTX 4075, 35 TFLOPS fp32, tensorrt fp16", "fp16", 140_000),  # Ada: four times fp32
        ("RTX 4075, 140 TFLOPS fp16, pytorch fp32", "fp32", 35_000),
        ("GPU, 35 TFLOPS fp32, 70 TFLOPS fp16, tensorrt fp16", "fp16", 70_000),
        ("GPU, fp16: 70 TFLOPS", "fp16", 70_000), ("NPU, 26 INT8 TOPS", "int8", 26_000), ("GPU, 35 TFLOPS, fp16", "fp16", 35_000),
        ("GPU, 35 TFLOPS fp32, tensorrt int8", "int8", 35_000), ("GPU, 112 TFLOPS fp16, pytorch fp32", "fp32", None),
        ("GPU, 20 TFLOPS (half precision), TensorRT, float32", "fp32", None),
    ],
)  # fmt: skip
def test_a_precision_beside_a_throughput_belongs_to_it(text, precision, peak):
    platform = resolve(text)
    assert (platform.precision, platform.peak_gops) == (precision, peak)


def test_a_throughput_of_another_precision_leaves_that_of_the_catalogue():
    assert resolve("Tesla T4, 8.1 TFLOPS fp32, tensorrt fp16").peak_gops == 65_000
    assert resolve("Tesla T4, 60 TFLOPS, tensorrt fp16").peak_gops == 60_000


@pytest.mark.parametrize(
    ("text", "kind", "vendor", "architecture"),
    [
        ("GeForce RTX 4075 Super", "gpu", "NVIDIA", "Ada Lovelace"), ("rtx-5075", "gpu", "NVIDIA", "Blackwell"), ("Radeon RX 7650 GRE", "gpu", "AMD", "RDNA 3"),
        ("Quadro P4001", "gpu", "NVIDIA", "Pascal"), ("Intel Arc A790", "gpu", "Intel", "Xe-HPG"), ("Adreno 799", "gpu", "Qualcomm", "Adreno 700"),
        ("board with a Mali-G57 MC9", "gpu", "Arm", "Valhall"), ("Intel Core i5-8251U", "cpu", "Intel", "Coffee Lake"),
        ("Intel(R) Xeon(R) Gold 6339 CPU @ 2.20GHz", "cpu", "Intel", "Ice Lake"), ("AMD EPYC 7999X3", "cpu", "AMD", None),
        ("Ryzen 7 5899X", "cpu", "AMD", "Zen 3"), ("Snapdragon 999", "cpu", "Qualcomm", None), ("Snapdragon 999, qnn", "npu", "Qualcomm", None),
        ("Exynos 9999, Hexagon NPU", "npu", "Qualcomm", "Hexagon"), ("STM32F799 at 200 MHz", "mcu", "STMicroelectronics", "Cortex-M7"),
        ("ESP32-C61", "mcu", "Espressif", "RISC-V"), ("SoC with an Ethos-U65", "npu", "Arm", "Ethos-U65"), ("swarm of chips", None, None, None),
        ("Dimensity 9999 (Cortex-X4 3 GHz x 4 + Mali-G720), 4 threads", "cpu", "MediaTek", "Cortex-X4"),
        ("Dimensity 9999 (Cortex-X4 3 GHz x 4 + Mali-G725), GPU", "gpu", "Arm", "5th Gen Arm GPU"),
    ],
)  # fmt: skip
def test_product_lines_say_kind_vendor_and_architecture(text, kind, vendor, architecture):
    platform = resolve(text)
    assert platform.device is None
    assert (platform.kind, platform.vendor, platform.architecture) == (kind, vendor, architecture)


def test_a_list_of_cores_beside_a_known_gpu_is_no_gpu():
    platform = resolve("Foo SoC (Cortex-A76 2.4GHz x 2 + Cortex-A55 1.8GHz x 6 + Mali-G52), tflite 2 threads")
    assert (platform.device, platform.kind, platform.cores) == (None, "cpu", 2)
    known = resolve(
        "Snapdragon 855+ (Kryo 485 2.96 GHz + 2.42 GHz x 3 + 1.80 GHz x 4 + Adreno 640), ncnn 4 threads"
    )
    assert known.device == "snapdragon-855-plus-cpu"


def test_clocks_of_the_processor_are_not_those_of_a_gpu():
    known = resolve("Jetson AGX Orin (Cortex-A78AE 2.2 GHz x 12), tensorrt fp16")
    assert known.kind == "gpu"
    assert known.clock_ghz == resolve("jetson-agx-orin-gpu/tensorrt/fp16").clock_ghz


def test_accelerators_run_integers_where_nobody_says():
    assert resolve("NPU of 6 TOPS").precision == "int8"


def test_a_described_platform_becomes_a_file_and_comes_back(tmp_path):
    platform = resolve(f"{BOARD}, 4 threads")
    path = tmp_path / "board.toml"
    path.write_text(platform_toml(platform, "Foo"), encoding="utf-8")
    assert resolve(str(path)).sha256 == platform.sha256


def test_every_line_names_its_source_and_finds_itself():
    for line in _lines():
        assert bool(line.architecture and line.year) <= bool(line.source), line.pattern.pattern
    assert [product.line.architecture for product in products("rtx 4090 and ryzen 9 5950x")] == [
        "Ada Lovelace",
        "Zen 3",
    ]


@pytest.mark.parametrize(
    "text",
    ["jetson " * 280, "-" * 2000, "4x " * 600, "1.8 GHz x 4 + " * 140, "quad " * 400, "İ" * 2000 + " GPU"],
)
def test_hostile_repetition_is_read(text):
    resolve(f"Foo {text}")


def test_more_throughput_is_never_taken_for_less():
    peaks = [resolve(f"RTX 4075, {tflops} TFLOPS fp32, tensorrt fp16").peak_gops for tflops in (10, 20, 40)]
    assert peaks == sorted(peaks)


def test_a_line_of_processors_is_no_device_of_the_catalogue():
    """The catalogue has a virtual machine of this line with two cores."""
    platform = resolve("Intel Xeon Emerald Rapids at 3.5 GHz, 32 cores, onnxruntime, fp32")
    assert platform.device is None
    assert platform.peak_gops == pytest.approx(32 * 64 * 3.5)
