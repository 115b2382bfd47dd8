"""Recognition of a console's own writes, and the content of the notices that name them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.backends import own_writes
from secconsole.backends.base import Notice
from secconsole.backends.own_writes import OwnWrites
from secconsole.domain.audience import UNKNOWN, Audience, Change, mark_of
from secconsole.operations.notices import MOST_MARKS, encode_marks, parse_marks

MINE, THEIRS = mark_of("mine"), mark_of("theirs")


def marks(*names: str) -> frozenset[str]:
    return frozenset(names)


def written(*requests: str) -> OwnWrites:
    own = OwnWrites()
    for request in requests:
        with own.write() as acknowledge:
            acknowledge(request)
    return own


async def test_only_own_acknowledged_writes_are_own() -> None:
    assert await written("mine").notice_of(marks(MINE)) is Notice.OWN
    assert await written("mine").notice_of(marks(MINE, THEIRS)) is Notice.OTHERS
    assert await written("mine").notice_of(marks(MINE, UNKNOWN)) is Notice.OTHERS
    assert await written("mine").notice_of(marks(THEIRS)) is Notice.OTHERS
    assert await written("mine").notice_of(marks()) is Notice.OTHERS
    assert await written("mine", "mine too").notice_of(marks(MINE, mark_of("mine too"))) is Notice.OWN
    assert await written("").notice_of(marks(UNKNOWN)) is Notice.OTHERS


async def test_a_request_is_recognised_once() -> None:
    own = written("mine")
    assert await own.notice_of(marks(MINE)) is Notice.OWN
    assert await own.notice_of(marks(MINE)) is Notice.OTHERS


@pytest.mark.parametrize("acknowledged", [True, False])
async def test_a_notice_before_the_reply_waits_for_it(acknowledged: bool) -> None:
    own = OwnWrites()
    with own.write() as acknowledge:
        notice = asyncio.ensure_future(own.notice_of(marks(MINE)))
        await asyncio.sleep(0)
        assert not notice.done()
        if acknowledged:
            acknowledge("mine")
    assert await notice is (Notice.OWN if acknowledged else Notice.OTHERS)


async def test_a_slow_write_does_not_keep_others_changes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_writes, "HOLD", 0.0)
    own = OwnWrites()
    with own.write():
        assert await own.notice_of(marks(THEIRS)) is Notice.OTHERS


async def test_acknowledged_writes_without_a_notice_are_forgotten_in_time() -> None:
    own = written(*(str(number) for number in range(200)))
    assert await own.notice_of(marks(mark_of("0"))) is Notice.OTHERS
    assert await own.notice_of(marks(mark_of("199"))) is Notice.OWN


@given(st.frozensets(st.text(max_size=5), max_size=MOST_MARKS + 2))
def test_marks_arrive_as_they_were_sent_or_are_unknown(requests: frozenset[str]) -> None:
    sent = frozenset(map(mark_of, requests))
    named = bool(sent) and UNKNOWN not in sent and len(sent) <= MOST_MARKS
    assert parse_marks(encode_marks(sent)) == (sent if named else {UNKNOWN})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"{",
        b'{"requests":[]}',
        b'{"requests":["x"]}',
        b'{"requests":[""]}',
        b'{"requests":1}',
        b"\xff",
    ],
)
def test_content_without_valid_marks_counts_as_unknown(content: bytes) -> None:
    assert parse_marks(content) == {UNKNOWN}


def test_a_user_learns_of_the_requests_that_concern_them_alone() -> None:
    change = Change(
        1,
        marks=marks(MINE, THEIRS),
        users=frozenset({"uma"}),
        marks_by_user=frozenset({("uma", MINE), ("bob", THEIRS)}),
    )
    assert Audience(None).heard(change) == Audience(1).heard(change) == {MINE, THEIRS}
    assert Audience(1, "uma").heard(change) == {MINE}
    assert Audience(1, "nina").heard(change) == Audience(2).heard(change) == frozenset()
