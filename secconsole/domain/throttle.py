"""How failures slow an account down: free tries, then growing delays, then locked until somebody helps.

Source: NIST SP 800-63B-4 section 3.2.2 (at most 100 consecutive failures, growing delays, then bound anew).
Times are milliseconds since the epoch.
"""

from __future__ import annotations

FREE_TRIES = 5
FIRST_DELAY = 30_000
LONGEST_DELAY = 3_600_000
MOST_FAILURES = 100
FOREVER = 2**52  # locked until unlocked; later than any clock, and exact in JSON numbers


def held_until(failures: int, now: int) -> int:
    """Until when an account is held back after so many consecutive failures, the latest at `now`; 0: not at all."""
    if failures >= MOST_FAILURES:
        return FOREVER
    if failures < FREE_TRIES:
        return 0
    doublings = min(failures - FREE_TRIES, 16)
    return now + min(FIRST_DELAY << doublings, LONGEST_DELAY)


def is_held(locked_until: int, now: int) -> bool:
    """Whether a stored limit holds at `now`."""
    return locked_until > now
