"""Each format of a report against its snapshot; UPDATE_SNAPSHOTS=1 writes them anew, for a person to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledg_rt.rendering import Style
from ledg_rt.rendering.check import FORMATS, renderer

FOLDER = Path(__file__).parent / "snapshots"


def compare(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_bytes(text.encode())
    assert text == path.read_bytes().decode()


@pytest.fixture(autouse=True)
def _fixed_version(monkeypatch):
    for place in ("ledg_rt.budgets.report", "ledg_rt.rendering.check.sarif"):
        monkeypatch.setattr(f"{place}.tool_version", lambda: "0.1.0")


@pytest.mark.parametrize("name", FORMATS)
def test_formats(written, report, name):
    compare(f"report.{name}", written(name, report))


def test_a_narrow_terminal_with_colours(written, report):
    compare("narrow.table", written("table", report, Style(width=40, colour=True)))


def test_every_format_has_a_snapshot_and_the_command_knows_it():
    from ledg_cli.check import CheckFormat

    assert {path.suffix[1:] for path in FOLDER.iterdir()} == set(FORMATS)
    assert tuple(CheckFormat) == FORMATS


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="no format 'xml'"):
        renderer("xml")
