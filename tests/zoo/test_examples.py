from pathlib import Path

import pytest

from ledg_export import zoo
from ledg_rt.reading import read_graph

FOLDER = Path(__file__).resolve().parents[2] / "examples"


def test_the_committed_examples_are_what_the_zoo_writes(tmp_path):
    zoo.write_examples(tmp_path)
    assert {path.name for path in FOLDER.glob("*.onnx")} == set(zoo.EXAMPLES)
    for name in zoo.EXAMPLES:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), name


@pytest.mark.parametrize("name", zoo.EXAMPLES)
def test_an_example_is_small_and_read_with_every_shape(name):
    path = FOLDER / name
    assert path.stat().st_size < 300_000
    graph = read_graph(path)
    assert graph.notes == ()
    assert all(output.resolved for node in graph.nodes for output in node.outputs)


def test_the_readme_lists_every_example_with_its_graph_id():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    missing = [
        name
        for name, graph_id in zoo.EXAMPLES.items()
        if name not in text or graph_id.replace("|", "\\|") not in text
    ]
    assert missing == []
