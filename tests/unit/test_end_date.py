"""Ends of whitelist entries and networks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.end_date import PAST, TOO_FAR, check_end
from secconsole.domain.errors import Unfit

NOW = 1_800_000_000_000


@given(st.integers(-10_000_000, 10_000_000).filter(bool))
def test_an_end_is_accepted_from_the_next_second_on(seconds: int) -> None:
    until = datetime.fromtimestamp(NOW // 1000, UTC) + timedelta(seconds=seconds)
    if seconds > 0:
        assert check_end(until, NOW) == NOW + seconds * 1000
    else:
        with pytest.raises(Unfit, match=PAST):
            check_end(until, NOW)


def test_the_present_moment_is_no_end() -> None:
    with pytest.raises(Unfit, match=PAST):
        check_end(datetime.fromtimestamp(NOW // 1000, UTC), NOW)


@pytest.mark.parametrize("hours", [-12, 0, 14])
def test_an_end_without_a_date_in_some_time_zone_is_refused(hours: int) -> None:
    with pytest.raises(Unfit, match=TOO_FAR):
        check_end(datetime(9999, 1, 1, tzinfo=timezone(timedelta(hours=hours))), NOW)
