"""The end of what may last without one: a whitelist entry, or a network that is allowed."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.errors import Unfit

TOO_FAR = "That end is too far in the future. Leave it out for no end date."
PAST = "That end is in the past. Enter a later one, or none."


def check_end(until: datetime, now: int) -> int:
    """Return an end in milliseconds, or raise `Unfit` for one that has passed or has no date in some time zone."""
    if until.year >= datetime.max.year:
        raise Unfit(TOO_FAR, "until")
    end = int(until.timestamp() * 1000)
    if end <= now:
        raise Unfit(PAST, "until")
    return end
