"""Text from data is hostile: make every character of it visible and harmless before a terminal sees it."""

from __future__ import annotations

import unicodedata

# Printable by Unicode's book, and yet nothing is drawn: they hide in a name as well as a zero-width space does.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0x180B, 0x1810)}
_VARIATION = frozenset(chr(c) for c in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
# What Python takes for blank, for a class in a regular expression: other dialects' \s leaves some of these out.
BLANKS = r"\s\x1c-\x1f\x85"
_MOST_MARKS = 2  # more combining marks than this on one letter climb into the lines above and below


def visible(text: str) -> str:
    """Return the text with everything unprintable spelled out as `\\x1b`, `\\u202e` or `\\U000e0041`.

    That covers control characters (C0, DEL, C1), format characters (bidi, zero-width), lone surrogates, private use,
    unassigned code points, every space but U+0020, invisible fillers, and marks piled on one letter. The result holds
    only characters that take their own cells on the screen; plain text comes back as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me") else 0
        hidden = not char.isprintable() or char in _BLANK or char in _VARIATION or marks > _MOST_MARKS
        out.append(escape(char) if hidden else char)
    return "".join(out)


def escape(char: str) -> str:
    """Spell one character by its code point, in the shortest of Python's three forms."""
    point = ord(char)
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def is_plain(text: str) -> bool:
    """Whether `visible` would leave the text as it is."""
    return visible(text) == text
