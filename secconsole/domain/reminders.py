"""Reminders to bind a factor: the days of a user's grace period on which a mail is due."""

from __future__ import annotations

from collections.abc import Iterable

from secconsole.domain.grace import DAY
from secconsole.domain.impact import Group
from secconsole.domain.model import BindingStatus, PolicyMode

DAYS = (0, 3, 7)  # counted from the beginning of the period; its last day is added


def reminder_days(grace_days: int) -> tuple[int, ...]:
    """Return the days of a grace period on which its users are reminded, none without a period."""
    return tuple(sorted({*(day for day in DAYS if day < grace_days), grace_days - 1})) if grace_days > 0 else ()


def reminder_due(begins: int, grace_days: int, now: int) -> int | None:
    """Return the moment from which the newest reminder of a period is due, None before and after the period.

    Earlier ones that nobody sent are left out: a user gets one mail, and not several on one day.
    """
    if not begins <= now < begins + grace_days * DAY:
        return None
    return max(begins + day * DAY for day in reminder_days(grace_days) if begins + day * DAY <= now)


def count_reminded(groups: Iterable[Group], mode: PolicyMode) -> int:
    """Return how many users a policy with reminders reminds on each of the days, if all have an address."""
    if mode is not PolicyMode.REQUIRED:
        return 0
    unbound = (g for g in groups if g.status is BindingStatus.UNBOUND and not g.whitelisted and not g.disabled)
    return sum(group.count for group in unbound)
