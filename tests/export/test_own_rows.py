import csv

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from ledg_export import corpus, own_rows
from ledg_export.main import app, main
from ledg_export.zoo import build
from ledg_rt.errors import LedgError

# A row of MLPerf Inference v1.0 single-stream results (mlcommons, Apache-2.0), p50 in ms.
ROW = {"model": "net.onnx", "platform": "raspberry-pi-4/tflite-2.4.1-ruy/fp32", "latency_ms": "4.70501"}


@pytest.fixture
def file(tmp_path):
    (tmp_path / "net.onnx").write_bytes(build("mobilenet_v1/0.25-128").SerializeToString())
    return tmp_path / "mine.csv"


def write(file, *rows):
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_own_rows_are_samples_of_the_corpus(file, tmp_path):
    write(file, {**ROW, "batch": "", "family": ""}, {**ROW, "batch": "4", "family": "mobilenet_v1"})
    assert own_rows.add(file, tmp_path / "cache", "mine") == 2
    found = corpus.load(tmp_path / "cache")
    assert [(sample.batch, sample.latency_ms, sample.source) for sample in found.samples] == [
        (1, 4.70501, "mine"),
        (4, 4.70501, "mine"),
    ]
    first, second = found.samples
    assert first.graph_id == second.graph_id
    assert (first.family, second.family) == (first.graph_id, "mobilenet_v1")
    assert len(found.graphs[first.graph_id].text) > 20


def test_adding_again_replaces_the_rows(file, tmp_path):
    write(file, ROW, ROW)
    own_rows.add(file, tmp_path / "cache", "mine")
    write(file, {**ROW, "latency_ms": "5"})
    own_rows.add(file, tmp_path / "cache", "mine")
    assert [sample.latency_ms for sample in corpus.load(tmp_path / "cache").samples] == [5.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latency_ms": "-1"}, "line 2: latency_ms '-1'"),
        ({"latency_ms": "fast"}, "line 2: latency_ms 'fast'"),
        ({"batch": "0"}, "line 2: batch '0'"),
        ({"platform": "a box under my desk"}, "line 2: 'a box under my desk' is no device"),
        ({"platform": ""}, "empty"),
        ({"model": "gone.onnx"}, "gone.onnx"),
    ],
)
def test_a_row_that_cannot_be_used_adds_nothing(file, tmp_path, change, message):
    write(file, {**ROW, **change})
    with pytest.raises(LedgError, match=message):
        own_rows.add(file, tmp_path / "cache", "mine")
    assert not (tmp_path / "cache").exists()


def test_files_without_columns_rows_or_content_say_so(file, tmp_path):
    with pytest.raises(LedgError, match="cannot be read"):
        own_rows.add(file, tmp_path / "cache", "mine")
    file.write_text("model,latency\nnet.onnx,3\n")
    with pytest.raises(LedgError, match="no column platform, latency_ms"):
        own_rows.add(file, tmp_path / "cache", "mine")
    file.write_text("model,platform,latency_ms\n")
    with pytest.raises(LedgError, match="no rows"):
        own_rows.add(file, tmp_path / "cache", "mine")


def test_names_of_public_sources_are_taken(file, tmp_path):
    write(file, ROW)
    with pytest.raises(LedgError, match="public source"):
        own_rows.add(file, tmp_path / "cache", "ncnn")


def test_export_writes_every_sample_with_its_columns(file, tmp_path):
    write(file, ROW, {**ROW, "latency_ms": "5"})
    own_rows.add(file, tmp_path / "cache", "mine")
    assert own_rows.export(tmp_path / "cache", tmp_path / "all.csv") == 2
    with (tmp_path / "all.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["latency_ms"]) for row in rows] == [4.70501, 5.0]
    assert own_rows.export(tmp_path / "cache", tmp_path / "all.parquet", ["mine"]) == 2
    assert pq.read_table(tmp_path / "all.parquet")["platform"].to_pylist() == [ROW["platform"]] * 2
    with pytest.raises(LedgError, match=r"\.csv or \.parquet"):
        own_rows.export(tmp_path / "cache", tmp_path / "all.json")


def test_commands_add_and_export(file, tmp_path):
    write(file, ROW)
    cache = ["--cache", str(tmp_path / "cache")]
    added = CliRunner().invoke(app, ["corpus", "add", str(file), *cache, "--name", "mine"])
    assert (added.exit_code, added.stdout) == (0, "1 samples added as mine\n")
    output = tmp_path / "all.csv"
    exported = CliRunner().invoke(app, ["corpus", "export", str(output), *cache, "--source", "mine"])
    assert (exported.exit_code, exported.stdout) == (0, f"1 samples in {output}\n")


def test_what_a_user_can_mend_is_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["ledg-export", "corpus", "add", str(tmp_path / "gone.csv"), "--cache", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("ledg-export: error:")
    assert "gone.csv: cannot be read" in error
    assert error.count("\n") == 1
