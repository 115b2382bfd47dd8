"""Dates as they are typed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from secconsole.config.until import parse_since, parse_until
from secconsole.domain.errors import Invalid

NOW = datetime(2027, 1, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_date_holds_through_that_day_here() -> None:
    assert parse_until("2027-01-31", NOW) == datetime(2027, 1, 31, 23, tzinfo=UTC)
    assert parse_until("2027-07-31", NOW) == datetime(2027, 7, 31, 22, tzinfo=UTC)


def test_since_a_date_begins_with_that_day_here() -> None:
    assert parse_since("2027-01-31") == datetime(2027, 1, 30, 23, tzinfo=UTC)


def test_a_time_is_that_moment() -> None:
    assert parse_until("2027-01-31T18:00", NOW) == datetime(2027, 1, 31, 17, tzinfo=UTC)
    assert parse_until("2027-01-31 18:00Z", NOW) == datetime(2027, 1, 31, 18, tzinfo=UTC)
    assert parse_until("2027-01-31T18:00+09:00", NOW) == datetime(2027, 1, 31, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["tomorrow", "+x", "+99999d", "31.1.2027", "2027-02-30", "2027-01-31T25:00", "9999-12-31"]
)
def test_anything_else_is_told(text: str) -> None:
    with pytest.raises(Invalid, match="is no date"):
        parse_until(text, NOW)


def test_a_span_holds_through_its_last_day() -> None:
    assert parse_until("+30d", NOW) == parse_until("+30", NOW) == datetime(2027, 2, 9, 23, tzinfo=UTC)


def test_nothing_typed_is_no_end() -> None:
    assert parse_until("  ", NOW) is None
