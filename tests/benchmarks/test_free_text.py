from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from benchmarks.accuracy.free_text import Phrasing, differences, phrasings
from ledg_rt.platforms import resolve
from ledg_rt.platforms.catalogue import devices

ALL = phrasings()


def words(text):
    return f" {' '.join(re.findall(r'[a-z0-9.+]+', text.lower()))} "


def test_ten_different_phrasings_of_each_of_fifty_devices():
    by_platform = Counter(phrasing.platform for phrasing in ALL)
    assert len(by_platform) == 50
    assert set(by_platform.values()) == {10}
    assert len({phrasing.text for phrasing in ALL}) == 500
    assert sum(phrasing.named for phrasing in ALL) == 250


@pytest.mark.parametrize("platform", sorted({phrasing.platform for phrasing in ALL}))
def test_every_platform_is_an_id_of_the_catalogue(platform):
    assert resolve(platform).device == platform.split("/")[0]
    assert resolve(platform).id == platform


def test_half_of_them_have_no_name_of_the_catalogue():
    for phrasing in ALL:
        device = devices()[phrasing.platform.split("/")[0]]
        names = {words(name) for name in (device.id, device.name, *device.aliases)}
        if not phrasing.named:
            assert not any(name in words(phrasing.text) for name in names), phrasing.text


def test_a_name_of_the_catalogue_is_always_recognised():
    for phrasing in ALL:
        if phrasing.named:
            assert resolve(phrasing.text).device == phrasing.platform.split("/")[0], phrasing.text


def test_runtime_precision_and_threads_in_words_are_those_of_the_id():
    for phrasing in ALL:
        found, meant = resolve(phrasing.text), resolve(phrasing.platform)
        assert (found.precision, found.threads) == (meant.precision, meant.threads), phrasing.text
        if found.device == meant.device:
            assert found.runtime == meant.runtime, phrasing.text


def test_the_difference_is_the_median_over_networks():
    logs = {"nvidia-t4/tensorrt/fp16": np.array([1.0, 2.0, 3.0]), "T4 fp16": np.array([1.1, 1.8, 3.5])}
    (found,) = differences(
        [Phrasing("nvidia-t4/tensorrt/fp16", "T4 fp16", True)], lambda platform: logs[platform.text]
    )
    assert found.percent == pytest.approx(20)
    assert found.device == "nvidia-t4"
