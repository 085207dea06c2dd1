"""Optional dependencies: what is missing and how to install it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, metadata
from importlib.util import find_spec

from ledg_rt.errors import LedgError

DISTRIBUTION = "ledg-rt"


def require(extra: str, *modules: str) -> None:
    """Check that ``modules`` can be found, without importing them (only the parents of dotted names).

    Raises:
        LedgError: one is missing; the hint is the command that installs ``extra``.
        ValueError: ``extra`` is not in the package's metadata (a fault of the caller).
    """
    hint = _install_command(extra)
    missing = [module for module in modules if not _found(module)]
    if missing:
        raise LedgError("usage", f"this command needs {', '.join(missing)}", hint)


def _install_command(extra: str) -> str:
    try:
        known = metadata(DISTRIBUTION).get_all("Provides-Extra") or []
    except PackageNotFoundError:
        return f"{DISTRIBUTION} itself is not installed: in its source folder, pip install -e '.[{extra}]'"
    if extra not in known:
        raise ValueError(f"{DISTRIBUTION} has no extra {extra!r}, only {', '.join(known)}")
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a parent of a dotted name is missing
        return False
