"""The one error tree: every failure a user can cause has a stable code, a message and a hint."""

from __future__ import annotations


class LedgError(Exception):
    """What went wrong (``message``), as a stable ``code``, and what to do next (``hint``)."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint


class ModelError(LedgError):
    """A model file that cannot be read or predicted; the batch goes on with the next one."""


class PlatformError(LedgError):
    """A platform text, id or file that cannot be understood."""


class BundleError(LedgError):
    """A missing, damaged or incompatible bundle."""
