"""Rules for first-time passwords, which are mailed to users who have none and end after some days."""

from __future__ import annotations

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.messages.mail_address import mail_address

USUAL_DAYS = 7
DAY = 24 * 3_600_000  # milliseconds


def is_over(until: int, now: int) -> bool:
    """Return True if a first-time password has ended, never for 0, which is a password that was chosen.

    One that ends later than any can was recorded by a clock that was ahead, and counts as ended.
    """
    return until != 0 and not now < until <= now + LONGEST_INVITATION * DAY + NOTICED


def why_not_invited(*, disabled: bool, has_own_password: bool, email: str) -> str:
    """Return why a user cannot be sent a first-time password, empty if they can."""
    if disabled:
        return "The account is disabled."
    if has_own_password:
        return "Has a password already. To replace it, use reset-password."
    return _why_not_mailed(email)


def why_not_reset(*, disabled: bool, email: str) -> str:
    """Return why a user cannot be sent a new password in place of the one they have, empty if they can."""
    return "The account is disabled." if disabled else _why_not_mailed(email)


def _why_not_mailed(email: str) -> str:
    if not email:
        return "There is no e-mail address on record."
    try:
        mail_address(email)
    except Invalid:  # an import accepts what the directory contains
        return "No mail can be sent to the e-mail address on record."
    return ""
