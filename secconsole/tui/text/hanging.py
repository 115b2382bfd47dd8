"""Lines wrapped with the indent of their text: a label or sign at their start keeps its column to itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len
from textual.content import Content

_WORD = re.compile(r"\s*\S+\s*")
_LABELLED = re.compile(r"\s*\S+(?: \S+)* {2,}(?=\S)")
_SIGN = re.compile(r"\s*(?:[^\w\s]|\d{1,2})[.)]? (?=\S)")
_LEADING = re.compile(r"\s*")
_DEEPEST = 24  # cells


def hung(content: Content, width: int) -> Content:
    """Return the content with line breaks at `width` cells, and what follows a break indented."""
    return Content("\n").join(
        piece for line in content.split("\n", allow_blank=True) for piece in _wrapped(line, max(1, width))
    )


def _wrapped(line: Content, width: int) -> Iterator[Content]:
    if line.cell_length <= width:
        yield line
        return
    indent = _indent(line.plain, width)
    room, start = width, 0
    while start < len(line):
        end = start + _fitting(line.plain[start:], room)
        piece = line[start:end].rstrip()
        yield piece if start == 0 else Content(" " * indent) + piece
        room, start = width - indent, end


def _indent(text: str, width: int) -> int:
    """Return the cells of the label or sign that a line begins with."""
    for pattern in (_LABELLED, _SIGN, _LEADING):
        if (found := pattern.match(text)) and cell_len(found.group()) <= min(_DEEPEST, width // 2):
            return cell_len(found.group())
    return 0


def _fitting(text: str, room: int) -> int:
    """Return how many characters fit, whole words where one does."""
    at = 0
    for word in _WORD.finditer(text):
        if cell_len(text[: word.start()] + word.group().rstrip()) > room:
            break
        at = word.end()
    if at:
        return at
    while at < len(text) and cell_len(text[: at + 1]) <= room:
        at += 1
    return max(1, at)
