"""The published layout, on a tiny folder of it."""

import numpy as np
import pytest

from benchmarks.accuracy.nnlqp_folder import encode, in_domain, leave_one_out, read
from ledg_export import zoo
from ledg_rt.encoding import QUANTITIES
from ledg_rt.errors import LedgError

FAMILIES = ("nnmeter_alexnet", "nasbench201")


@pytest.fixture
def folder(tmp_path):
    lines = []
    for family in FAMILIES:
        for number in range(10):
            lines.append(f"{len(lines):05} onnx/{family}/{number}.onnx 1 {0.5 + number} {family} 1 train")
    (tmp_path / "gt.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_lines_are_read_in_order_and_families_go_by_their_folder(folder):
    rows = read(folder)
    assert [row.latency_ms for row in rows[:3]] == [0.5, 1.5, 2.5]
    assert {row.family for row in rows} == {"alexnet", "nasbench201"}
    assert rows[0].path == folder / "onnx/nnmeter_alexnet/0.onnx"


def test_a_line_may_do_without_the_stage(tmp_path):
    (tmp_path / "gt.txt").write_text("00001 onnx/resnet18/a.onnx 8 2.5 resnet18 10\n")
    (row,) = read(tmp_path)
    assert (row.batch, row.platform, row.family) == (8, 10, "resnet18")


@pytest.mark.parametrize(
    "line", ["1 a.onnx 1", "1 f/a.onnx 1 0 f 1", "1 f/a.onnx one 2.0 f 1", "1 f/a.onnx 1 nan f 1"]
)
def test_a_line_that_is_no_label_is_named(tmp_path, line):
    (tmp_path / "gt.txt").write_text(f"1 onnx/f/a.onnx 1 2.0 f 1\n{line}\n")
    with pytest.raises(LedgError, match="line 2"):
        read(tmp_path)


def test_a_folder_without_labels_is_said(tmp_path):
    with pytest.raises(LedgError, match=r"gt\.txt"):
        read(tmp_path)


def test_the_last_tenth_of_each_family_is_the_test(folder):
    train, test = in_domain(read(folder))
    assert (len(train), [row.path.stem for row in test]) == (18, ["9", "9"])
    assert not {row.path for row in train} & {row.path for row in test}


def test_a_family_left_out_is_in_no_training_row(folder):
    found = list(leave_one_out(read(folder)))
    assert [family for family, *_ in found] == ["alexnet", "nasbench201"]
    for family, train, test in found:
        assert {row.family for row in test} == {family}
        assert family not in {row.family for row in train}
        assert len(train) + len(test) == 20


def test_a_model_is_encoded_at_the_batch_of_its_line(tmp_path):
    file = tmp_path / "onnx/alexnet/a.onnx"
    file.parent.mkdir(parents=True)
    file.write_bytes(zoo.build("alexnet/224").SerializeToString())
    (tmp_path / "gt.txt").write_text("1 onnx/alexnet/a.onnx 1 2.0 a 1\n2 onnx/alexnet/a.onnx 8 9.0 a 10\n")
    one, eight = (encode(row).quantities.sum(0)[QUANTITIES.index("macs")] for row in read(tmp_path))
    np.testing.assert_allclose(eight, 8 * one)
