"""Days of a grace period on which users are reminded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.grace import DAY
from secconsole.domain.reminders import reminder_days, reminder_due


@pytest.mark.parametrize(
    ("grace", "days"),
    [(0, ()), (1, (0,)), (3, (0, 2)), (4, (0, 3)), (7, (0, 3, 6)), (8, (0, 3, 7)), (14, (0, 3, 7, 13))],
)
def test_the_first_days_and_the_last_one_have_a_reminder(grace: int, days: tuple[int, ...]) -> None:
    assert reminder_days(grace) == days


@given(st.integers(0, 30), st.integers(0, 40 * DAY))
def test_the_newest_reminder_is_due_until_the_period_ends(grace: int, after: int) -> None:
    begins = 1_000 * DAY
    due = reminder_due(begins, grace, begins + after)
    passed = [day for day in reminder_days(grace) if day * DAY <= after]
    assert due == (begins + passed[-1] * DAY if passed and after < grace * DAY else None)
    assert reminder_due(begins, grace, begins - 1) is None
