"""Names of devices as people write them. No phrasing of benchmarks/accuracy/phrasings.toml is tested here."""

import pytest

from ledg_rt.platforms import resolve
from ledg_rt.platforms.names import find_device


@pytest.mark.parametrize(
    "text", ["RTX-4090", "rtx4090", "Rtx 4090", "GeForce RTX4090 in a tower", "(RTX 4090)"]
)
def test_spaces_hyphens_and_case_do_not_matter(text):
    assert find_device(text, None, None).device.id == "nvidia-rtx-4090"


def test_the_longest_name_wins_and_its_place_is_known():
    text = "a box with a Jetson Orin Nano inside"
    found = find_device(text, None, None)
    assert found.device.id == "jetson-orin-nano-gpu"
    assert text[found.start : found.end] == "Jetson Orin Nano"


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("raspberry pi 3 model b", "raspberry-pi-3"),
        ("raspberry pi 3 model b+", "raspberry-pi-3-model-b-plus"),
        ("snapdragon 855+", "snapdragon-855-plus-cpu"),
        ("snapdragon 855 plus", "snapdragon-855-plus-cpu"),
        ("odroid n2plus", "odroid-n2-plus-cpu"),
    ],
)
def test_a_plus_sign_is_a_part_of_the_name(text, device):
    assert find_device(text, None, None).device.id == device


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("Pi 4, tflite", "raspberry-pi-4"), ("a raspi 5", "raspberry-pi-5"), ("SD 660 phone", "snapdragon-660-cpu"),
        ("TR 3970X", "threadripper-3970x"), ("khadas vim 4", "khadas-vim4-cpu"),
    ],
)  # fmt: skip
def test_short_forms_of_families(text, device):
    assert find_device(text, None, None).device.id == device


def test_another_makers_pi_is_no_raspberry():
    assert find_device("Banana Pi 5", None, None) is None
    assert find_device("Orange Pi 5 Plus", None, None).device.id == "orangepi-5-plus"


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("Rasbperry Pi 4", "raspberry-pi-4"),
        ("Jetsom Xavier NX", "jetson-xavier-nx-gpu"),
        ("Snapdragonn 835", "snapdragon-835-cpu"),
        ("Dimensiy 9300", "dimensity-9300-cpu"),
    ],
)
def test_one_wrong_letter_in_a_long_word_is_read_as_meant(text, device):
    assert find_device(text, None, None).device.id == device


def test_a_word_that_is_spelled_right_stays_as_it_is():
    assert find_device("GalaxyA50", None, None).device.id == "samsung-galaxy-a50-cpu"


@pytest.mark.parametrize("text", ["the Orin devkit (AGX)", "AGX Orin", "orin, agx"])
def test_words_without_digits_come_in_any_order(text):
    assert find_device(text, None, None).device.id == "jetson-agx-orin-gpu"


@pytest.mark.parametrize(
    ("text", "vendor", "device"),
    [
        ("a 1080 ti", None, "nvidia-gtx-1080-ti"),
        ("5950X build", None, "ryzen-9-5950x"),
        ("server with a 7742", "AMD", "epyc-7742"),
        ("server with a 7742", None, None),
        ("7742 images on a Xeon", "Intel", None),
        ("Vivo X100", None, None),
        ("GTX 970", "NVIDIA", None),
    ],
)
def test_a_model_number_stands_for_its_device_unless_it_could_be_anything(text, vendor, device):
    found = find_device(text, None, vendor)
    assert (found and found.device.id) == device


@pytest.mark.parametrize("text", ["a 30 W board", "an m 1 screw", "build t 4"])
def test_a_letter_and_a_figure_apart_are_no_name(text):
    assert find_device(text, None, None) is None


def test_the_vendor_may_stand_elsewhere():
    assert find_device("an A10 by NVIDIA", None, "NVIDIA").device.id == "nvidia-a10"
    assert find_device("an A10 by Allwinner", None, "Allwinner") is None


def test_a_longer_product_number_is_another_product():
    assert find_device("xeon gold 6248", None, None).device.id == "xeon-gold-6248"
    assert find_device("xeon gold 6248x", None, "Intel") is None


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("RTX 4070 Super, tensorrt", "nvidia-rtx-4070-super"), ("RTX 4070, tensorrt", "nvidia-rtx-4070"), ("RTX 3090 Super", None),
        ("GeForce RTX-2080 Max-Q", None), ("rtx 4090 laptop", "nvidia-rtx-4090-laptop"), ("RTX 3090 of Notebook", None), ("RX 6600 XTX", None),
        ("3090 Super by NVIDIA", None), ("RX 7600 XT", None), ("RX 7900 XTX", "amd-rx-7900-xtx"), ("Apple M1 Ultra Max", None), ("Apple M2 Max", "apple-m2-max-cpu"),
        ("Snapdragon 8 Gen 1+", "snapdragon-8-plus-gen-1-cpu"), ("Snapdragon 8 Gen 2+", None), ("Snapdragon 8 Gen 2 Plus", None),
        ("Snapdragon 8 Elite Gen 9", None), ("MSM8998 Snapdragon 999", None), ("Qualcomm MSM8998 Snapdragon 835", "snapdragon-835-cpu"),
        ("Qualcomm SM8150-AC Snapdragon 855+", "snapdragon-855-plus-cpu"), ("MT6893 (Dimensity 1250)", None), ("MT6893 Dimensity 1200", "dimensity-1200-cpu"),
        ("Google Pixel 3 XL, SD845", "pixel-3-cpu"), ("a RTX 3090 in a super tower", "nvidia-rtx-3090"), ("Snapdragon 999", None),
        ("orin nano super? no, plain Orin Nano", "jetson-orin-nano-gpu"), ("Jetson Orin Nano Super", "jetson-orin-nano-super-gpu"),
    ],
)  # fmt: skip
def test_a_name_that_goes_on_is_not_the_shorter_product(text, device):
    assert resolve(text).device == device


@pytest.mark.parametrize(
    "text", ["AMD board with DDR4-3600", "NVIDIA chip at 1070 MHz", "Intel card of 6700 MB"]
)
def test_a_figure_is_no_model_number(text):
    assert resolve(text).device is None


@pytest.mark.parametrize(
    ("kind", "device"), [("gpu", "apple-m1-gpu"), ("cpu", "apple-m1-cpu"), (None, "apple-m1-cpu")]
)
def test_the_kind_chooses_the_unit_of_a_chip(kind, device):
    assert find_device("Apple M1", kind, None).device.id == device


@pytest.mark.parametrize(
    ("text", "threads"),
    [
        ("rpi4, threads=4", 4), ("rpi4, num_threads = 2", 2), ("rpi4, Threads: 3", 3), ("rpi4, threads 4", 4),
        ("rpi4, four threads", 4), ("rpi4, single-threaded", 1), ("rpi4, 4 hilos", 4), ("rpi4 4t", 4),
        ("rpi4, 4-thread", 4), ("OnePlus 7T", None), ("rpi4 with threads", None),
    ],
)  # fmt: skip
def test_threads_in_words_and_other_languages(text, threads):
    assert resolve(text).threads == threads


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("CPU, 8 Kerne", "cores", 8), ("CPU, 4 cœurs", "cores", 4), ("CPU de 6 núcleos", "cores", 6),
        ("six core CPU", "cores", 6), ("8 Go de RAM", "memory_gb", 8), ("CPU of 2019 w/ 16 GB", "power_w", None),
    ],
)  # fmt: skip
def test_figures_in_other_languages(text, name, value):
    assert getattr(resolve(text), name) == value


def test_cores_are_those_in_use():
    assert resolve("octa core cpu, 4 threads").cores == 4
    known = resolve("Core i7-9750H, six cores, 4 threads, ncnn fp32")
    assert known.cores == resolve("core-i7-9750h/ncnn/fp32/4t").cores
    assert "cores" not in known.named


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("V100 32GB, TensorRT fp16", "nvidia-v100-pcie-32gb"), ("Tesla V100 with 32 GB", "nvidia-v100-pcie-32gb"),
        ("A100 40 GB", "nvidia-a100-pcie-40gb"), ("NVIDIA A100, PCIe, 80 GB", "nvidia-a100-pcie-80gb"),
        ("NVIDIA A100, 80 GB", "nvidia-a100-sxm-80gb"),
    ],
)  # fmt: skip
def test_memory_chooses_between_units_of_one_name(text, device):
    assert resolve(text).device == device


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("NVIDIA V100, 16 GB", "nvidia-v100"), ("NVIDIA V100 SXM2, 32 GB", "nvidia-v100"), ("NVIDIA V100", "nvidia-v100"),
        ("Raspberry Pi 3, 1 GB", "raspberry-pi-3"), ("Jetson AGX Orin, 16 GB", "jetson-agx-orin-gpu"),
    ],
)  # fmt: skip
def test_memory_of_no_unit_of_that_name_chooses_none(text, device):
    assert resolve(text).device == device
