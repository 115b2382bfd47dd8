"""Enrolled over time: the plot, and the figures of each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import lru_cache, partial
from itertools import pairwise

from textual.content import Content

from secconsole.domain.impact import Impact
from secconsole.operations.tenants import AdoptionHistory, DayFigures
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.format import count
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.bars import percent
from secconsole.tui.widgets.board import Cell
from secconsole.tui.widgets.plot import plot

MONTH = 30
TARGET = "history:"
_REBUILDING = "Earlier days are still being worked out, a portion of the users at a time."


class HistoryDialog(Dialog[None]):
    """The figures of each day, the newest last."""

    def __init__(self, history: AdoptionHistory) -> None:
        super().__init__("Enrolled over time", figures_words(history))


def plot_cells(history: AdoptionHistory, now: Impact, at: datetime, height: int, *, utf8: bool) -> list[Cell]:
    """Return the lines of the plot, and below it a line that leads to the figures."""
    days = [(day.at.astimezone(UTC).date(), day.bound) for day in _since_first(history.days)]
    days.append((at.astimezone(UTC).date(), now.bound))
    top = max(now.users, *(day.users for day in history.days), 1) if history.days else max(1, now.users)
    drawn = lru_cache(4)(lambda width: _drawn(days, width, height, top=top, utf8=utf8))
    cells = [Cell(partial(_row, drawn, number)) for number in range(height + 1)] if len(days) > 1 else []
    return [*cells, Cell(lambda width: safe(_summary(history, now, at)), TARGET)]


def _drawn(days: Sequence[tuple[date, int]], width: int, height: int, *, top: int, utf8: bool) -> list[str]:
    return plot(days, width, height, top=top, utf8=utf8)


def _row(drawn: object, number: int, width: int) -> Content:
    assert callable(drawn)
    return safe(drawn(width)[number], "$status-bound")


def _since_first(days: Sequence[DayFigures]) -> Sequence[DayFigures]:
    """Return the days from the last one without a bound user."""
    first = next((number for number, day in enumerate(days) if day.bound), len(days))
    return days[max(0, first - 1) :]


def _summary(history: AdoptionHistory, now: Impact, at: datetime) -> str:
    """Return where it is now, and the change within a month."""
    words = f"{count(now.bound)} of {count(now.users)} bound now"
    before = [day for day in history.days if (at - day.at).days <= MONTH]
    if before and (since := (at - before[0].at).days):
        words += f", {now.bound - before[0].bound:+,} in {since} {'day' if since == 1 else 'days'}"
    elif not history.days:
        words += "; each day adds a point"
    return words if history.complete else f"{words}; earlier days follow"


def figures_words(history: AdoptionHistory) -> Content:
    """Return the figures of each day, the newest last: a dialog opens at its end."""
    head = f"{'Day (UTC)':<12}{'bound':>11}{'of':>11}{'share':>8}{'change':>8}{'pending':>9}{'exempt':>8}{'overdue':>9}"
    days = list(_since_first(history.days))
    changes = [0, *(after.bound - before.bound for before, after in pairwise(days))]
    rows: list[Part] = [_day_line(day, change) for day, change in zip(days, changes, strict=True)]
    rows.append((head, "$muted") if days else "No full day has been recorded yet.")
    if not history.complete:
        rows += ["", (_REBUILDING, "$muted")]
    return lines(*rows)


def _day_line(day: DayFigures, change: int) -> Content:
    share = percent(day.bound, day.users)
    others = ((day.pending, 9), (day.whitelisted, 8), (day.overdue, 9))
    figures = "".join(f"{'' if number is None else count(number):>{width}}" for number, width in others)
    return join(
        (f"{day.at.astimezone(UTC).date()!s:<12}", "$muted"),
        f"{count(day.bound):>11}{count(day.users):>11}{share:>8}{f'{change:+,}' if change else '':>8}{figures}",
    )
