"""Shares drawn as bars, readable without colour and without UTF-8."""

from __future__ import annotations

import re
from typing import Final

from textual.content import Content

from secconsole.tui.text.safe import join

_EIGHTHS = " ▏▎▍▌▋▊▉"
BAR: Final = re.compile(" ?[█░▏▎▍▌▋▊▉]+")  # a bar within a line, and the blank that sets it off


def bar(part: int, whole: int, width: int, *, utf8: bool = True) -> tuple[str, str]:
    """Return the filled and the empty part of a bar, `width` cells together.

    A bar is empty only at 0 % and full only at 100 %: a small share still shows, and so does a small gap.
    """
    if width <= 0 or whole <= 0 or part <= 0:
        return "", ("░" if utf8 else ".") * max(0, width)
    if part >= whole:
        return ("█" if utf8 else "#") * width, ""
    if not utf8:
        cells = max(1, min(width - 1, round(part * width / whole)))
        return "#" * cells, "." * (width - cells)
    eighths = max(1, min(width * 8 - 1, round(part * width * 8 / whole)))
    cells, rest = divmod(eighths, 8)
    filled = "█" * cells + (_EIGHTHS[rest] if rest else "")
    return filled, "░" * (width - len(filled))


def bar_content(part: int, whole: int, width: int, *, utf8: bool = True, colour: str = "$bar-filled") -> Content:
    """Return a bar in the theme's colours."""
    filled, empty = bar(part, whole, width, utf8=utf8)
    return join((filled, colour), (empty, "$bar-empty"))


def percent(part: int, whole: int) -> str:
    """Return a share as text.

    0 % and 100 % only where they are exact.
    """
    if whole <= 0:
        return "–"
    if part in (0, whole):
        return "0 %" if not part else "100 %"
    share = min(99.9, max(0.1, 100 * part / whole))
    return f"{share:.1f} %"
