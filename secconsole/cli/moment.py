"""Dates and times as people type them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from secconsole.domain.errors import Invalid


def parse_until(text: str) -> datetime:
    """The first moment at which something no longer holds.

    A date holds through that day in the reader's zone, so it is the midnight after it. A date with a time is that
    moment, in the reader's zone unless it names one.
    """
    moment = _moment(text)
    if moment is not None:
        return moment
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day + timedelta(days=1), time.min).astimezone()
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no date. Write it as 2027-01-31, or 2027-01-31T18:00.", "until") from None


def parse_since(text: str) -> datetime:
    """The first moment that counts: of a date its midnight in the reader's zone."""
    moment = _moment(text)
    if moment is not None:
        return moment
    try:
        return datetime.combine(date.fromisoformat(text), time.min).astimezone()
    except (ValueError, OverflowError):
        raise Invalid(f"{text} is no date. Write it as 2027-01-31, or 2027-01-31T18:00.", "since") from None


def _moment(text: str) -> datetime | None:
    if "T" not in text.upper() and " " not in text.strip():
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return None
