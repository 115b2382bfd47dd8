"""Columns of a table: which ones fit a window, and cells cut to their width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rich.cells import cell_len, split_text
from rich.style import Style
from rich.text import Text

from secconsole.domain.text import visible

GAP = 1  # blank cells between two columns
ELLIPSIS = "…"

TableCell = str | Text


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how it shrinks in narrow windows.

    `width`: preferred cells. `min_width`: fewest cells it can do with (0: always `width`). `priority`: 0 is never left
    out, of the others the highest number goes first. `grow`: the most cells it takes beyond `width` when there are some
    to spare.
    """

    name: str
    title: str
    width: int
    min_width: int = 0
    priority: int = 0
    grow: int = 0
    align_right: bool = False

    @property
    def least(self) -> int:
        return self.min_width or self.width


def arranged(columns: Sequence[Column], names: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of these names in their order, or all of them if no name is known.

    In a chosen order the first ones matter most: a narrow window leaves the last ones out.
    """
    known = {column.name: column for column in columns}
    chosen = [known[name] for name in dict.fromkeys(names) if name in known]
    return tuple(replace(column, priority=at) for at, column in enumerate(chosen)) or tuple(columns)


def lay_out(columns: Sequence[Column], room: int) -> list[tuple[Column, int]]:
    """Return the columns that fit into `room` cells, in order, each with its width."""
    shown = list(columns)

    def least() -> int:
        return sum(column.least for column in shown) + GAP * (len(shown) - 1)

    while least() > room and len(shown) > 1 and any(column.priority for column in shown):
        shown.remove(max(reversed(shown), key=lambda column: column.priority))
    widths = [column.least for column in shown]
    spare = room - GAP * (len(shown) - 1) - sum(widths)
    spare = _share(spare, widths, [column.width for column in shown])
    _share(spare, widths, [column.width + column.grow for column in shown])
    return list(zip(shown, widths, strict=True))


def _share(spare: int, widths: list[int], limits: list[int]) -> int:
    """Widen all columns equally, none beyond its limit.

    Return the cells that are left.
    """
    while spare > 0 and (open_ := [at for at, width in enumerate(widths) if width < limits[at]]):
        part = max(1, spare // len(open_))
        for at in open_:
            given = min(part, limits[at] - widths[at], spare)
            widths[at] += given
            spare -= given
    return spare


def cut(text: str, width: int) -> str:
    """Return the text made visible and exactly `width` cells wide: padded, or cut with `…`."""
    text = visible(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        text = split_text(text, max(0, width - 1))[0]
        text = text + ELLIPSIS if width else ""
        length = cell_len(text)
        if length > width:  # a combining mark without a base character, for example: never wider than the column
            text, length = "", 0
    return text + " " * (width - length)


def cell_pieces(cell: TableCell, width: int, align_right: bool = False) -> list[tuple[str, Style | None]]:
    """Return a cell as (text, style) pieces that are `width` cells wide together.

    Only `Style` objects count: Textual drops some of the styles that Rich takes as strings.
    """
    if isinstance(cell, str):
        return [(_aligned(cut(cell, width), align_right), None)]
    plain = cell.plain
    style = cell.style if isinstance(cell.style, Style) else None
    spans = [span for span in cell.spans if isinstance(span.style, Style)]
    if not spans or visible(plain) != plain or align_right:
        return [(_aligned(cut(plain, width), align_right), style)]
    pieces: list[tuple[str, Style | None]] = []
    shown = cut(plain, width)
    edges = sorted({0, len(shown), *(min(edge, len(shown)) for span in spans for edge in (span.start, span.end))})
    for start, end in pairwise(edges):
        own = [span.style for span in spans if span.start <= start < span.end and isinstance(span.style, Style)]
        pieces.append((shown[start:end], Style.combine([style or Style.null(), *own]) if own or style else None))
    return pieces


def _aligned(text: str, align_right: bool) -> str:
    return text.rstrip(" ").rjust(len(text)) if align_right else text
