"""Aligned plain text, fitted to its content and to the width of the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

GAP = "  "
NARROWEST = 6  # cells that a column keeps at least


def cells(text: str) -> int:
    """Return the width of a text in terminal cells."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # costs 10 ms, which ASCII text does not need

    return cell_len(text)


def fit(text: str, width: int) -> str:
    """Return the text cut to a width in cells, with an ellipsis if it was longer."""
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
    """A table whose rows arrive in batches.

    A `width` of 0 disables cutting.
    """

    def __init__(self, titles: Sequence[str], numeric: Sequence[bool], width: int = 0) -> None:
        self._titles = titles
        self._numeric = numeric
        self._width = width
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Yield the lines of a batch.

        The first sets titles and widths, which later ones only widen.
        """
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
            cut = fit(text, width) if self._width else text
            blanks = " " * (width - cells(cut))
            out.append(blanks + cut if numeric else cut + blanks)
        return GAP.join(out).rstrip()


def _shrunk(widths: list[int], room: int) -> list[int]:
    """Narrow the widest columns until all fit or all have the least width."""
    widths = list(widths)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return widths


def pairs(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield lines of names and values with the values aligned."""
    listed = list(rows)
    widest = max((cells(name) for name, _ in listed), default=0)
    for name, value in listed:
        yield f"{name}{' ' * (widest - cells(name))}{GAP}{value}".rstrip()
