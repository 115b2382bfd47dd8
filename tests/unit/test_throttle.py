"""A07: three buckets, growing waits, locks at 50 in a row, and never more than 100 in all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secconsole.domain.throttling.throttle import (
    EMPTY,
    FOREVER,
    FORGET_AFTER,
    FREE_TRIES,
    LONGEST_DELAY,
    MOST_FAILURES,
    MOST_IN_BUCKET,
    NONE,
    PARTLY,
    SIGN_IN,
    Bucket,
    Reserved,
    Run,
    Throttle,
    account_held_until,
    code_accepted,
    delay,
    failed,
    held_buckets,
    held_until,
    is_held,
    is_locked,
    is_spent,
    proved,
    signed_in,
    taken_back,
    tried,
    wait_until,
)
from tests.extent import examples

NOW = 1_800_000_000_000


def test_the_first_attempts_are_free() -> None:
    assert all(delay(tries) == 0 for tries in range(FREE_TRIES))
    assert not is_held(0, NOW)
    assert held_buckets(EMPTY, NOW) == ()


def test_waits_grow_and_have_a_limit() -> None:
    delays = [delay(tries) for tries in range(FREE_TRIES, 200)]
    assert delays[0] == 30_000
    assert all(later >= earlier for earlier, later in pairwise(delays))
    assert max(delays) == LONGEST_DELAY


def after(count: int, bucket: Bucket = Bucket.STRANGERS, *, password: bool = True) -> Throttle:
    """Return the state after so many wrong entries in one bucket, each as soon as it is checked."""
    state, now = EMPTY, NOW
    for _ in range(count):
        now = max(now, held_until(state, bucket, now))
        state = failed(state, bucket, now, password=password)
    return state


@pytest.mark.parametrize("bucket", SIGN_IN)
@pytest.mark.parametrize("password", [True, False])
def test_fifty_failures_lock_only_their_bucket(bucket: Bucket, password: bool) -> None:
    assert not is_locked(after(MOST_IN_BUCKET - 1, bucket, password=password), bucket)
    locked = after(MOST_IN_BUCKET, bucket, password=password)
    assert [other for other in Bucket if is_locked(locked, other)] == [bucket]
    assert held_until(locked, bucket, NOW + 10**14) == FOREVER


def test_a07_a_hundred_failures_lock_every_bucket() -> None:
    state = after(MOST_IN_BUCKET)
    for _ in range(MOST_IN_BUCKET - 1):
        state = failed(state, Bucket.KNOWN, NOW, password=False)
    assert not is_locked(state, Bucket.STEP_UP)
    state = failed(state, Bucket.STEP_UP, NOW, password=False)
    assert state.failures == MOST_FAILURES
    assert held_buckets(state, NOW) == tuple(Bucket)
    assert failed(state, Bucket.STEP_UP, NOW, password=True) == state


def test_a_sign_in_resets_the_failures_of_its_bucket_and_of_step_up() -> None:
    state = failed(after(30).having(Bucket.KNOWN, Run(7, 7, 7, NOW)), Bucket.STEP_UP, NOW, password=True)
    known = signed_in(state, Bucket.KNOWN)
    assert (known.run(Bucket.KNOWN), known.run(Bucket.STEP_UP)) == (NONE, NONE)
    assert known.run(Bucket.STRANGERS) == state.run(Bucket.STRANGERS)
    away = signed_in(state, Bucket.STRANGERS)
    assert away.run(Bucket.KNOWN) == state.run(Bucket.KNOWN)
    assert (away.run(Bucket.STRANGERS).failures, away.run(Bucket.STRANGERS).passwords) == (0, 0)


def test_strangers_see_the_same_wait_whether_or_not_the_owner_signed_in() -> None:
    state = after(9)
    for bucket in SIGN_IN:
        assert wait_until(signed_in(state, bucket).run(Bucket.STRANGERS), NOW) == wait_until(
            state.run(Bucket.STRANGERS), NOW
        )


def test_a_right_code_alone_does_not_reset_password_failures() -> None:
    state = after(20)
    for _ in range(10):
        state = failed(state, Bucket.STRANGERS, NOW, password=False)
    state = code_accepted(state, Bucket.STRANGERS)
    assert (state.failures, state.run(Bucket.STRANGERS).passwords) == (0, 20)
    for _ in range(MOST_IN_BUCKET - 20):
        assert not is_locked(state, Bucket.STRANGERS)
        state = code_accepted(failed(state, Bucket.STRANGERS, NOW, password=True), Bucket.STRANGERS)
    assert is_locked(state, Bucket.STRANGERS)


def test_a_wait_keeps_growing_in_a_locked_bucket_without_further_counting() -> None:
    locked = after(MOST_IN_BUCKET)
    later = failed(locked, Bucket.STRANGERS, NOW + FORGET_AFTER * 9, password=True)
    assert later.failures == locked.failures
    assert later.run(Bucket.STRANGERS).tries == 1


def test_a_quiet_day_resets_the_wait_but_not_the_count() -> None:
    state = failed(after(8), Bucket.STRANGERS, NOW + 3 * FORGET_AFTER, password=True)
    assert (state.run(Bucket.STRANGERS).tries, state.failures) == (1, 9)


def test_no_wait_exceeds_the_maximum_after_clock_changes() -> None:
    run = Run(tries=60, last=NOW + 30 * 24 * 3_600_000)
    assert wait_until(run, NOW) == 0
    assert tried(run, NOW) == Run(tries=1, last=NOW)
    assert not is_held(NOW + LONGEST_DELAY + 1, NOW)
    assert is_held(NOW + LONGEST_DELAY, NOW)
    assert is_held(FOREVER, NOW)
    assert is_held(PARTLY, NOW)


def test_the_user_row_records_if_every_bucket_is_locked() -> None:
    strangers, both = after(MOST_IN_BUCKET), after(MOST_IN_BUCKET).having(Bucket.KNOWN, Run(failures=50))
    assert account_held_until(strangers, NOW, has_known=True) == PARTLY
    assert account_held_until(strangers, NOW, has_known=False) == FOREVER
    assert account_held_until(after(MOST_IN_BUCKET, Bucket.KNOWN), NOW, has_known=True) == PARTLY
    assert account_held_until(both, NOW, has_known=True) == FOREVER
    held = failed(after(4), Bucket.STRANGERS, NOW, password=True)
    assert account_held_until(held, NOW, has_known=True) == NOW + 30_000


def test_a_sign_in_from_a_new_network_resets_the_failures_of_strangers_but_not_their_delay() -> None:
    before = after(FREE_TRIES + 2)
    signed = signed_in(before, Bucket.STRANGERS)
    now = before.run(Bucket.STRANGERS).last
    assert signed.failures == 0
    assert wait_until(signed.run(Bucket.STRANGERS), now) == now + delay(FREE_TRIES + 2)


EVENT = st.one_of(
    st.tuples(st.just("wrong"), st.sampled_from(Bucket), st.booleans()),
    st.tuples(st.just("sign-in"), st.sampled_from(SIGN_IN), st.just(False)),
    st.tuples(st.just("code"), st.sampled_from(SIGN_IN), st.just(False)),
    st.tuples(st.just("step-up"), st.just(Bucket.STEP_UP), st.just(False)),
)
# Long rows, as an attacker makes them, rather than each event on its own.
EVENTS = st.lists(
    st.tuples(EVENT, st.integers(1, 60), st.sampled_from([0, 1_000, 3_700_000, FORGET_AFTER])), max_size=14
)


def happened(state: Throttle, what: str, bucket: Bucket, password: bool, now: int) -> tuple[Throttle, bool]:
    """Return the state after one event, and True if the entry was checked."""
    if held_until(state, bucket, now):
        return (failed(state, bucket, now, password=password) if what == "wrong" else state), False
    if what == "wrong":
        return failed(state, bucket, now, password=password), True
    done = {"sign-in": signed_in, "code": code_accepted}.get(what)
    return (done(state, bucket) if done else proved(state)), True


@settings(max_examples=examples(300))
@given(EVENTS)
def test_a07_never_more_than_a_hundred_consecutive_failures(
    events: list[tuple[tuple[str, Bucket, bool], int, int]],
) -> None:
    """Of the account since any success, and of the password since one that the password was part of."""
    state, now, row, passwords = EMPTY, NOW, 0, 0
    for (what, bucket, password), times, pause in events:
        for _ in range(times):
            now += pause
            state, looked = happened(state, what, bucket, password, now)
            if looked and what == "wrong":
                row, passwords = row + 1, passwords + password
            elif looked:
                row, passwords = 0, passwords if what == "code" else 0
            assert row <= MOST_FAILURES
            assert passwords <= MOST_FAILURES
            assert state.failures >= row
            assert all(state.run(bucket).worst <= MOST_IN_BUCKET for bucket in SIGN_IN)


@settings(max_examples=examples(300))
@given(EVENTS)
def test_strangers_never_delay_a_known_network_or_a_session(
    events: list[tuple[tuple[str, Bucket, bool], int, int]],
) -> None:
    """The same events without the strangers' have the same result, until the account has a hundred failures."""
    state, alone, now = EMPTY, EMPTY, NOW
    for (what, bucket, password), times, pause in events:
        for _ in range(times):
            now += pause
            state, _ = happened(state, what, bucket, password, now)
            if bucket is not Bucket.STRANGERS or what == "sign-in":
                alone, _ = happened(alone, what, bucket, password, now)
            own = state.run(Bucket.KNOWN).worst + state.run(Bucket.STEP_UP).worst
            if own < MOST_IN_BUCKET:
                assert not is_spent(state), "strangers alone never lock everybody out"
                assert held_until(state, Bucket.STEP_UP, now) == 0
            elif is_spent(state):
                return
            if what == "sign-in" and bucket is Bucket.STRANGERS:
                return  # with the strangers locked it would not have been reached
            assert held_until(state, Bucket.KNOWN, now) == held_until(alone, Bucket.KNOWN, now)


RUNS = st.builds(Run, st.integers(0, 50), st.integers(0, 50), st.integers(0, 80), st.integers(NOW - 10**7, NOW))


@given(RUNS, RUNS, st.sampled_from(SIGN_IN), st.integers(0, 3))
def test_a_right_password_counted_in_advance_is_uncounted_exactly(
    own: Run, other: Run, bucket: Bucket, meanwhile: int
) -> None:
    before = EMPTY.having(Bucket.STRANGERS, other).having(bucket, own)
    if is_locked(before, bucket):
        return
    counted = failed(before, bucket, NOW, password=True)
    reserved = Reserved(bucket, before.run(bucket), counted.run(bucket))
    assert taken_back(counted, reserved) == before
    for _ in range(meanwhile):
        counted = failed(counted, bucket, NOW, password=True)
    left = taken_back(counted, reserved)
    assert left.failures == counted.failures - (1 if meanwhile else counted.failures - before.failures)
