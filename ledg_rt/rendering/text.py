"""Foreign text made harmless for people's eyes, and measured in columns of a terminal."""

from __future__ import annotations

from unicodedata import category, combining, east_asian_width

DETAIL_LIMIT = 400
"""Characters of a message or hint that are shown; the JSON formats have all of them."""

_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def visible(text: str) -> str:
    r"""``text`` on one line: what would move a cursor, reorder text or break a line becomes ``\xNN``.

    Bytes of a path that are not UTF-8 are shown as such. Marks that make build logs run a command
    (``::error::`` at the start of a line, ``##[error]``) lose their first character to ``\xNN`` as well.
    """
    if not text.isascii() or not text.isprintable():
        text = "".join(_escaped(letter) if category(letter) in _HIDDEN else letter for letter in text)
    if text.lstrip().startswith("::"):
        text = text.replace(":", "\\x3a", 1)
    return text.replace("##[", "\\x23#[")


def width_of(text: str) -> int:
    """Columns that visible text takes: 2 for East Asian wide characters and emoji, 0 for accents."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(letter) else 1 + (east_asian_width(letter) in "WF") for letter in text)


def fit(text: str, width: int) -> str:
    """``text`` in at most ``width`` columns; the middle makes way, since paths differ at their ends."""
    if width_of(text) <= width:
        return text
    if width <= 3:
        return "." * width
    head, tail = (width - 3) // 3, width - 3 - (width - 3) // 3
    return _first(text, head) + "..." + _first(text[::-1], tail)[::-1]


def pad(text: str, width: int) -> str:
    """``text`` with spaces up to ``width`` columns."""
    return text + " " * (width - width_of(text))


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` columns, at least one; lines after the first get ``indent``."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line.strip() and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = indent
        line = f"{line} {word}" if line.strip() else line + word
        while width_of(line) > width:
            head = _first(line, width)
            lines.append(head)
            line = indent + line[len(head) :]
    return [*lines, line] if line.strip() or not lines else lines


def _escaped(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that Python could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _first(text: str, width: int) -> str:
    end = 0
    for letter in text:
        width -= width_of(letter)
        if width < 0:
            break
        end += 1
    return text[:end]
