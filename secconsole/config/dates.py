"""Parsing of dates and times as people type them, in their own time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from secconsole.domain.end_date import PAST, TOO_FAR
from secconsole.domain.errors import Invalid, Unfit

# a year with five or more digits, as other programs write them
_BEYOND = re.compile(r"[+]?[0-9]{5,}-[0-9]{2}-[0-9]{2}", re.ASCII)
_LEAP = re.compile(r"([T ][0-9]{2}:[0-9]{2}):60(?![0-9])", re.ASCII)
_LONGEST = 40  # maximum characters of the input quoted in an answer
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}\Z", re.ASCII)
_SPAN = re.compile(r"\+([0-9]{1,4})d?\Z", re.ASCII)
_PAST = re.compile(r"([0-9]{1,4})([mhd])\Z", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def parse_until(text: str, now: datetime) -> datetime | None:
    """Return the first moment after a period of validity, or None for an empty text.

    A date includes that day in the local time zone, and `+30d` the thirtieth day from `now`. A date with a time is that
    moment, in the local zone unless it names one. Raise `Invalid` for the field `until`, and `Unfit` for a valid date
    that cannot be stored.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if _is_out_of_reach(text):
            raise Unfit(PAST if text.startswith("0") else TOO_FAR, "until")
        if found := _SPAN.match(text):
            return _midnight(now.astimezone().date() + timedelta(days=int(found[1]) + 1))
        return _with_time(text) or _midnight(date.fromisoformat(text) + timedelta(days=1))
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:_LONGEST]} is not a date. Use 2027-01-31, 2027-01-31T18:00 or +30d.", "until") from None


def parse_since(text: str) -> datetime:
    """Return the first moment of a period: for a date its local midnight.

    Raise `Invalid` for the field `since`.
    """
    try:
        if _is_out_of_reach(text.strip()):
            return _FIRST if text.strip().startswith("0") else _LAST
        return _with_time(text) or _midnight(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:_LONGEST]} is not a date. Use 2027-01-31 or 2027-01-31T18:00.", "since") from None


def parse_past(text: str, now: datetime) -> datetime:
    """Return the first moment of a period, which may be given as its length until now: `30d`, `12h` or `90m`.

    Raise `Invalid` for the field `since`.
    """
    found = _PAST.match(text.strip())
    if found is None:
        return parse_since(text)
    return now - int(found[1]) * _UNITS[found[2]]


def parse_start(text: str, now: datetime) -> datetime | None:
    """Return the moment that a text names, or None for an empty one.

    A time alone is its next occurrence in the local time zone, and a date its local midnight. Raise `Invalid` for the
    field `starts`.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if _is_out_of_reach(text):
            return _FIRST if text.startswith("0") else _LAST
        if not _CLOCK.match(text):
            return _with_time(text) or _midnight(date.fromisoformat(text))
        today = now.astimezone().date()
        found = datetime.combine(today, time.fromisoformat(text)).astimezone()
        return found if found >= now else datetime.combine(today + timedelta(days=1), found.time()).astimezone()
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:_LONGEST]} is not a time. Use 08:00 or 2027-01-31T08:00.", "starts") from None


def local_words(moment: datetime) -> str:
    """Return a moment in the local zone with its offset: `2027-01-31 18:00:00 +01:00`."""
    try:
        local = moment.astimezone()
    except OverflowError:  # the first or last day that there is, such as in a forged file
        local = moment
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:5]}"


def _is_out_of_reach(text: str) -> bool:
    """Return True for a valid date that is out of the range of datetime in some time zone."""
    if _BEYOND.match(text):
        return True
    try:
        day = datetime.fromisoformat(_LEAP.sub(r"\1:59", text)).date()
    except ValueError:
        return False
    return day in (_FIRST.date(), _LAST.date())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min).astimezone()


def _with_time(text: str) -> datetime | None:
    if "T" not in text.upper() and " " not in text.strip():
        return None
    if _LEAP.search(text):  # a leap second, which datetime does not support: use the following one
        return datetime.fromisoformat(_LEAP.sub(r"\1:59", text)).astimezone() + timedelta(seconds=1)
    return datetime.fromisoformat(text).astimezone()
