from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledg_rt.platforms import resolve

PAGES = Path(__file__).parents[2] / "docs" / "cli"
COMMANDS = {
    "predict": "predict", "platforms list": "platforms", "platforms show": "platforms",
    "platforms describe": "platforms", "doctor": "doctor",
    "evaluate": "evaluate", "calibrate": "calibrate",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_in_the_docs_are_the_help_text(ledg, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = ledg(*command.split(), "--help")
    assert code == 0
    block = f"```text\n{out.rstrip()}\n```"
    page = (PAGES / f"{COMMANDS[command]}.md").read_text(encoding="utf-8")
    assert block in page, f"put the output of `COLUMNS=80 ledg {command} --help` into the page"


def test_the_platform_file_in_the_docs_is_understood(tmp_path):
    (toml,) = re.findall(
        r"```toml\n(.*?)```", (PAGES / "platforms.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (tmp_path / "board.toml").write_text(toml)
    platform = resolve(str(tmp_path / "board.toml"))
    assert (platform.name, platform.precision, platform.threads) == ("Our board", "int8", 4)
    assert set(platform.named) == {"peak_gops", "bandwidth_gbs", "cores", "clock_ghz"}


@pytest.mark.parametrize("page", sorted(set(COMMANDS.values())))
def test_every_page_has_the_same_headings(page):
    lines = (PAGES / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        f"# ledg {page}", "## When to use it", "## Examples", "## Options", "## Pitfalls",
    ]  # fmt: skip
