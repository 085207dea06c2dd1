"""``ledg platforms``: the catalogue of devices, and what a description was understood as."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ledg_cli.options import PageFormat
from ledg_cli.pages import write_json, write_table
from ledg_rt.errors import PlatformError

platforms_app = typer.Typer(no_args_is_help=False, rich_markup_mode=None)
Format = Annotated[PageFormat, typer.Option(help="How to write it.")]


@platforms_app.callback()
def _platforms() -> None:
    """Known hardware, and how a description is understood."""


@platforms_app.command("list")
def list_devices(format: Format = PageFormat.TABLE) -> None:
    """List the devices of the catalogue."""
    from ledg_rt.platforms.catalogue import devices

    keys = ("id", "kind", "year", "name")
    found = [{key: getattr(device, key) for key in keys} for device in devices().values()]
    if format is PageFormat.JSON:
        write_json(found)
    else:
        write_table([keys, *([_words(device[key]) for key in keys] for device in found)])


@platforms_app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="Device of `ledg platforms list`.")],
    format: Format = PageFormat.TABLE,
) -> None:
    """Show what the catalogue knows of a device, and where its figures were published."""
    from ledg_rt.platforms.catalogue import devices

    device = devices().get(id)
    if device is None:
        from difflib import get_close_matches

        near = get_close_matches(id.split("/")[0], devices(), n=3)
        hint = (
            f"perhaps {' or '.join(near)}" if near else "see `ledg platforms list`, or describe it in words"
        )
        raise PlatformError("usage", f"no device {id!r} in the catalogue", hint)
    if format is PageFormat.JSON:
        write_json(asdict(device))
    else:
        table = asdict(device)
        table["clusters"] = [
            f"{item.count} x {item.core} at {item.clock_ghz:g} GHz" for item in device.clusters
        ]
        write_table([(key, _words(value)) for key, value in table.items() if value not in (None, (), [], {})])


@platforms_app.command()
def describe(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What you would give to --platform.")],
    format: Format = PageFormat.TABLE,
) -> None:
    """Show what a platform is understood as: the sentence and the numbers that the model sees."""
    from ledg_rt.bundles import open_bundle
    from ledg_rt.language import platform_sentence
    from ledg_rt.platforms import resolve
    from ledg_rt.platforms.resolve import NUMBERS
    from ledg_rt.versions import newest_version

    described = resolve(text)
    platform = newest_version(described, open_bundle().known())
    page: dict[str, Any] = {
        "id": platform.id,
        "sentence": platform_sentence(platform),
        "device": platform.device,
        "core": _core(platform.core),
        "runtime": platform.runtime,
        "runtime_from": _runtime_origin(described, platform),
        "precision": platform.precision,
        "threads": platform.threads,
        "tags": list(platform.tags),
        "numbers": {
            name: {"value": getattr(platform, name), "from": _origin(platform, name)}
            | _derivation(platform, name)
            for name in NUMBERS
        },
        "flags": list(platform.notes),
    }
    if format is PageFormat.JSON:
        write_json(page)
        return
    numbers, origins = page.pop("numbers"), {"runtime": page.pop("runtime_from")}
    write_table(
        [
            *((key, _words(value), origins.get(key, "")) for key, value in page.items()),
            *(
                (name, _words(number["value"]), ": ".join(filter(None, (number["from"], number.get("of")))))
                for name, number in numbers.items()
            ),
        ]
    )


def _core(core_id: str | None) -> str | None:
    """The core that runs and its pipeline: ``Arm Cortex-A55 (in order, decodes 2)``."""
    from ledg_rt.platforms.instruction_sets import core_of

    if core_id is None:
        return None
    core = core_of(core_id)
    width = f"decodes {core.decode}" if core.decode else None
    about = ", ".join(filter(None, (core.pipeline, width)))
    return f"{core.name} ({about})" if about else core.name


def _runtime_origin(described: Any, meant: Any) -> str:
    """Where the runtime of a platform comes from."""
    if meant.runtime != described.runtime:
        return f"newest version known of {described.runtime}"
    return "text" if meant.runtime else "unknown"


def _origin(platform: Any, name: str) -> str:
    """Where a number of a platform comes from."""
    if getattr(platform, name) is None:
        return "unknown"
    if name in platform.named:
        return "text"
    return "derived from the text" if name in dict(platform.derived) else "catalogue"


def _derivation(platform: Any, name: str) -> dict[str, str]:
    """What a derived number follows from."""
    of = dict(platform.derived).get(name)
    return {"of": of} if of else {}


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value)) or "-"
    if value is None:
        return "-"
    return f"{value:g}" if isinstance(value, float) else str(value)
