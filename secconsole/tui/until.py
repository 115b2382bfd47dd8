"""Ends of a time as people type them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from secconsole.domain.errors import Invalid


def parse_until(text: str) -> datetime | None:
    """The first moment at which something no longer holds; None for an empty text: no end.

    A date holds through that day in the reader's zone. With a time it is that moment, in the reader's zone unless it
    names one. Raises `Invalid` for the field `until`.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) > len("2027-01-31"):
            return datetime.fromisoformat(text).astimezone()
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time.min).astimezone()
    except (ValueError, OverflowError):
        raise Invalid("That is no date. Write it as 2027-01-31.", "until") from None
