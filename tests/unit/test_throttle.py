"""Free tries, growing delays, and the end at a hundred."""

from __future__ import annotations

from itertools import pairwise

from secconsole.domain.throttle import FOREVER, FREE_TRIES, LONGEST_DELAY, MOST_FAILURES, held_until, is_held

NOW = 1_800_000_000_000


def test_the_first_tries_are_free() -> None:
    assert all(held_until(failures, NOW) == 0 for failures in range(FREE_TRIES))
    assert not is_held(0, NOW)


def test_delays_grow_and_have_a_limit() -> None:
    delays = [held_until(failures, NOW) - NOW for failures in range(FREE_TRIES, MOST_FAILURES)]
    assert delays[0] == 30_000
    assert all(later >= earlier for earlier, later in pairwise(delays))
    assert max(delays) == LONGEST_DELAY


def test_a07_at_most_a_hundred() -> None:
    assert held_until(99, NOW) < FOREVER
    assert held_until(100, NOW) == FOREVER
    assert is_held(FOREVER, NOW + 10**14)
