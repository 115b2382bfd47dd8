"""Treatment of text from data as hostile: every character becomes visible and harmless before a terminal sees it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

from secconsole.domain.once import once

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]

# Printable according to Unicode, but drawn as nothing: they hide in a name as well as a zero-width space does.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {chr(c) for c in range(0x180B, 0x1810)}
VARIATION = frozenset(chr(c) for c in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
# What Python treats as whitespace, as a class for regular expressions: \s of other dialects lacks some of these.
BLANKS = r"\s\x1c-\x1f\x85"
_GAPS = re.compile(f"[{BLANKS}]+")
# Letters by category that decompose into text beginning with a mark.
_MARKS_WITHIN = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
_LONGEST_RUN = 30  # marks reordered at once (Unicode Standard Annex #15, section 13: Stream-Safe Text Format)
_MOST_MARKS = 2  # more combining marks on one letter reach into the lines above and below


def visible(text: str) -> str:
    r"""Return the text with everything unprintable escaped as `\x1b`, `\u202e` or `\U000e0041`.

    That covers control characters (C0, DEL, C1), format characters (bidi, zero-width), lone surrogates, private use,
    unassigned code points, every space but U+0020, invisible fillers, and marks piled on one letter. The result holds
    only characters that occupy cells of their own on the screen. Plain text is returned unchanged.
    """
    if text.isascii() and text.isprintable():
        return text
    out: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me") else 0
        hidden = not char.isprintable() or char in BLANK or char in VARIATION or marks > _MOST_MARKS
        out.append(escape(char) if hidden else char)
    return "".join(out)


def one_line(text: str) -> str:
    """Return pasted text for a field of one line, without line ends around it.

    Blanks, tabs and line ends between words become one space. Other characters that cannot be typed are dropped.
    """
    line = _GAPS.sub(" ", text.strip("\r\n\t"))
    return "".join(char for char in line if char.isprintable())


def escape(char: str) -> str:
    """Return a character as its code point, in the shortest of Python's three escapes."""
    point = ord(char)
    if point <= 0xFF:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def normal(form: Form, text: str) -> str:
    """Return a text in a normal form, in time linear in its length.

    Unicode's own rule sorts any number of consecutive marks, in quadratic time: 80,000 marks take a minute, during
    which nothing else runs. Here at most thirty are sorted at once. No language has as many on one letter.
    """
    return text if text.isascii() else _normal(form, text)


@once
def _normal(form: Form, text: str) -> str:
    if len(text) <= _LONGEST_RUN:
        return unicodedata.normalize(form, text)
    return "".join(unicodedata.normalize(form, part) for part in _stretches(text))


def _stretches(text: str) -> Iterator[str]:
    """Split a text within runs of marks that are longer than any language needs, and nowhere else."""
    start = run = 0
    for index, char in enumerate(text):
        run = run + 1 if unicodedata.combining(char) or char in _MARKS_WITHIN else 0
        if run > _LONGEST_RUN:
            yield text[start:index]
            start, run = index, 1
    yield text[start:]


def is_plain(text: str) -> bool:
    """Return True if `visible` would not change the text."""
    return visible(text) == text
