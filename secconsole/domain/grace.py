"""Grace period of a user without a factor: from the first demand to the moment from which one must be bound."""

from __future__ import annotations

from secconsole.domain.clock import is_from_future
from secconsole.domain.model import BindingStatus, PolicyMode

DAY = 24 * 3_600_000  # milliseconds


def grace_end(*, required_since: int, created: int, days: int, now: int) -> int:
    """Return the moment from which a user without a factor has to bind one.

    The period begins with the policy's requirement or with the user, whichever is later, and with nothing else: a reset
    or an unbinding does not begin it again. A start recorded by a clock that was ahead is ignored, because the period
    would last for as long as the clock was ahead.
    """
    begins = (since for since in (required_since, created) if not is_from_future(since, now))
    return max(begins, default=0) + days * DAY


def must_bind_from(
    policy: PolicyMode,
    *,
    status: BindingStatus,
    whitelisted: bool,
    disabled: bool,
    required_since: int,
    created: int,
    days: int,
    now: int,
) -> int | None:
    """Return the moment from which the policy makes a user bind a factor, None if it does not.

    From then on the user is overdue. Whitelisted users, such as service accounts, are left alone, and so are disabled
    ones.
    """
    if policy is not PolicyMode.REQUIRED or status is BindingStatus.BOUND or whitelisted or disabled:
        return None
    return grace_end(required_since=required_since, created=created, days=days, now=now)
