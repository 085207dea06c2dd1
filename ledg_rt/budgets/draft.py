"""A first ``ledg.toml``: the models that are there, limits at their predictions plus a margin."""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ledg_rt.budgets.globs import key_of
from ledg_rt.budgets.quantities import round_up
from ledg_rt.platforms.resolve import from_id
from ledg_rt.rendering.text import visible
from ledg_rt.results import Row

HEAD = """\
# Latency budgets, judged by `ledg check`. Latencies are predicted for one run of the whole batch.
#
# More keys of a [[budget]]:
#   max_increase = "5%"        against the models of `ledg check --base`; instead of limit, or with it
#   basis = "upper"            judge the upper end of the interval (p90); the median (p50) without it
#   level = "warn"             or "off"; "error" without it
#   on_unknown_ops = "error"   what a number does that does not cover the whole graph; or "ignore"; "warn" without it
#   shapes = { input = "1x3x224x224" }
# models are globs relative to this file, ** goes through folders, a leading ! takes away.
"""


def draft(
    rows: Sequence[Row],
    platforms: Sequence[str],
    folder: Path,
    margin: float,
    shapes: Mapping[str, Sequence[int]],
) -> str:
    """The text of a configuration in ``folder``: a budget for each row, models first.

    Args:
        rows: of models on ``platforms``, in the order of ``Predictor.predict``. One without a number becomes
            a comment.
        platforms: what was given as ``--platform``, in order.
        folder: where the file will be.
        margin: what a limit leaves above the predicted median, as a share of it.
        shapes: dimensions of graph inputs by name.
    """
    names = _names(platforms)
    parts = [HEAD]
    for name, text in zip(names, platforms, strict=True):
        parts.append(f"[platform.{name}]\n{_platform(text, folder)}\n")
    for at, row in enumerate(rows):
        parts.append(_budget(row, names[at % len(names)], folder, margin, shapes))
    return "\n".join(parts)


def _names(platforms: Sequence[str]) -> list[str]:
    """A short name for each platform, of letters and digits, told apart by numbers."""
    names: list[str] = []
    for text in platforms:
        slug = "-".join(re.findall(r"[a-z0-9]+", text.lower()))[:40].strip("-") or "platform"
        taken = sum(name == slug or name.startswith(f"{slug}-x") for name in names)
        names.append(f"{slug}-x{taken + 1}" if taken else slug)
    return names


def _platform(text: str, folder: Path) -> str:
    if from_id(text) is not None:
        return f"id = {_toml(text)}"
    if text.strip().endswith(".toml"):
        return f"file = {_toml(key_of(text.strip(), folder))}"
    return f"text = {_toml(text)}"


def _budget(row: Row, platform: str, folder: Path, margin: float, shapes: Mapping[str, Sequence[int]]) -> str:
    model = key_of(row.model.path, folder)
    if row.latency_ms is None or row.error is not None:
        reason = f"{row.error.message}; {row.error.hint}" if row.error else ""
        return f"# {visible(model)} on {platform}: not predicted, {visible(reason)}\n"
    latency = row.latency_ms
    limit = round_up(latency.p50 * (1 + margin))
    lines = [
        f"# predicted: p50 {latency.p50:.4g} ms, interval {latency.p10:.4g} to {latency.p90:.4g} ms"
        + (f"; {', '.join(row.flags)}" if row.flags else ""),
        "[[budget]]",
        f"name = {_toml(f'{model}, {platform}')}",
        f"models = [{_toml(_pattern(model))}]",
        f"platform = {_toml(platform)}",
        f"limit = {_toml(f'{limit:.10g} ms')}",
    ]
    if shapes:
        inner = ", ".join(
            f"{_toml(name)} = {_toml('x'.join(map(str, sizes)))}" for name, sizes in shapes.items()
        )
        lines.append(f"shapes = {{ {inner} }}")
    return "\n".join(lines) + "\n"


def _pattern(path: str) -> str:
    """A glob that matches this path alone; bytes that are not UTF-8 as ``?``, since TOML cannot hold them."""
    pattern = "".join("?" if "\ud800" <= letter <= "\udfff" else letter for letter in glob.escape(path))
    return f"./{pattern}" if pattern.startswith("!") else pattern


def _toml(text: str) -> str:
    """A basic string of TOML: JSON's, but without lone surrogates and with DEL escaped."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
