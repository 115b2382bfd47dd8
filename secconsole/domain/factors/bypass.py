"""Bypass codes: one short-lived code from the helpdesk, for a user whose phone is not at hand.

80 random bits. NIST SP 800-63B-4 section 3.1.2.2 asks for a slow hash below 112 bits, because stolen digests can be
searched for as long as a code is kept. A bypass code lives for a day at most and is kept as a digest with a key that is
not in the database, so there is nothing to search, and no time for it.
"""

from __future__ import annotations

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.factors.spoken import BITS, read_spelled, spell
from secconsole.domain.secret import Secret

RANDOM_BYTES = 10
GROUPS, IN_GROUP = 4, 4
BITS_OF_CODE = GROUPS * IN_GROUP * BITS
MINUTE = 60_000

USUAL_MINUTES = 30
MOST_MINUTES = 24 * 60
LONGEST_AHEAD = 7 * MOST_MINUTES  # minutes from the issue to the start


def bypass_code(random: bytes) -> Secret[str]:
    """Return a code from ten random bytes in the form that is read out: `7KQ2-9XDH-TPVW-C8NR`."""
    return spell(random[:RANDOM_BYTES], GROUPS, IN_GROUP)


def read_bypass_code(typed: Secret[str]) -> Secret[str] | None:
    """Return the 16 characters to compare, or None if the text does not have the form of a bypass code.

    Case, spaces and dashes are ignored, and O, I and L are read as the digits they look like. No other code has 16.
    """
    return read_spelled(typed, GROUPS * IN_GROUP)


def period(minutes: int | None, starts: int | None, now: int, *, usual: int, most: int) -> tuple[int, int]:
    """Return when a code starts and ends to work, in milliseconds, or raise `Unfit`.

    `usual` and `most` are minutes from the tenant's policy. A start in the past means now.
    """
    lasts = min(usual, most) if minutes is None else minutes
    if not 1 <= lasts <= most:
        limit = f"{most:,} minutes" if most > 1 else "1 minute"
        raise Unfit(f"A bypass code lasts at least 1 minute, and at most {limit} here.", "minutes")
    begin = max(now, now if starts is None else starts)
    if begin - now > LONGEST_AHEAD * MINUTE:
        raise Unfit("A bypass code can start within seven days at the latest.", "starts")
    return begin, begin + lasts * MINUTE


def check_limits(usual: int, most: int) -> None:
    """Raise `Invalid` for minutes that a policy cannot set."""
    if not 1 <= most <= MOST_MINUTES:
        raise Invalid(f"The maximum minutes of a bypass code must be between 1 and {MOST_MINUTES:,}.", "bypass_most")
    if not 1 <= usual <= most:
        raise Invalid(f"The minutes of a bypass code must be between 1 and {most:,}.", "bypass_minutes")
