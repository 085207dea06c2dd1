from __future__ import annotations

import re
from pathlib import Path

import pytest

from ledg_rt.platforms import resolve

PAGES = Path(__file__).parents[2] / "docs" / "cli"
COMMANDS = {
    "predict": "predict", "platforms list": "platforms", "platforms show": "platforms",
    "platforms describe": "platforms", "doctor": "doctor", "check": "check", "diff": "diff", "init": "init",
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


def test_the_outcomes_breaches_and_notes_in_the_docs_are_those_of_the_code():
    from ledg_rt.budgets.verdicts import Kind, Note, Outcome

    _, _, after = (PAGES.parent / "errors.md").read_text(encoding="utf-8").partition("## Outcomes and notes")
    documented = [line.split("`")[1] for line in after.splitlines() if line.startswith("| `")]
    assert documented == [*Outcome, *Kind, *Note]


def test_the_configuration_in_the_docs_is_understood(tmp_path):
    from ledg_rt.budgets import load
    from ledg_rt.budgets.cases import platforms_of

    (toml,) = re.findall(r"```toml\n(.*?)```", (PAGES / "check.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "ledg.toml").write_text(toml)
    configuration = load(tmp_path / "ledg.toml")
    assert list(platforms_of(configuration)) == ["t4", "phone"]
    (budget,) = configuration.budgets
    assert (budget.platforms, budget.limit_ms, budget.max_increase) == (("t4", "phone"), 35, 0.05)


@pytest.mark.parametrize("page", sorted(set(COMMANDS.values())))
def test_every_page_has_the_same_headings(page):
    lines = (PAGES / f"{page}.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        f"# ledg {page}", "## When to use it", "## Examples", "## Options", "## Pitfalls",
    ]  # fmt: skip
