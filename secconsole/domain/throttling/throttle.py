"""Throttling and locking of accounts after wrong entries, such that strangers cannot lock out the owner.

NIST SP 800-63B-4 section 3.2.2 allows at most 100 consecutive failures for an authenticator, lets delays grow between
them, and suggests accepting entries from addresses that the subscriber has signed in from before. So failures are
counted in three buckets:

- *step-up*: proofs in an open session. The fifth wrong one ends that session.
- *known networks*: networks from which this user completed a sign-in in the last 90 days.
- *strangers*: every other network.

The last two each delay entries after five wrong ones, for longer and longer, and lock at 50 in a row. A delay or lock
of one bucket does not affect the others. At 100 in all, every bucket is locked until an administrator unlocks the
account or unbinds the factor.

A success ends the row of that bucket only. If sign-ins of the owner ended the strangers' row, an attacker elsewhere
would get 50 more guesses after each. So the buckets together never hold less than the failures since the last success,
which is what the standard limits. It limits them for each authenticator: a right code proves nothing about the
password, so it does not end the row of wrong passwords. Each factor also has its own count of wrong codes
(`exhausted`).

The answers must not reveal whether a login exists. Before the password was right they show only the delay. It grows
with entries from strangers, which are counted for unknown logins too. It continues in the same way while a bucket is
locked, is not changed by sign-ins of the owner from elsewhere, and is forgotten in both cases after a quiet day. An
unknown login has both buckets too: a user of the tenant lends it known networks (see service/factors/stand_in.py).

Times are milliseconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

FREE_TRIES = 5
FIRST_DELAY = 30_000
LONGEST_DELAY = 3_600_000
FORGET_AFTER = 24 * 3_600_000  # without an entry: the delay starts over, the count to 50 continues
MOST_IN_BUCKET = 50
MOST_IN_SESSION = 5
MOST_FAILURES = 100
KNOWN_FOR = 90 * 24 * 3_600_000
MOST_KNOWN = 32  # networks of a user
FOREVER = 2**52  # locked until unlocked; later than any clock, and exact in JSON numbers
PARTLY = FOREVER - 1  # some buckets are locked until unlocked, others are not


class Bucket(StrEnum):
    """Counter that an entry belongs to."""

    STRANGERS = "strangers"
    KNOWN = "known-networks"
    STEP_UP = "step-up"


SIGN_IN = (Bucket.STRANGERS, Bucket.KNOWN)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive wrong entries in one bucket.

    `passwords`: the wrong passwords among them, whose row a right code alone does not end. `tries`: the number that the
    delay grows by. `last`: the time of the latest entry.
    """

    failures: int = 0
    passwords: int = 0
    tries: int = 0
    last: int = 0

    @property
    def worst(self) -> int:
        """The longer of the two rows."""
        return max(self.failures, self.passwords)


NONE = Run()


@dataclass(frozen=True, slots=True)
class Throttle:
    """Wrong entries of one account that still count."""

    runs: Mapping[Bucket, Run] = field(default_factory=dict)

    def run(self, bucket: Bucket) -> Run:
        return self.runs.get(bucket, NONE)

    def having(self, bucket: Bucket, run: Run) -> Throttle:
        """Return a copy with another run in one bucket."""
        return Throttle({where: kept for where, kept in {**self.runs, bucket: run}.items() if kept != NONE})

    @property
    def failures(self) -> int:
        """Total of consecutive wrong entries in all buckets."""
        return sum(run.failures for run in self.runs.values())


EMPTY = Throttle()


@dataclass(frozen=True, slots=True)
class Reserved:
    """Password counted as wrong before its check, with the run of its bucket before and after.

    `holds_until`: until when it holds its bucket back, if no earlier one of the row does; see `newly_held`.
    """

    bucket: Bucket
    before: Run
    after: Run
    holds_until: int = 0


def delay(tries: int) -> int:
    """Return the delay after so many wrong entries."""
    if tries < FREE_TRIES:
        return 0
    return min(FIRST_DELAY << min(tries - FREE_TRIES, 16), LONGEST_DELAY)


def wait_until(run: Run, now: int) -> int:
    """Return the end of a bucket's delay, or 0 if there is none.

    An entry from the future was recorded by a wrong clock and delays nobody.
    """
    end = run.last + delay(run.tries)
    return end if run.last <= now < end else 0


def tried(run: Run, now: int) -> Run:
    """Return a run after one more entry, whether or not it is checked."""
    quiet = now - run.last >= FORGET_AFTER or run.last > now
    return replace(run, tries=1 if quiet else run.tries + 1, last=now)


def is_locked(throttle: Throttle, bucket: Bucket) -> bool:
    """Return True if a bucket checks no entries until an administrator unlocks the account."""
    if is_spent(throttle):
        return True
    return bucket in SIGN_IN and throttle.run(bucket).worst >= MOST_IN_BUCKET


def is_spent(throttle: Throttle) -> bool:
    """Return True if the account reached the limit of the standard, which locks every bucket."""
    runs = throttle.runs.values()
    return max(sum(run.failures for run in runs), sum(run.passwords for run in runs)) >= MOST_FAILURES


def held_until(throttle: Throttle, bucket: Bucket, now: int) -> int:
    """Return when a bucket checks entries again: `FOREVER` if it is locked, 0 if it checks them now."""
    if is_locked(throttle, bucket):
        return FOREVER
    return wait_until(throttle.run(bucket), now) if bucket in SIGN_IN else 0


def held_buckets(throttle: Throttle, now: int) -> tuple[Bucket, ...]:
    """Return the buckets that check no entries now."""
    if not throttle.runs:  # as with nearly all users of a list
        return ()
    return tuple(bucket for bucket in Bucket if held_until(throttle, bucket, now))


def failed(throttle: Throttle, bucket: Bucket, now: int, *, password: bool) -> Throttle:
    """Return the state after a wrong entry.

    In a locked bucket only the delay grows.
    """
    run = throttle.run(bucket)
    if not is_locked(throttle, bucket):
        run = replace(run, failures=run.failures + 1, passwords=run.passwords + password)
    return throttle.having(bucket, run if bucket is Bucket.STEP_UP else tried(run, now))


def newly_held(before: Throttle, after: Throttle, bucket: Bucket, now: int) -> int:
    """Return the end of the delay that the last wrong entry of a bucket began, 0 if an earlier one did.

    Each later wait of the same row is the same hold. A lock is another one: `FOREVER`.
    """
    if is_locked(after, bucket):
        return 0 if is_locked(before, bucket) else FOREVER
    if bucket not in SIGN_IN or delay(before.run(bucket).tries) > 0:
        return 0
    return wait_until(after.run(bucket), now)


def taken_back(throttle: Throttle, reserved: Reserved) -> Throttle:
    """Return the state without a right password that was counted as wrong before its check.

    Earlier failures stay, and so do concurrent ones.
    """
    run = throttle.run(reserved.bucket)
    if run == reserved.after:
        return throttle.having(reserved.bucket, reserved.before)
    one_less = replace(
        run, failures=max(0, run.failures - 1), passwords=max(0, run.passwords - 1), tries=max(0, run.tries - 1)
    )
    return throttle.having(reserved.bucket, one_less)


def signed_in(throttle: Throttle, bucket: Bucket) -> Throttle:
    """Return the state after a completed sign-in from a network of this bucket.

    The strangers' delay continues: the network is known from now on, and an attacker elsewhere learns nothing.
    """
    run = throttle.run(bucket)
    own = replace(NONE, tries=run.tries, last=run.last) if bucket is Bucket.STRANGERS else NONE
    return throttle.having(bucket, own).having(Bucket.STEP_UP, NONE)


def code_accepted(throttle: Throttle, bucket: Bucket) -> Throttle:
    """Return the state after a right code that came without a password.

    Wrong passwords still count, and so does the delay from before the row that ends here, which completed sign-ins
    leave in place.
    """
    run = throttle.run(bucket)
    codes = max(0, run.failures - run.passwords)  # wrong codes, which are forgiven
    left = max(min(run.tries, run.passwords), run.tries - codes)
    return throttle.having(bucket, replace(run, failures=0, tries=left))


def proved(throttle: Throttle) -> Throttle:
    """Return the state after an accepted step-up."""
    return throttle.having(Bucket.STEP_UP, NONE)


def account_held_until(throttle: Throttle, now: int, *, has_known: bool) -> int:
    """Return the end of an account's longest hold, stored with the user to find held accounts.

    `FOREVER`: no sign-in is accepted from anywhere until an administrator unlocks the account. `PARTLY`: some are.
    `has_known`: the user has known networks.
    """
    locked = [is_locked(throttle, bucket) for bucket in SIGN_IN if has_known or bucket is Bucket.STRANGERS]
    if all(locked):
        return FOREVER
    if any(locked) or is_locked(throttle, Bucket.KNOWN):
        return PARTLY
    return max(wait_until(throttle.run(bucket), now) for bucket in SIGN_IN)


def is_held(until: int, now: int) -> bool:
    """Return True if a stored hold applies at `now`.

    One longer than any delay was set by a wrong clock.
    """
    return until >= PARTLY or now < until <= now + LONGEST_DELAY
