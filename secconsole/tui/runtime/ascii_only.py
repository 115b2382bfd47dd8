"""Signs of the screens as ASCII, for a terminal whose locale has no UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS: Final[Mapping[str, str]] = {
    "-": "─━═–—╴╶▁▂▄▀·",
    "|": "│┃║▏▎▍▐┤├",
    "+": "╭╮╰╯┌┐└┘┏┓┗┛┼┬┴╋✓",
    ">": "▌›",
    "<": "‹",
    "#": "█▆▅▇▉▊▋",
    ".": "░▒▓",
    "~": "…◐",
    "*": "●•▪",
    "o": "○",
    "!": "⚠",
    "x": "✗×",
    "^": "▲↑",
    "v": "▼↓",
}
_TWINS: Final = {ord(sign): twin for twin, signs in _SIGNS.items() for sign in signs}


def ascii_only(text: str) -> str:
    """Return text of the same width in ASCII: signs as their twins, other letters as question marks."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else _TWINS.get(ord(c), "?" * cell_len(c)) for c in text)


class AsciiOnly(LineFilter):
    """Everything that is drawn, in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(ascii_only(text), style, control) for text, style, control in segments]
