"""Figures of adoption at the beginning of each day, UTC, rebuilt from what is on record about each user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

DAY = 24 * 3_600_000  # milliseconds
MOST_DAYS = 400  # that figures are rebuilt for, and shown at most

Period = tuple[int, int | None]  # from, and until if it is over


class Figures(NamedTuple):
    """Users who are not disabled, and how many of them are bound."""

    users: int
    bound: int


@dataclass(frozen=True, slots=True)
class Life:
    """Record of one user: creation, and the periods in which a factor was bound and in which they were disabled."""

    created: int
    bound: Sequence[Period] = ()
    disabled: Sequence[Period] = ()


def day_of(moment: int) -> int:
    """Return the day of a moment, counted from the epoch."""
    return moment // DAY


def start_of(day: int) -> int:
    return day * DAY


def disabled_periods(changes: Sequence[tuple[int, bool]], *, is_disabled: bool, created: int) -> list[Period]:
    """Return when a user was disabled.

    `changes`: when it was changed, and to what, oldest first. Without any it has always been as it is now.
    """
    was = not changes[0][1] if changes else is_disabled
    since = created if was else None
    periods: list[Period] = []
    for at, becomes in changes:
        if becomes and since is None:
            since = at
        elif not becomes and since is not None:
            periods.append((since, at))
            since = None
    return periods if since is None else [*periods, (since, None)]


def count_days(lives: Iterable[Life], first: int, until: int) -> list[Figures]:
    """Return the figures of these users for each day from `first` on, before `until`."""
    length = until - first
    users, bound = [0] * (length + 1), [0] * (length + 1)
    for life in lives:
        there = _days([(life.created, None)], first, length) & ~_days(life.disabled, first, length)
        _add(users, there)
        _add(bound, there & _days(life.bound, first, length))
    return [Figures(*each) for each in zip(accumulate(users[:length]), accumulate(bound[:length]), strict=True)]


def _days(periods: Iterable[Period], first: int, length: int) -> int:
    """Return the days at whose beginning a period was on, as bits."""
    found = 0
    for since, end in periods:
        start = min(max(_first_day_after(since) - first, 0), length)
        stop = length if end is None else min(max(_first_day_after(end) - first, 0), length)
        if stop > start:
            found |= (1 << stop) - (1 << start)
    return found


def _first_day_after(moment: int) -> int:
    return -(-moment // DAY)


def _add(steps: list[int], days: int) -> None:
    """Add a user to the days given as bits. `steps` are the differences from one day to the next."""
    edges = days ^ (days << 1)
    while edges:
        lowest = edges & -edges
        steps[lowest.bit_length() - 1] += 1 if days & lowest else -1
        edges ^= lowest
