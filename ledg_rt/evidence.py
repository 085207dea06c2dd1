"""How near a platform is to what training saw: the kinds of evidence that have intervals of their own."""

from __future__ import annotations

from collections.abc import Container, Sequence

EVIDENCE = ("known", "chip", "unknown")


def evidence(keys: Sequence[str], known: Container[str]) -> str:
    """``known``: this runtime and precision on this device; ``chip``: others on it, or on another device of its chip; else ``unknown``.

    Args:
        keys: of the platform, see ``encoding.platform_keys``.
        known: those of the training set.
    """
    if any(key in known for key in keys if key.startswith("stack ")):
        return "known"
    return "chip" if any(key in known for key in keys) else "unknown"
