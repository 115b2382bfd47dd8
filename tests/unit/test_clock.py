"""The pure rules of wrong clocks: what a jump is, and that the store's mark never forgets a later time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.clock import NOTICED, ClockMark, Jump, is_from_future, jump_of, mark_at

TIMES = st.integers(0, 2**42)
JUMPS = st.integers(-(2**40), 2**40)
MINUTE = 60_000


def test_a_small_correction_is_not_a_jump() -> None:
    assert jump_of(10 * NOTICED, 11 * NOTICED) == 0
    assert jump_of(10 * NOTICED, 11 * NOTICED + 1) == NOTICED + 1
    assert jump_of(10 * NOTICED, 9 * NOTICED - 1) == -NOTICED - 1


@given(st.lists(TIMES, min_size=1))
def test_the_mark_is_the_latest_time_seen(times: list[int]) -> None:
    mark: ClockMark | None = None
    for now in times:
        mark = mark_at(mark, now)
    assert mark is not None
    assert (mark.seen, mark.high) == (times[-1], max(times))
    assert mark.is_behind(times[-1]) == (max(times) - times[-1] > NOTICED)


@given(TIMES, TIMES)
def test_between_two_programs_only_a_backward_jump_is_detected(before: int, now: int) -> None:
    mark = mark_at(ClockMark(before, before), now)
    assert mark.jump == (Jump(now, now - before) if before - now > NOTICED else None)


@given(TIMES, TIMES, JUMPS.filter(lambda by: abs(by) > NOTICED))
def test_a_jump_noticed_by_a_running_program_is_recorded(before: int, now: int, by: int) -> None:
    mark = mark_at(ClockMark(before, before), now, jumped=by)
    assert mark.jump == Jump(now, by)
    assert mark_at(mark, now + MINUTE).jump == mark.jump  # until the next one


def test_times_of_a_clock_ahead_are_in_the_future_once_corrected() -> None:
    assert not is_from_future(NOTICED, 0)
    assert is_from_future(NOTICED + 1, 0)
