"""Limits on sending: caps for each user, address and tenant, and the wait once one is reached.

Notices and invitations have caps of their own and do not count among requested messages, so that none delays another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import FactorKind

_SECOND, _MINUTE = 1_000, 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
RETRIES = (5 * _SECOND, 15 * _SECOND, 45 * _SECOND, 2 * _MINUTE, 4 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR)
NOTICE_LASTS = _DAY  # milliseconds during which a notice is retried


class CapSubject(StrEnum):
    """Subject of a cap, always within one tenant."""

    USER = "user"
    ADDRESS = "address"  # an address, regardless of who requests the messages
    OWN_ADDRESS = "own-address"  # an address of one user
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Cap:
    """Limit on the number of messages within a window of milliseconds.

    `unanswered`: messages whose code was typed back do not count. `tries`: messages that a provider refused count as
    well, which limits how often it is asked. They count for no other cap.
    """

    counted: CapSubject
    most: int
    window: int
    unanswered: bool = False
    tries: bool = False


def _personal(address: CapSubject) -> tuple[Cap, ...]:
    return (
        Cap(address, 1, 40 * _SECOND, unanswered=True),
        Cap(CapSubject.USER, 6, _MINUTE, tries=True),
        Cap(CapSubject.USER, 5, _HOUR),
        Cap(CapSubject.USER, 15, _DAY),
        Cap(address, 5, _HOUR),
        Cap(address, 10, _DAY),
    )


# An address that is being bound may belong to anyone, who must not be bothered. A bound address is the user's own, and
# so is one for notices: other users who enter the same address do not use up its cap.
_ANYBODYS, _OWN = _personal(CapSubject.ADDRESS), _personal(CapSubject.OWN_ADDRESS)
_TRIALS = (
    Cap(CapSubject.ADDRESS, 1, 10 * _SECOND, unanswered=True),
    Cap(CapSubject.ADDRESS, 6, _MINUTE, tries=True),
    Cap(CapSubject.ADDRESS, 20, _HOUR),
)
# Several people may share an address on record, and a team is invited at once.
_INVITATIONS = (
    Cap(CapSubject.USER, 1, 40 * _SECOND),
    Cap(CapSubject.USER, 5, _HOUR),
    Cap(CapSubject.USER, 15, _DAY),
    Cap(CapSubject.ADDRESS, 5, _HOUR),
    Cap(CapSubject.ADDRESS, 10, _DAY),
)
_REMINDERS = (Cap(CapSubject.OWN_ADDRESS, 1, 20 * _HOUR),)  # one a day; how many leave at once is up to the sweep
_NOTICES = (Cap(CapSubject.OWN_ADDRESS, 20, _HOUR), Cap(CapSubject.OWN_ADDRESS, 60, _DAY))
# Limit per tenant and day even if every password were known: each SMS costs money.
PER_DAY = {FactorKind.EMAIL: 10_000, FactorKind.SMS: 2_000}


def caps_of(kind: FactorKind, purpose: Purpose) -> tuple[Cap, ...]:
    """Return the caps to check before a message is sent.

    Tests of settings have no user. Notices have no cap per tenant: unbinding thousands of users notifies each of them.
    """
    if purpose is Purpose.NOTICE:
        return _NOTICES
    if purpose is Purpose.REMINDER:
        return _REMINDERS
    if purpose is Purpose.INVITATION:
        return (*_INVITATIONS, Cap(CapSubject.TENANT, PER_DAY[kind], _DAY))
    personal = _OWN if purpose in (Purpose.SIGN_IN, Purpose.STEP_UP, Purpose.CALLER) else _ANYBODYS
    return (*(_TRIALS if purpose is Purpose.TEST else personal), Cap(CapSubject.TENANT, PER_DAY[kind], _DAY))


def allowed_from(found: Iterable[tuple[Cap, int | None]], now: int) -> int:
    """Return the time from which another message may be sent, `now` if at once.

    Each cap comes with the time of its `most`-th latest message, or None if there are fewer.
    """
    return max([now, *(min(then, now) + cap.window for cap, then in found if then is not None)])


def wait_words(until: int, now: int, what: str = "code") -> str:
    """Describe how long to wait before the next request."""
    return f"Wait {length_words(until - now)} before asking for another {what}."


def length_words(milliseconds: int) -> str:
    """Format a duration such as `40 s`, `12 min` or `3 h`, always rounded up."""
    wait = max(0, milliseconds)
    for unit, size, below in (("s", _SECOND, 2 * _MINUTE), ("min", _MINUTE, 2 * _HOUR), ("h", _HOUR, 0)):
        if wait < below or not below:
            return f"{max(1, -(-wait // size))} {unit}"
    raise AssertionError


def retry_after(attempts: int) -> int:
    """Return the milliseconds until a message is retried after so many failures.

    It expires eventually.
    """
    return RETRIES[min(attempts, len(RETRIES)) - 1]
