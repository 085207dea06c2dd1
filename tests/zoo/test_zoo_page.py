"""docs/zoo.md: a published figure, or why there is none, for every family."""

import ast
import re
from collections import Counter
from pathlib import Path

from ledg_export import zoo

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]


def test_every_family_is_there_once():
    named = Counter(family for row in ROWS for family in re.findall(r"`(\w+)`", row[0]))
    assert named == Counter(zoo.families())


def test_every_row_says_whose_figures_and_names_a_test_that_exists():
    for row in ROWS:
        assert len(row) == 4
        assert all(row), row
        file, _, name = row[3].strip("`").partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, row
