"""Moments, counts and states as text."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from secconsole.domain.model import BindingStatus

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_GLYPHS: Final[dict[str, tuple[str, str]]] = {
    "bound": ("●", "*"),
    "pending": ("◐", "~"),
    "unbound": ("○", "o"),
    "warning": ("⚠", "!"),
    "done": ("✓", "+"),
    "failed": ("✗", "x"),
    "mark": ("*", "*"),
    "cursor": ("▌", ">"),
    "bar": ("█", "#"),
    "bar-rest": ("░", "."),
    "rule": ("─", "-"),
    "ellipsis": ("…", "~"),
    "dot": ("·", "-"),
    "dash": ("–", "-"),
}


def glyph(name: str, *, utf8: bool = True) -> str:
    """Return a sign by its name, or its twin for a terminal without UTF-8."""
    return _GLYPHS[name][0 if utf8 else 1]


def status_words(status: BindingStatus, *, utf8: bool = True) -> tuple[str, str]:
    """Return sign and word of a binding status.

    The sign alone is never enough.
    """
    return glyph(str(status), utf8=utf8), str(status)


def count(number: int) -> str:
    """Return a count with separators: `1,204,311`."""
    return f"{number:,}"


def plural(number: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 user`, `1,204 users`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def exact(at: datetime, *, seconds: bool = False) -> str:
    """Return a moment in the reader's zone: `3 Mar 2026 09:14 +01:00`."""
    here = at.astimezone()
    return f"{day(here)} {clock(here, seconds=seconds)}"


def clock(at: datetime, *, seconds: bool = True) -> str:
    """Return a time in the reader's zone: `09:14:32 +01:00`."""
    here = at.astimezone()
    text = here.isoformat(timespec="seconds" if seconds else "minutes")
    return f"{text[11:-6]} {text[-6:]}"


def day(at: datetime) -> str:
    """Return a day in the reader's zone: `3 Mar 2026`."""
    here = at.astimezone()
    return f"{here.day} {_MONTHS[here.month - 1]} {here.year}"


def moment(at: datetime | None, now: datetime) -> str:
    """Return a past moment: `12 min ago`, `today 09:14`, `yesterday 22:40`, else like `exact`.

    `never` for None.
    """
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if seconds < -_MINUTE or seconds >= _DAY:
        return exact(at)
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    here = at.astimezone()
    name = "today" if here.date() == now.astimezone().date() else "yesterday"
    return f"{name} {here:%H:%M}"


def ago(at: datetime | None, now: datetime) -> str:
    """Return the time since a moment, for narrow columns: `12 min ago`, `3 days ago`, `1 year ago`, `never`."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    return "just now" if seconds < _MINUTE else f"{_span(seconds)} ago"


def age(at: datetime, now: datetime) -> str:
    """Return an age: `40 s`, `3 min`, `2 h`."""
    seconds = max(0.0, (now - at).total_seconds())
    return f"{int(seconds)} s" if seconds < _MINUTE else _span(seconds)


def left(until: datetime | None, now: datetime) -> str:
    """Return the time that is left: `3 days left`, `12 min left`, `ended`, `no end date` for None."""
    if until is None:
        return "no end date"
    seconds = (until - now).total_seconds()
    if seconds <= 0:
        return "ended"
    return "less than a minute left" if seconds < _MINUTE else f"{_span(seconds)} left"


def until(at: datetime, now: datetime) -> str:
    """Return a moment to come, as short as it is clear: `09:22`, with the day if it is not today."""
    here = at.astimezone()
    return f"{here:%H:%M}" if here.date() == now.astimezone().date() else exact(at)


def _span(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h"
    days = timedelta(seconds=seconds).days
    if days < 365:
        return plural(days, "day")
    return plural(days // 365, "year")
