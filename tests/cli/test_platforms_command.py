from __future__ import annotations

import json

import pytest

from ledg_rt.platforms.catalogue import devices


def test_list_has_every_device(ledg):
    code, out, _ = ledg("platforms", "list", "--format", "json")
    assert code == 0
    assert [device["id"] for device in json.loads(out)] == list(devices())
    assert len(ledg("platforms", "list")[1].splitlines()) == len(devices()) + 1


def test_show_has_figures_and_their_sources(ledg):
    code, out, _ = ledg("platforms", "show", "raspberry-pi-5", "--format", "json")
    device = json.loads(out)
    assert code == 0
    assert device["id"] == "raspberry-pi-5"
    assert device["clusters"][0]["count"] == 4
    assert device["sources"]
    table = ledg("platforms", "show", "raspberry-pi-5")[1]
    assert " x cortex-a76 at " in table


def test_show_of_an_unknown_device_suggests_near_ones(ledg):
    code, out, err = ledg("platforms", "show", "raspbery-pi-5")
    assert (code, out) == (2, "")
    assert "no device 'raspbery-pi-5' in the catalogue; perhaps raspberry-pi-5" in err


def test_describe_tells_the_text_from_the_catalogue(ledg):
    code, out, _ = ledg(
        "platforms", "describe", "Raspberry Pi 5, tflite int8, 2 GB, 4 threads", "--format", "json"
    )
    page = json.loads(out)
    assert code == 0
    assert (page["device"], page["runtime"], page["precision"], page["threads"]) == (
        "raspberry-pi-5",
        "tflite",
        "int8",
        4,
    )
    assert page["numbers"]["memory_gb"] == {"value": 2.0, "from": "text"}
    assert page["numbers"]["clock_ghz"]["from"] == "catalogue"
    assert "Raspberry Pi 5" in page["sentence"]


def test_describe_says_which_version_stands_in(ledg):
    _, out, _ = ledg("platforms", "describe", "raspberry-pi-4/tflite/fp32", "--format", "json")
    page = json.loads(out)
    assert page["id"] == f"raspberry-pi-4/{page['runtime']}/fp32"
    assert page["runtime"].startswith("tflite-2.")
    assert page["runtime_from"] == "newest version known of tflite"
    table = ledg("platforms", "describe", "raspberry-pi-4/tflite/fp32")[1]
    assert "newest version known of tflite" in table


def test_describe_says_what_is_unknown(ledg):
    _, out, _ = ledg("platforms", "describe", "quantum abacus, 3 W")
    lines = {line.split()[0]: line.split() for line in out.splitlines()}
    assert lines["power_w"] == ["power_w", "3", "text"]
    assert lines["bandwidth_gbs"] == ["bandwidth_gbs", "-", "unknown"]


def test_describe_says_what_was_derived(ledg):
    _, out, _ = ledg("platforms", "describe", "quad core Cortex-A72 at 1.5 GHz", "--format", "json")
    assert json.loads(out)["numbers"]["peak_gops"]["from"] == "derived from the text"


@pytest.mark.parametrize("text", ["", "  ", "CPU at 0 GHz", "gone.toml"])
def test_what_no_hardware_is_is_wrong_usage(ledg, text):
    code, out, err = ledg("platforms", "describe", text)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_describe_names_the_core_that_runs(ledg):
    told = ledg("platforms", "describe", "rk3399-cpu/ncnn/fp32/1t+little", "--format", "json")[1]
    assert json.loads(told)["core"] == "Arm Cortex-A53 (in order, decodes 2)"
    assert json.loads(ledg("platforms", "describe", "Tesla T4", "--format", "json")[1])["core"] is None


def test_describe_cuts_and_says_so(ledg):
    _, out, _ = ledg("platforms", "describe", "fast " * 200_000, "--format", "json")
    assert json.loads(out)["flags"] == ["text_cut"]


def test_hostile_text_stays_on_its_line(ledg):
    _, out, _ = ledg("platforms", "describe", "\x1b[2J\u202e chip")
    assert "\x1b" not in out
    assert "\u202e" not in out
