"""Differences between two rows, as texts to write and stretches to erase."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from secconsole.tui.runtime.output.cells import REST, UNKNOWN, Row, is_sure
from secconsole.tui.runtime.output.styles import is_plain, paints_blank

_WORTH_A_JUMP = 5  # cells already shown between two changes: fewer are written again, as a jump takes as many bytes
_WORTH_ERASING = 12  # blanks: fewer are written
_WORTH_ERASING_THE_REST = 4

TO_THE_END = 0


class Text(NamedTuple):
    """Cells to write, from a column on, numbered from 0."""

    x: int
    width: int
    style: str
    text: str


class Erase(NamedTuple):
    """Cells to erase: so many from a column on, or all to the end of the row."""

    x: int
    width: int
    style: str


Change = Text | Erase


def ways(shown: Row, wanted: Row, columns: int | None, erases: bool) -> Iterator[list[Change]]:
    """Return lists of changes that turn one row into the other: one or two, as which is shorter depends on the pen.

    `columns`: cells of a row, if known. `erases`: whether the terminal erases in the pen's background.
    """
    yield _changes(shown, wanted, columns, erases)
    if columns is None or len(wanted.texts) != columns:
        return
    blank = next((wanted.styles[x] for x in reversed(range(columns)) if wanted.texts[x] == " "), None)
    if blank is None or not _erasable(blank, erases):
        return
    first = next(_dirty_cells(shown, wanted), None)
    if first is None or UNKNOWN in wanted.texts[first:]:
        return
    cleared = shown.copy()
    cleared.reach(columns)
    cleared.texts[first:] = [" "] * (columns - first)
    cleared.styles[first:] = [blank] * (columns - first)
    yield [Erase(first, TO_THE_END, blank), *_changes(cleared, wanted, columns, erases)]


def _erasable(style: str, erases: bool) -> bool:
    return is_plain(style) and (erases or not style)


def _dirty_cells(shown: Row, wanted: Row) -> Iterator[int]:
    """Return the cells that differ, and those beside a character of uncertain width that is written."""
    texts, styles = wanted.texts, wanted.styles
    known = len(shown.texts)
    spoilt = not is_sure("".join(text or "" for text in texts))
    uncertain = False
    for x, text in enumerate(texts):
        if text is UNKNOWN:
            continue
        same = x < known and shown.texts[x] == text and shown.styles[x] == styles[x]
        if same and not uncertain:
            continue
        yield x
        uncertain = uncertain or (spoilt and text != REST and not is_sure(text))


def _changes(shown: Row, wanted: Row, columns: int | None, erases: bool) -> list[Change]:
    dirty = _whole_characters(wanted, list(_dirty_cells(shown, wanted)))
    if not dirty:
        return []
    found: list[Change] = []
    end = len(wanted.texts)
    if columns is not None and end == columns:
        start = _blank_tail(wanted)
        tail = [x for x in dirty if x >= start]
        if len(tail) >= _WORTH_ERASING_THE_REST and _erasable(wanted.styles[start], erases):
            found.append(Erase(tail[0], TO_THE_END, wanted.styles[start]))
            dirty = dirty[: -len(tail)]
    writing: list[Change] = []
    for start, stop in _stretches(shown, wanted, dirty):
        writing += _written(wanted, start, stop, erases)
    return writing + found


def _whole_characters(wanted: Row, dirty: list[int]) -> list[int]:
    """Add the other cells of wide characters."""
    texts = wanted.texts
    if REST not in texts:
        return dirty
    cells = set(dirty)
    for x in dirty:
        start = x
        while texts[start] == REST and start:
            start -= 1
        cells.add(start)
        while start + 1 < len(texts) and texts[start + 1] == REST:
            start += 1
            cells.add(start)
    return sorted(cells)


def _blank_tail(row: Row) -> int:
    """Return where the last stretch of blanks of one style begins."""
    start = len(row.texts)
    while start and row.texts[start - 1] == " " and row.styles[start - 1] == row.styles[-1]:
        start -= 1
    return start


def _stretches(shown: Row, wanted: Row, dirty: list[int]) -> Iterator[tuple[int, int]]:
    """Return stretches of cells to write: the changed ones, joined over a few that are shown already."""
    if not dirty:
        return
    start = end = dirty[0]
    for x in dirty[1:]:
        if x > end + 1 and not _bridged(wanted, end, x):
            yield start, end + 1
            start = x
        end = x
    yield start, end + 1


def _bridged(wanted: Row, end: int, x: int) -> bool:
    """Return True if the cells between two changes cost less than a jump: few, and in the style of the first."""
    if x - end - 1 >= _WORTH_A_JUMP:
        return False
    style = wanted.styles[end]
    between = range(end + 1, x)
    return all(
        (text := wanted.texts[at]) is not UNKNOWN
        and is_sure(text)
        and (wanted.styles[at] == style or (text == " " and paints_blank(style, wanted.styles[at])))
        for at in between
    )


def _written(wanted: Row, start: int, stop: int, erases: bool) -> Iterator[Change]:
    """Return one stretch as texts of one style each, and its long blanks as erased."""
    texts, styles = wanted.texts, wanted.styles
    x = start
    while x < stop:
        blanks = x
        while blanks < stop and texts[blanks] == " " and styles[blanks] == styles[x]:
            blanks += 1
        if blanks - x >= _WORTH_ERASING and _erasable(styles[x], erases):
            yield Erase(x, blanks - x, styles[x])
            x = blanks
            continue
        end = _end_of_text(wanted, x, stop, erases)
        yield Text(x, end - x, _pen(wanted, x, end), "".join(text or "" for text in texts[x:end]))
        x = end


def _pen(wanted: Row, start: int, end: int) -> str:
    """Return the style of the letters, or of the blanks if there is nothing else."""
    return next((wanted.styles[x] for x in range(start, end) if wanted.texts[x] != " "), wanted.styles[start])


def _end_of_text(wanted: Row, start: int, stop: int, erases: bool) -> int:
    """Return where a text of one style ends: at another style, an uncertain width, or blanks worth erasing."""
    texts, styles = wanted.texts, wanted.styles
    pen = None if texts[start] == " " else styles[start]
    blanks = 0
    x = start
    while x < stop:
        text, style = texts[x], styles[x]
        assert text is not None
        if text == " ":
            if not paints_blank(pen if pen is not None else styles[start], style):
                break
            blanks += 1
            if blanks >= _WORTH_ERASING and _erasable(style, erases):
                return x + 1 - blanks if x + 1 - blanks > start else x + 1
        else:
            if pen is None and paints_blank(style, styles[start]):
                pen = style
            if style != (pen if pen is not None else styles[start]):
                break
            blanks = 0
            if not is_sure(text):
                x += 1
                while x < stop and texts[x] == REST:
                    x += 1
                break
        x += 1
    return max(x, start + 1)
