"""Moments, spans, counts and signs, in the reader's zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from secconsole.domain.model import BindingStatus
from secconsole.tui.text import format

NOW = datetime(2026, 3, 12, 8, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=12), "12 min ago"),
        (timedelta(hours=2), "today 07:30"),
        (timedelta(hours=11), "yesterday 22:30"),
        (timedelta(days=9), "3 Mar 2026 09:30 +01:00"),
        (timedelta(minutes=-10), "12 Mar 2026 09:40 +01:00"),
    ],
)
def test_a_time_is_relative_within_a_day_and_exact_before(before: timedelta, answer: str) -> None:
    assert format.moment(NOW - before, NOW) == answer


def test_no_time_reads_never() -> None:
    assert format.moment(None, NOW) == "never"
    assert format.ago(None, NOW) == "never"


def test_the_offset_is_that_of_the_time_itself() -> None:
    assert format.exact(datetime(2026, 7, 1, 12, tzinfo=UTC)) == "1 Jul 2026 14:00 +02:00"
    assert format.clock(NOW) == "09:30:00 +01:00"
    assert format.day(datetime(2026, 3, 11, 23, 30, tzinfo=UTC)) == "12 Mar 2026"


@pytest.mark.parametrize(
    ("span", "answer"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=364), "364 days ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_a_duration_in_its_largest_unit(span: timedelta, answer: str) -> None:
    assert format.ago(NOW - span, NOW) == answer


def test_remaining_time() -> None:
    assert format.left(None, NOW) == "no end date"
    assert format.left(NOW, NOW) == "ended"
    assert format.left(NOW + timedelta(seconds=30), NOW) == "less than a minute left"
    assert format.left(NOW + timedelta(days=3, hours=5), NOW) == "3 days left"
    assert format.until(NOW + timedelta(minutes=10), NOW) == "09:40"
    assert format.until(NOW + timedelta(days=1), NOW) == "13 Mar 2026 09:30 +01:00"


def test_counts_have_separators() -> None:
    assert format.count(1_204_311) == "1,204,311"
    assert format.plural(1, "entry", "entries") == "1 entry"
    assert format.plural(1_204, "user") == "1,204 users"


@pytest.mark.parametrize("status", BindingStatus)
def test_a_status_has_a_distinct_sign_and_a_word_also_without_utf8(status: BindingStatus) -> None:
    sign, word = format.status_words(status)
    plain, same = format.status_words(status, utf8=False)
    assert word == same == status.value
    assert plain.isascii()
    others = [other for other in BindingStatus if other is not status]
    assert sign not in {format.status_words(other)[0] for other in others}
    assert plain not in {format.status_words(other, utf8=False)[0] for other in others}
