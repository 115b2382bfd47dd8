"""Detection of wrong clocks, and limits on what a wrong clock does to stored times.

Times and durations are milliseconds. Codes, waits and sessions use the machine's clock, so a clock that was an hour
ahead leaves stored times that stay wrong for an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from secconsole.domain.messages.sending import length_words

NOTICED = 5 * 60_000  # larger jumps are reported; smaller ones are corrections by time synchronisation
_DAY = 24 * 3_600_000
KEPT_IN_SIGHT = 7 * _DAY  # how long a harmless jump is shown to administrators


@dataclass(frozen=True, slots=True)
class Jump:
    """Change of the clock by `by` milliseconds (positive: forward) to the new time `at`."""

    at: int
    by: int


@dataclass(frozen=True, slots=True)
class ClockMark:
    """Times that a store has seen: the last, the latest ever (the high-water mark) and the newest jump."""

    seen: int
    high: int
    jump: Jump | None = None

    def is_behind(self, now: int) -> bool:
        """Return True if `now` is earlier than the latest time seen, by more than a correction."""
        return self.high - now > NOTICED


def jump_of(expected: int, now: int) -> int:
    """Return by how much the clock differs from the `expected` time, or 0 if it is not worth reporting."""
    by = now - expected
    return by if abs(by) > NOTICED else 0


def mark_at(mark: ClockMark | None, now: int, *, jumped: int = 0) -> ClockMark:
    """Return the mark after the time `now` was seen.

    `jumped` is a jump that a running program measured against its monotonic clock. Between two runs of the program only
    a jump back can be distinguished from elapsed time.
    """
    if mark is None:
        return ClockMark(now, now, Jump(now, jumped) if jumped else None)
    back = jump_of(mark.seen, now)
    by = jumped or min(back, 0)
    new = replace(mark, seen=now, high=max(mark.high, now))
    return replace(new, jump=Jump(now, by)) if by else new


def moved_words(by: int) -> str:
    """Describe how far a clock was moved, such as `ahead by 40 min` or `back by 370 days`."""
    days = round(abs(by) / _DAY)
    return f"{'ahead' if by > 0 else 'back'} by {f'{days:,} days' if days >= 3 else length_words(abs(by))}"


def is_in_sight(jump: Jump, now: int) -> bool:
    """Return True if a jump is still shown to administrators."""
    return now - jump.at < KEPT_IN_SIGHT


def is_from_future(created: int, now: int) -> bool:
    """Return True if a time was recorded by a clock that was ahead and has been corrected since.

    Its duration means nothing then: a session of twelve hours would last for as long as the clock was ahead.
    """
    return created - now > NOTICED


def is_over(since: int, lasts: int, now: int) -> bool:
    """Return True if the duration has passed, or began under a clock that has been corrected since."""
    return now - since >= lasts or is_from_future(since, now)
