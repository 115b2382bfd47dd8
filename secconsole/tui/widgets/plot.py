"""Plot of a value over time, drawn with lines of a terminal, readable without colour and without UTF-8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NICE = (1, 2, 2.5, 5, 10)
_SHORT = 62  # days: shorter plots name days below the axis, longer ones months
_BETWEEN = 2  # cells at least between two names below the axis


@dataclass(frozen=True, slots=True)
class _Pen:
    flat: str
    up: str
    begins: str  # of a rise: the corner below
    ends: str
    falls: str  # the corner above
    lands: str
    axis: str
    tick: str
    origin: str


_UTF8 = _Pen("─", "│", "╯", "╭", "╮", "╰", "│", "┤", "┼")
_ASCII = _Pen("-", "|", "+", "+", "+", "+", "|", "+", "+")


def ceiling(value: int) -> int:
    """Return a round number that is not below a value: 494 becomes 500, and 2,100 becomes 2,500."""
    size = 1
    while size * 10 < value:
        size *= 10
    return next(int(size * nice) for nice in _NICE if size * nice >= value and size * nice == int(size * nice))


def at_columns(days: Sequence[tuple[date, int]], width: int) -> list[int]:
    """Return a value for each column, the latest known at its day. `days` are in order and not empty."""
    first, last = days[0][0].toordinal(), days[-1][0].toordinal()
    found, at = [], 0
    for column in range(width):
        day = first + round((last - first) * column / max(1, width - 1))
        while at + 1 < len(days) and days[at + 1][0].toordinal() <= day:
            at += 1
        found.append(days[at][1])
    return found


def plot(days: Sequence[tuple[date, int]], width: int, height: int, *, top: int, utf8: bool = True) -> list[str]:
    """Return the lines of a plot from 0 to a ceiling of `top`, with its axes, in `width` cells.

    `height`: rows of the plot itself, below which a line names days or months.
    """
    pen, most = _UTF8 if utf8 else _ASCII, ceiling(max(top, 1))
    names = {height - 1: f"{most:,}", 0: "0"}
    if most % 2 == 0 and height % 2:
        names[height // 2] = f"{most // 2:,}"
    margin = max(len(name) for name in names.values())
    room = max(1, width - margin - 2)
    cells = _curve([round(value * (height - 1) / most) for value in at_columns(days, room)], height, pen)
    rows = []
    for row in reversed(range(height)):
        axis = pen.origin if row == 0 else pen.tick if row in names else pen.axis
        rows.append(f"{names.get(row, ''):>{margin}} {axis}{''.join(cells[row])}".rstrip())
    return [*rows, " " * (margin + 2) + _names(days[0][0], days[-1][0], room)]


def _curve(heights: Sequence[int], height: int, pen: _Pen) -> list[list[str]]:
    """Return the cells of a curve by row, from the lowest."""
    cells = [[" "] * len(heights) for _ in range(height)]
    cells[heights[0]][0] = pen.flat
    for column, (before, now) in enumerate(pairwise(heights), 1):
        if now == before:
            cells[now][column] = pen.flat
            continue
        rises = now > before
        cells[before][column] = pen.begins if rises else pen.falls
        cells[now][column] = pen.ends if rises else pen.lands
        for row in range(min(before, now) + 1, max(before, now)):
            cells[row][column] = pen.up
    return cells


def _names(first: date, last: date, width: int) -> str:
    """Return the months that begin within the plot, or days if it is short, below their columns."""
    span = max(1, (last - first).days)
    text = ""
    for at, name in _ticks(first, last, span):
        column = round(at * (width - 1) / span)
        if (not text or column >= len(text) + _BETWEEN) and column + len(name) <= width:
            text = text.ljust(column) + name
    return text


def _ticks(first: date, last: date, span: int) -> list[tuple[int, str]]:
    days = ((number, date.fromordinal(first.toordinal() + number)) for number in range(span + 1))
    if span < _SHORT:
        return [(number, f"{day.day} {_MONTHS[day.month - 1]}") for number, day in days]
    return [(number, _MONTHS[day.month - 1]) for number, day in days if day.day == 1]
