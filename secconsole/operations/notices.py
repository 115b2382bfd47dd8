"""Content of a change notice on the wire: the marks of the requests that made the changes."""

from __future__ import annotations

import re

import msgspec

from secconsole.domain.audience import UNKNOWN

MOST_MARKS = 32  # more of them do not fit into one notice, which then names none
_MARK = re.compile(r"[0-9a-f]{16}\Z")
_UNMARKED = frozenset({UNKNOWN})


class _Content(msgspec.Struct):
    requests: list[str] = []


def encode_marks(marks: frozenset[str]) -> bytes:
    """Return the content of a notice as JSON, an empty object if some of the requests cannot be named."""
    if UNKNOWN in marks or not 0 < len(marks) <= MOST_MARKS:
        return b"{}"
    return msgspec.json.encode({"requests": sorted(marks)})


def parse_marks(content: bytes) -> frozenset[str]:
    """Return the marks of a notice, `UNKNOWN` if it names none or cannot be read."""
    try:
        named = msgspec.json.decode(content, type=_Content).requests
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _UNMARKED
    if not 0 < len(named) <= MOST_MARKS or not all(_MARK.match(mark) for mark in named):
        return _UNMARKED
    return frozenset(named)
