"""The order in which the changes of a frame are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from secconsole.tui.runtime.output.cells import Row, is_sure
from secconsole.tui.runtime.output.changes import Change, Erase, Text, ways
from secconsole.tui.runtime.output.pen import Pen
from secconsole.tui.runtime.output.styles import paints_blank

_MANY = 300  # cells: a frame that writes so many decides again which style the terminal keeps

Placed = tuple[int, Change]  # with its row


def draw(pen: Pen, rows: Sequence[tuple[int, Row, Row]], erases: bool) -> Pen:
    """Write (number, shown, wanted) rows in the way that takes the fewest bytes, and return the pen after it."""
    pen.chosen = _style_to_keep(pen, rows)
    uncertain = [row for row in rows if not is_sure("".join(text or "" for text in row[2].texts))]
    if uncertain:  # what stands right of an uncertain character is to be written after it
        pen, _ = _row_by_row(pen, uncertain, erases)
    certain = [row for row in rows if row not in uncertain]
    by_row, changes = _row_by_row(pen, certain, erases)
    styled = pen.trial()
    styled.out = pen.out.copy()
    _style_by_style(styled, changes)
    return min(by_row, styled, key=_size)


def _size(pen: Pen) -> int:
    return len(pen.written.encode())


def _style_to_keep(pen: Pen, rows: Sequence[tuple[int, Row, Row]]) -> str | None:
    cells: Counter[str] = Counter()
    total = 0
    for _, shown, wanted in rows:
        if shown.texts != wanted.texts or shown.styles != wanted.styles:
            total += len(wanted.texts)
            cells.update(style for text, style in zip(wanted.texts, wanted.styles, strict=True) if text != " ")
    if not cells or (total < _MANY and pen.chosen is not None):
        return pen.chosen
    return cells.most_common(1)[0][0]


def _row_by_row(pen: Pen, rows: Sequence[tuple[int, Row, Row]], erases: bool) -> tuple[Pen, list[Placed]]:
    after = pen.trial()
    after.out = pen.out.copy()
    made: list[Placed] = []
    for y, shown, wanted in rows:
        best: tuple[int, Pen, list[Change]] | None = None
        for changes in ways(shown, wanted, pen.columns, erases):
            tried = after.trial()
            tried.put_all(y, changes)
            if best is None or _size(tried) < best[0]:
                best = (_size(tried), tried, changes)
        assert best is not None
        _, tried, changes = best
        tried.out[:0] = after.out
        after = tried
        made += [(y, change) for change in changes]
    return after, made


def _style_by_style(pen: Pen, changes: Sequence[Placed]) -> None:
    """Erase first, then write all texts of one style, wherever they are, before those of the next."""
    for y, change in sorted((c for c in changes if isinstance(c[1], Erase)), key=lambda c: c[1].style):
        pen.put(y, change)
    groups: dict[str, list[Placed]] = {}
    blanks: list[Placed] = []
    for y, change in changes:
        if isinstance(change, Text):
            if change.text.strip(" "):
                groups.setdefault(change.style, []).append((y, change))
            else:
                blanks.append((y, change))
    for y, change in blanks:
        style = next((style for style in groups if paints_blank(style, change.style)), change.style)
        groups.setdefault(style, []).append((y, change))
    while groups:
        style = min(groups, key=pen.cost)
        for y, change in sorted(groups.pop(style)):
            pen.put(y, change)
