"""Dates and times as people type them, in the zone of whoever reads."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from secconsole.domain.errors import Invalid

_SPAN = re.compile(r"\+([0-9]{1,4})d?\Z", re.ASCII)


def parse_until(text: str, now: datetime) -> datetime | None:
    """The first moment at which something no longer holds; None for an empty text: no end.

    A date holds through that day in the reader's zone, `+30d` through the thirtieth day from `now`. A date with a time
    is that moment, in the reader's zone unless it names one. Raises `Invalid` for the field `until`.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if found := _SPAN.match(text):
            return _midnight(now.astimezone().date() + timedelta(days=int(found[1]) + 1))
        return _with_time(text) or _midnight(date.fromisoformat(text) + timedelta(days=1))
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no date. Write 2027-01-31, 2027-01-31T18:00 or +30d.", "until") from None


def parse_since(text: str) -> datetime:
    """The first moment that counts: of a date its midnight in the reader's zone. Raises `Invalid` for `since`."""
    try:
        return _with_time(text) or _midnight(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no date. Write it as 2027-01-31, or 2027-01-31T18:00.", "since") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min).astimezone()


def _with_time(text: str) -> datetime | None:
    if "T" not in text.upper() and " " not in text.strip():
        return None
    return datetime.fromisoformat(text).astimezone()
