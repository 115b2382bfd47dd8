"""Plain aligned text: columns that fit their content, and the terminal where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

GAP = "  "
NARROWEST = 6  # a column is not cut below this


def cells(text: str) -> int:
    """How many terminal cells a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # 10 ms that plain text need not wait for

    return cell_len(text)


def fit(text: str, width: int) -> str:
    """The text cut to so many cells, with an ellipsis if it was longer."""
    if cells(text) <= width:
        return text
    kept = ""
    taken = 0
    for char in text:
        taken += cells(char)
        if taken > width - 1:
            break
        kept += char
    return kept + "…"


class Table:
    """Lines of a table whose rows come in portions; `width` 0 means that nothing is cut."""

    def __init__(self, titles: Sequence[str], numeric: Sequence[bool], width: int = 0) -> None:
        self._titles = titles
        self._numeric = numeric
        self._width = width
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """The lines of some rows; the first portion brings the titles and sets the widths, later ones only widen."""
        first = not self._widths
        measured = [self._titles, *rows] if first else rows
        wanted = [max((cells(row[i]) for row in measured), default=0) for i in range(len(self._titles))]
        if first:
            room = self._width - len(GAP) * (len(wanted) - 1)
            self._widths = _shrunk(wanted, room) if self._width else wanted
            yield self._line(self._titles)
        elif not self._width:
            self._widths = [max(pair) for pair in zip(self._widths, wanted, strict=True)]
        for row in rows:
            yield self._line(row)

    def _line(self, row: Sequence[str]) -> str:
        out = []
        for text, width, numeric in zip(row, self._widths, self._numeric, strict=True):
            shown = fit(text, width) if self._width else text
            blanks = " " * (width - cells(shown))
            out.append(blanks + shown if numeric else shown + blanks)
        return GAP.join(out).rstrip()


def _shrunk(widths: list[int], room: int) -> list[int]:
    """Take cells from the widest columns until all fit, or none can give more."""
    widths = list(widths)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def pairs(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Lines of names and values, the values under each other."""
    listed = list(rows)
    widest = max((cells(name) for name, _ in listed), default=0)
    for name, value in listed:
        yield f"{name}{' ' * (widest - cells(name))}{GAP}{value}".rstrip()
