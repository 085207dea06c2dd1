import pytest

from ledg_export.corpora.image_sizes import contradicted
from ledg_export.corpora.sample import Sample


def samples(*rows):
    """Of (graph id, platform, ms)."""
    return [
        Sample(
            graph_id=graph_id, platform=platform, batch=1, latency_ms=ms, statistic="p50", source="s", family="f",
            isomorphism=graph_id,
        )
        for graph_id, platform, ms in rows
    ]  # fmt: skip


def test_slower_by_more_than_half_than_a_larger_image_is_contradicted():
    # Apple M1, TFLite: 128 and 160 pixels are slower than 192.
    rows = [("mobilenet_v1/0.5-128", "m1", 9.48), ("mobilenet_v1/0.5-160", "m1", 7.22), ("mobilenet_v1/0.5-192", "m1", 1.83)]  # fmt: skip
    assert list(contradicted(samples(*rows))) == [True, True, False]


@pytest.mark.parametrize(
    "larger",
    [
        ("mobilenet_v1/0.5-160", "a", 0.67),  # not by half
        ("mobilenet_v1/0.5-160", "b", 0.1),  # another platform
        ("mobilenet_v1/0.25-160", "a", 0.1),  # another width
        ("mobilenet_v1/0.5-96", "a", 0.1),  # smaller
        ("mobilenet_v1/0.5-128", "a", 0.1),  # a repeat
    ],
)
def test_what_is_no_larger_image_contradicts_nothing(larger):
    assert list(contradicted(samples(("mobilenet_v1/0.5-128", "a", 1.0), larger))) == [False, False]


def test_one_disturbed_repeat_goes_and_the_others_stay():
    rows = [("mobilenet_v2/1.0-128", "a", ms) for ms in (1.0, 4.0)]
    larger = [("mobilenet_v2/1.0-160", "a", ms) for ms in (1.5, 9.0)]
    assert list(contradicted(samples(*rows, *larger))) == [False, True, False, False]


def test_size_comes_before_the_width_of_mobilenet_v3():
    slow, fast = ("mobilenet_v3/large-minimalistic-160-0.75", "a", 2.0), ("mobilenet_v3/large-minimalistic-224-0.75", "a", 1.0)  # fmt: skip
    assert list(contradicted(samples(slow, fast))) == [True, False]


def test_networks_of_one_size_are_left_alone():
    rows = [("resnet/50-224", "a", 1.0), ("efficientnet_lite/0", "a", 9.0), ("efficientnet_lite/4", "a", 1.0)]
    assert not any(contradicted(samples(*rows)))
