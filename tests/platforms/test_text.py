import pytest

from ledg_rt.errors import PlatformError
from ledg_rt.platforms import resolve
from ledg_rt.platforms.text import TEXT_LIMIT, read_text


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("an accelerator with 40 TOPS", "peak_gops", 40_000),
        ("1.3 TFLOPS of compute", "peak_gops", 1300),
        ("500 GFLOP/s", "peak_gops", 500),
        ("204.8 GB/s of memory", "bandwidth_gbs", 204.8),
        ("3200 MB/s", "bandwidth_gbs", 3.2),
        ("with 512 MB", "memory_gb", 0.512),
        ("8GB RAM", "memory_gb", 8),
        ("clocked at 1800 MHz", "clock_ghz", 1.8),
        ("2,4 GHz", "clock_ghz", 2.4),
        ("made in 5 nm", "process_nm", 5),
        ("15W", "power_w", 15),
        ("150 mW", "power_w", 0.15),
        ("octa-core", "cores", 8),
        ("6 cores", "cores", 6),
    ],
)
def test_figure_with_unit(text, name, value):
    assert read_text(text).numbers[name] == pytest.approx(value)


def test_bandwidth_is_not_taken_for_memory():
    numbers = read_text("51.2 GB/s, 4 GB").numbers
    assert (numbers["bandwidth_gbs"], numbers["memory_gb"]) == (51.2, 4)


@pytest.mark.parametrize("text", ["0 GHz", "1000000000 GB", "90000 GHz"])
def test_impossible_figure_is_refused(text):
    with pytest.raises(PlatformError, match="no figure of any hardware"):
        read_text(f"a board, {text}")


@pytest.mark.parametrize(
    ("text", "precision", "threads", "runtime"),
    [
        ("tflite 2.7.1 quantized, 4 threads", "int8", 4, "tflite-2.7.1"),
        ("TensorRT v8.4.0 half precision", "fp16", None, "tensorrt-8.4.0"),
        ("ONNX Runtime float32 single thread", "fp32", 1, "onnxruntime"),
        ("ncnn with threads=2, bf16", "bf16", 2, "ncnn"),
    ],
)
def test_usage_words(text, precision, threads, runtime):
    mention = read_text(text)
    assert (mention.precision, mention.threads, mention.runtime) == (precision, threads, runtime)


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("Snapdragon 8 Gen 3, tflite, 4 threads", "snapdragon-8-gen-3-cpu"),
        ("Snapdragon 8 Gen 3, tflite", "snapdragon-8-gen-3-hexagon"),
        ("Snapdragon 8 Gen 3 GPU, tflite, 4 threads", "snapdragon-8-gen-3-adreno-750"),
        ("Snapdragon 8 Gen 3, QNN, 4 threads", "snapdragon-8-gen-3-hexagon"),
        ("Snapdragon 8 Gen 3 Hexagon, 2 threads", "snapdragon-8-gen-3-hexagon"),
        ("Jetson Orin Nano, TensorRT, 2 threads", "jetson-orin-nano-gpu"),
        ("Apple M2 ANE, 1 thread", "apple-m2-neural-engine"),
        ("RK3562, rknn, 1 thread", "rk3562-npu"),
        ("RK3588, rknn", "rk3588-npu-core"),
        ("Snapdragon 8 Gen 2, snpe", "qcs8550-hexagon"),
        ("HiKey960, opencl, 1 thread", "hikey960-mali-g71"),
        ("Tesla T4, 4 threads", "nvidia-t4"),
        ("Ryzen AI 9 HX 370 NPU", "amd-xdna-2-hx-370"),
        ("Ryzen AI 9 HX 370", "ryzen-ai-9-hx-370"),
    ],
)
def test_words_a_runtime_or_a_count_of_threads_choose_between_the_units_of_a_chip(text, device):
    assert resolve(text).device == device


def test_a_unit_that_the_catalogue_lacks_is_not_taken_for_another_of_its_chip():
    platform = resolve("Exynos 2200 GPU, tflite fp16")
    assert (platform.device, platform.kind) == (None, "gpu")
    assert resolve("Exynos 2200, tflite fp16").device == "exynos-2200-cpu"
    assert resolve("EPYC 7742 host, A100 GPU, PCIe 40GB").device.startswith("nvidia-a100")
    assert resolve("Snapdragon 8 Gen 3 DSP").device == "snapdragon-8-gen-3-hexagon"


def test_named_device_fills_in_what_the_text_leaves_out():
    platform = resolve("Tesla T4 fp16 tensorrt")
    assert platform.device == "nvidia-t4"
    assert platform.peak_gops == pytest.approx(65_000, rel=0.02)
    assert platform.bandwidth_gbs is not None


def test_figure_of_the_text_wins_over_the_catalogue():
    platform = resolve("nvidia t4 at 35 W, fp16")
    assert platform.power_w == 35
    assert platform.named == ("power_w",)


def test_named_core_gives_the_peak_of_a_described_cpu():
    one = resolve("Cortex-A76 quad core at 2.4 GHz, fp32, 1 thread")
    four = resolve("Cortex-A76 quad core at 2.4 GHz, fp32, 4 threads")
    assert one.kind == "cpu"
    assert four.peak_gops == pytest.approx(4 * one.peak_gops)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_empty_text_is_a_usage_error(text):
    with pytest.raises(PlatformError, match="empty"):
        resolve(text)


def test_long_text_is_cut_and_says_so():
    platform = resolve("gpu " + "x" * TEXT_LIMIT)
    assert "text_cut" in platform.notes
    assert len(platform.text) == TEXT_LIMIT


@pytest.mark.parametrize("text", ["\0\0", "😀 gpu 😀", "Граф процессор", "二つの装置"])
def test_text_in_any_script_resolves(text):
    assert resolve(text).device is None
