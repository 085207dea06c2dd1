import pytest

from ledg_rt.errors import PlatformError
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import cores, devices
from ledg_rt.platforms.resolve import from_id


def test_catalogue_id_round_trips():
    text = "raspberry-pi-4/tflite/int8/4t+fan-off"
    platform = resolve(text)
    assert platform.id == text
    assert (platform.device, platform.runtime, platform.precision, platform.threads) == (
        "raspberry-pi-4",
        "tflite",
        "int8",
        4,
    )
    assert platform.tags == ("fan-off",)


def test_tags_are_sorted():
    assert resolve("nvidia-t4/tensorrt/fp16+triton+maxq").id == "nvidia-t4/tensorrt/fp16+maxq+triton"


def test_peak_of_a_cpu_follows_its_threads():
    one, four = resolve("raspberry-pi-4/ncnn/fp32/1t"), resolve("raspberry-pi-4/ncnn/fp32/4t")
    core = cores()[devices()["raspberry-pi-4"].clusters[0].core]
    clock = devices()["raspberry-pi-4"].clusters[0].clock_ghz
    assert one.peak_gops == pytest.approx(core.ops_per_cycle["fp32"] * clock)
    assert four.peak_gops == pytest.approx(4 * one.peak_gops)


def test_more_threads_than_cores_add_nothing():
    assert (
        resolve("raspberry-pi-4/ncnn/fp32/64t").peak_gops == resolve("raspberry-pi-4/ncnn/fp32/4t").peak_gops
    )


@pytest.mark.parametrize("threads", ["0t", "²t", f"{'9' * 5000}t"])
def test_a_thread_count_that_is_none_makes_no_id(threads):
    assert from_id(f"raspberry-pi-4/ncnn/fp32/{threads}") is None


def test_platform_file_takes_the_device_and_its_own_figures(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('device = "nvidia-t4"\nprecision = "int8"\nruntime = "tensorrt"\npower_w = 50\n')
    platform = resolve(str(path))
    assert platform.power_w == 50
    assert platform.peak_gops == resolve("nvidia-t4/tensorrt/int8").peak_gops


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("speed = 3", "unknown key 'speed'"),
        ('precision = "fp33"', "unknown precision"),
        ("clock_ghz = 0", "out of range"),
        ('device = "no-such-thing"', "no device"),
        ("= broken", "not valid TOML"),
        ('core = "cortex-a720000"', "no core 'cortex-a720000'"),
        ("core = 72", "no core 72"),
        (f'core = "sve@{"9" * 400}"', "no core"),
        ('core = "vnni"', "no core 'vnni'"),
    ],
)
def test_faulty_platform_file_names_the_fault(tmp_path, content, message):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(PlatformError, match=message):
        resolve(str(path))


@pytest.mark.parametrize(
    ("content", "core"),
    [
        ('core = "Arm Cortex-A55"', "cortex-a55"),
        ('core = "cortex-a55"', "cortex-a55"),
        ('architecture = "Cortex-A55"', "cortex-a55"),
        ('architecture = "Zen 4"\ncore = "zen3"', "zen3"),
        ('core = "avx512+vnni"', "avx512+vnni"),
        ('architecture = "Turing"', None),
        ('device = "rk3399-cpu"\ntags = ["little"]\nthreads = 1', "cortex-a53"),
    ],
)
def test_platform_file_names_the_core_that_runs(tmp_path, content, core):
    path = tmp_path / "mine.toml"
    path.write_text(content)
    assert resolve(str(path)).core == core


def test_missing_platform_file_is_an_error_not_free_text(tmp_path):
    with pytest.raises(PlatformError, match="cannot be read"):
        resolve(str(tmp_path / "gone.toml"))


def test_every_device_resolves_with_its_cores_known():
    for device in devices().values():
        assert all(cluster.core in cores() for cluster in device.clusters), device.id
        assert resolve(f"{device.id}/unknown/fp32").device == device.id


def test_sixteen_bits_are_at_most_as_fast_as_the_eight_that_an_npu_publishes():
    eight = resolve("qcs9075-hexagon/qnn-2.42.0/int8").peak_gops
    assert resolve("qcs9075-hexagon/qnn-2.42.0/fp16").peak_gops == eight
    assert resolve("qcs9075-hexagon/qnn-2.42.0/w8a16").peak_gops == eight
    assert resolve("qcs9075-hexagon/qnn-2.42.0/fp32").peak_gops is None


def test_a_peak_of_its_own_goes_before_that_of_fewer_bits():
    assert resolve("nvidia-t4/tensorrt/fp16").peak_gops == 65_000
    assert resolve("nvidia-t4/tensorrt/int8").peak_gops == 130_000
