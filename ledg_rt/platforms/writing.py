"""A ``Platform`` as the platform file that ``resolve`` reads back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import Any

from ledg_rt.platforms.catalogue import devices
from ledg_rt.platforms.device import Platform
from ledg_rt.platforms.resolve import on_device

_NOT_IN_FILES = ("id", "text", "named", "derived", "notes", "chip", "calibration")


def platform_toml(platform: Platform, heading: str) -> str:
    """The text of a platform file.

    Args:
        platform: resolved; what the catalogue fills in again is left out.
        heading: a comment at the top, of one line.
    """
    lines = [f"# {''.join(letter for letter in heading if letter.isprintable())}"]
    lines += [f"{name} = {_value(value)}" for name, value in _own(platform)]
    if platform.calibration is not None:
        lines += ["", "[calibration]"]
        lines += [f"{name} = {_value(value)}" for name, value in asdict(platform.calibration).items()]
    return "\n".join(lines) + "\n"


def _own(platform: Platform) -> Iterator[tuple[str, Any]]:
    """Fields that differ from those of a platform without them."""
    base = Platform(id="", text="")
    if platform.device is not None:
        usage = {name: getattr(platform, name) for name in ("runtime", "precision", "threads", "tags")}
        base = on_device(devices()[platform.device], "", **usage)
    for field in fields(Platform):
        value = getattr(platform, field.name)
        always = field.name in ("device", "runtime", "precision", "threads", "tags") and value not in (
            None,
            (),
        )
        if field.name not in _NOT_IN_FILES and (always or value != getattr(base, field.name)):
            yield field.name, value


def _value(value: Any) -> str:
    """A TOML value. Half characters, which no TOML holds, become question marks."""
    if isinstance(value, str):
        # JSON's escapes are TOML's but for DEL, and its pairs of surrogates are not used here.
        whole = value.encode("utf-8", "replace").decode()
        return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
