"""Parsing of dates."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.config.dates import local_words, parse_since, parse_until
from secconsole.domain.errors import Invalid, Unfit

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_date_includes_the_whole_local_day() -> None:
    assert parse_until("2027-01-31", NOW) == datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert parse_until("2027-07-31", NOW) == datetime(2027, 7, 31, 22, tzinfo=UTC)


def test_since_a_date_starts_with_the_local_day() -> None:
    assert parse_since("2027-01-31") == datetime(2027, 1, 30, 23, tzinfo=UTC)


def test_a_time_is_exact() -> None:
    assert parse_until("2027-01-31T18:00", NOW) == datetime(2027, 1, 31, 17, tzinfo=UTC)
    assert parse_until("2027-01-31 18:00Z", NOW) == datetime(2027, 1, 31, 18, tzinfo=UTC)
    assert parse_until("2027-01-31T18:00+09:00", NOW) == datetime(2027, 1, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["tomorrow", "+x", "+99999d", "31.1.2027", "2027-02-30", "2027-01-31T25:00", "1" * 400]
)
def test_other_input_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is not a date"):
        parse_until(text, NOW)


def test_a_duration_includes_its_last_day() -> None:
    assert parse_until("+30d", NOW) == parse_until("+30", NOW) == datetime(2027, 2, 9, 23, tzinfo=UTC)


def test_empty_input_is_no_end() -> None:
    assert parse_until("  ", NOW) is None


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Prague"])
@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T00:00+14:00",
        "10000-01-01",
        "10000-01-01T00:00Z",
        "+12345-06-07",
    ],
)
def test_the_last_day_is_a_date_and_too_far_off(text: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    with pytest.raises(Unfit, match="too far in the future"):
        parse_until(text, NOW)
    assert parse_since(text).year == 9999  # which nothing is after


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Europe/Prague"])
@pytest.mark.parametrize("text", ["0001-01-01", "0001-01-01T00:00Z", "0001-01-01T00:00+14:00"])
def test_the_first_day_is_a_date_and_has_passed(text: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    with pytest.raises(Unfit, match="is in the past"):
        parse_until(text, NOW)
    assert parse_since(text) == datetime.min.replace(tzinfo=UTC)


def test_a_leap_second_is_the_moment_after_it() -> None:
    assert parse_until("2027-06-30T23:59:60Z", NOW) == datetime(2027, 7, 1, tzinfo=UTC)
    assert parse_since("2027-06-30T23:59:60Z") == datetime(2027, 7, 1, tzinfo=UTC)


def test_long_input_is_not_repeated_in_full() -> None:
    with pytest.raises(Invalid) as refused:
        parse_until("1" * 400, NOW)
    assert len(refused.value.message) < 120


@given(st.text(max_size=30) | st.datetimes().map(str) | st.dates().map(str))
def test_any_input_is_a_time_or_refused_with_a_message(text: str) -> None:
    found: list[datetime | None] = []
    with suppress(Invalid):  # anything else would be a crash
        found.append(parse_until(text, NOW))
    with suppress(Invalid):
        found.append(parse_since(text))
    assert all(moment is None or moment.tzinfo is not None for moment in found)


def test_a_time_that_no_local_one_corresponds_to_is_shown_as_it_is() -> None:
    assert local_words(datetime(2027, 1, 31, 17, tzinfo=UTC)) == "2027-01-31 18:00:00 +01:00"
    first = datetime.fromisoformat("0001-01-01T00:00:00+14:00")
    last = datetime.fromisoformat("9999-12-31T23:59:59-14:00")
    assert [local_words(moment)[-6:] for moment in (first, last)] == ["+14:00", "-14:00"]
