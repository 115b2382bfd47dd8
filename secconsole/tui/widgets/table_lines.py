"""Lines of a table as they are drawn, and the difference between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from secconsole.domain.text import visible
from secconsole.tui.widgets.columns import GAP, Column, arranged, cell_pieces, cut, lay_out
from secconsole.tui.widgets.row_window import Row

GUTTER = 3  # cells before the first column: cursor, mark, blank
CURSOR, MARK, PLACEHOLDER = "▌", "*", "·"

_Piece = tuple[str, Style | None]


@dataclass(frozen=True, slots=True)
class TableStyles:
    """Styles of a table at one moment.

    They change with theme and focus.
    """

    header: Style
    row: Style
    marked: Style
    cursor: Style
    empty: Style
    placeholder: Style


class TableLines:
    """Composes lines of one width from columns and rows.

    `columns`: those of the rows. `chosen`: names of the shown ones in order, empty for the usual ones.
    """

    def __init__(self, columns: Sequence[Column], width: int, styles: TableStyles, chosen: Sequence[str] = ()) -> None:
        names = [column.name for column in columns]
        self._shown = lay_out(arranged(columns, chosen), max(1, width - GUTTER))
        self._place = [names.index(column.name) for column, _ in self._shown]
        self._width = width
        self._styles = styles

    def header(self, sort: tuple[str, bool] | None) -> Strip:
        """Return the titles.

        An arrow marks the sorted column (name, descending).
        """
        titles = []
        for column, width in self._shown:
            arrow = "" if sort is None or sort[0] != column.name else (" ▼" if sort[1] else " ▲")
            title = cut(column.title, min(cell_len(column.title), width - len(arrow))) + arrow
            titles.append(title.rjust(width) if column.align_right else cut(title, width))
        return self._strip([(" " * GUTTER + (" " * GAP).join(titles), None)], self._styles.header)

    def row(self, row: Row | None, *, at_cursor: bool, marked: bool) -> Strip:
        """Return a row, or placeholders for one that is not loaded, exactly as wide as the table."""
        base = self._styles.marked if marked else self._styles.row if row is not None else self._styles.placeholder
        pieces: list[_Piece] = [((CURSOR if at_cursor else " ") + (MARK if marked else " ") + " ", None)]
        x = GUTTER
        for place, (column, width) in zip(self._place, self._shown, strict=True):
            if x > GUTTER:
                pieces.append((" " * GAP, None))
                x += GAP
            if row is None:
                pieces.append((cut(PLACEHOLDER, width), None))
            else:
                cell = row.cells[place] if place < len(row.cells) else ""
                pieces += cell_pieces(cell, width, column.align_right)
            x += width
        strip = self._strip(pieces, base)
        if not at_cursor:
            return strip
        return Strip([Segment("".join(segment.text for segment in strip), self._styles.cursor)], self._width)

    def empty(self, message: str) -> Strip:
        return self._strip([(" " * GUTTER + visible(message), None)], self._styles.empty)

    def blank(self) -> Strip:
        return self._strip([], self._styles.row)

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the columns that fit."""
        return tuple(column.name for column, _ in self._shown)

    def column_at(self, x: int) -> str | None:
        """Return the name of the column at this cell."""
        left = GUTTER
        for column, width in self._shown:
            if left <= x < left + width + GAP:
                return column.name
            left += width + GAP
        return None

    def _strip(self, pieces: Sequence[_Piece], base: Style) -> Strip:
        """Join pieces into as few segments as their styles allow, since each segment sends its colours."""
        runs: list[tuple[list[str], Style]] = []
        for text, own in pieces:
            style = base if own is None else base + own
            if runs and runs[-1][1] == style:
                runs[-1][0].append(text)
            else:
                runs.append(([text], style))
        segments = [Segment("".join(texts), style) for texts, style in runs]
        if segments and segments[-1].style == base:  # so that the blank rest is not a segment by itself
            last = segments.pop()
            used = sum(segment.cell_length for segment in segments)
            segments.append(Segment(last.text + " " * (self._width - used - last.cell_length), base))
        return Strip(segments).adjust_cell_length(self._width, base)


def last_difference(old: Strip, new: Strip) -> int:
    """Return the cell from which both lines are the same.

    0 if they are equal.
    """
    same = 0
    for before, now in zip(_backwards(old), _backwards(new), strict=False):
        if before != now:
            break
        same += cell_len(now[0])
    return new.cell_length - same


def _backwards(strip: Strip) -> list[_Piece]:
    """Return (character with its marks, style) pairs from the last to the first."""
    out: list[_Piece] = []
    for text, style, _ in strip:
        for char in text:
            if out and not char.isascii() and not cell_len(char):
                out[-1] = (out[-1][0] + char, out[-1][1])
            else:
                out.append((char, style))
    out.reverse()
    return out
