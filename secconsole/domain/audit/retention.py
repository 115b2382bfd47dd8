"""Retention of the audit: how long it must be kept, and from when on."""

from __future__ import annotations

import re

from secconsole.domain.errors import Invalid

LEAST_DAYS = 30  # well above the minutes in which undoing, approvals and alerts look at entries
MOST_DAYS = 36_500
DAY = 86_400_000
_DAYS = re.compile(r"([0-9]{1,5})\s*d?", re.ASCII)


def kept_from(now: int, days: int) -> int:
    """Return the moment from which entries are kept: a midnight in UTC, so that each day is removed at once."""
    return (now - days * DAY) // DAY * DAY


def check_days(days: int) -> int:
    """Return a number of days to keep the audit, or raise `Invalid` if it is too small or too large."""
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise Invalid(f"The audit is kept for at least {LEAST_DAYS} days and at most {MOST_DAYS:,}.", "keep_days")
    return days


def parse_days(text: str) -> int:
    """Return the days that a text such as `400d` names, or raise `Invalid`."""
    found = _DAYS.fullmatch(text.strip())
    if found is None:
        raise Invalid("Enter a number of days, as in 400d.", "keep")
    return check_days(int(found[1]))
