"""Figures of past days: counted from the lives of users, as a count for each day alone would find them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.history import DAY, Figures, Life, Period, count_days, disabled_periods

HALF = DAY // 2
MOMENTS = st.integers(0, 24).map(lambda half: half * HALF)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    periods = st.lists(st.tuples(MOMENTS, st.none() | MOMENTS).filter(lambda p: p[1] is None or p[0] <= p[1]))
    return Life(draw(MOMENTS), draw(periods), draw(periods))


def is_on(periods: list[Period] | tuple[Period, ...], at: int) -> bool:
    return any(since <= at and (end is None or at < end) for since, end in periods)


@given(st.lists(lives(), max_size=5), st.integers(0, 8), st.integers(0, 8))
def test_each_day_has_the_figures_of_its_beginning(found: list[Life], first: int, length: int) -> None:
    expected = []
    for day in range(first, first + length):
        there = [each for each in found if each.created <= day * DAY and not is_on([*each.disabled], day * DAY)]
        expected.append(Figures(len(there), sum(is_on([*each.bound], day * DAY) for each in there)))
    assert count_days(found, first, first + length) == expected


def test_a_user_without_a_record_of_a_change_has_always_been_as_now() -> None:
    assert disabled_periods([], is_disabled=True, created=5) == [(5, None)]
    assert disabled_periods([], is_disabled=False, created=5) == []


def test_changes_are_followed_from_the_first() -> None:
    assert disabled_periods([(7, True), (9, False), (12, True)], is_disabled=True, created=5) == [(7, 9), (12, None)]
    assert disabled_periods([(9, False)], is_disabled=False, created=5) == [(5, 9)]
