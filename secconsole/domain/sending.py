"""How much is sent: caps for each user, address and tenant, and how long to wait where one is reached.

Notices have caps of their own and are not counted among what people ask for, so that neither holds the other back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.delivery import Purpose
from secconsole.domain.model import FactorKind

_SECOND, _MINUTE = 1_000, 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
RETRIES = (5 * _SECOND, 15 * _SECOND, 45 * _SECOND, 2 * _MINUTE, 4 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR)
NOTICE_LASTS = _DAY  # milliseconds that a notice is tried for


class Counted(StrEnum):
    """Whose messages a cap counts, all within one tenant."""

    USER = "user"
    ADDRESS = "address"  # whoever asks for them
    OWN_ADDRESS = "own-address"  # of one user
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many messages within a window of milliseconds.

    `unanswered`: those whose code was typed back do not count.
    """

    counted: Counted
    most: int
    window: int
    unanswered: bool = False


def _personal(address: Counted) -> tuple[Cap, ...]:
    return (
        Cap(address, 1, 40 * _SECOND, unanswered=True),
        Cap(Counted.USER, 5, _HOUR),
        Cap(Counted.USER, 15, _DAY),
        Cap(address, 5, _HOUR),
        Cap(address, 10, _DAY),
    )


# What is being bound may be anybody's address, who is to be left in peace. What is bound is one's own, and so is where
# one is told of things: there others, who give the same address as theirs, use nothing up.
_ANYBODYS, _OWN = _personal(Counted.ADDRESS), _personal(Counted.OWN_ADDRESS)
_TRIALS = (Cap(Counted.ADDRESS, 1, 10 * _SECOND, unanswered=True), Cap(Counted.ADDRESS, 20, _HOUR))
_NOTICES = (Cap(Counted.OWN_ADDRESS, 20, _HOUR), Cap(Counted.OWN_ADDRESS, 60, _DAY))
# What a tenant sends in a day even if every password of it were known: each SMS costs money.
PER_DAY = {FactorKind.EMAIL: 10_000, FactorKind.SMS: 2_000}


def caps_of(kind: FactorKind, purpose: Purpose) -> tuple[Cap, ...]:
    """What is counted before a message goes out; a test of settings is nobody's code.

    For the whole tenant there is none on notices: unbinding thousands at once tells each of them.
    """
    if purpose is Purpose.NOTICE:
        return _NOTICES
    personal = _OWN if purpose in (Purpose.SIGN_IN, Purpose.STEP_UP) else _ANYBODYS
    return (*(_TRIALS if purpose is Purpose.TEST else personal), Cap(Counted.TENANT, PER_DAY[kind], _DAY))


def allowed_from(found: Iterable[tuple[Cap, int | None]], now: int) -> int:
    """From when on another message may go out; `now` if at once.

    Each cap comes with the time of its `most`-th latest message, or None if there were not so many.
    """
    return max([now, *(then + cap.window for cap, then in found if then is not None)])


def wait_words(until: int, now: int, what: str = "code") -> str:
    """How long to wait before asking again, in words."""
    return f"Wait {length_words(until - now)} before asking for another {what}."


def length_words(milliseconds: int) -> str:
    """A length of time: `40 s`, `12 min`, `3 h`; always rounded up."""
    wait = max(0, milliseconds)
    for unit, size, below in (("s", _SECOND, 2 * _MINUTE), ("min", _MINUTE, 2 * _HOUR), ("h", _HOUR, 0)):
        if wait < below or not below:
            return f"{max(1, -(-wait // size))} {unit}"
    raise AssertionError


def retry_after(attempts: int) -> int:
    """Milliseconds until a message is tried again that failed so many times; it expires sooner or later."""
    return RETRIES[min(attempts, len(RETRIES)) - 1]
